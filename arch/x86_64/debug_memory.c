// Memory as it looks from outside, and breakpoints in it.
//
// What is mapped read-only is written by way of a page of our own, the window, which shows nothing
// that matters but for the moment of the write: all other processors are held then, and none of
// them has ever seen what is there.

#include "arch/arch.h"
#include "arch/x86_64/debug_priv.h"
#include "arch/x86_64/page_table.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/vspace.h"

enum { BREAKPOINTS_MAX = 64, INT3 = 0xcc };

static struct breakpoint {
    uintptr_t address; // 0: none
    uint8_t before;
    bool is_in;
} breakpoints[BREAKPOINTS_MAX];

static uintptr_t window;

enum status debug_memory_init(void)
{
    struct mapping own;
    enum status status = vspace_reserve(PAGE_SIZE, PAGE_SIZE, "debugger", &window);
    if (status != OK)
        return status;
    uintptr_t page = align_down((uintptr_t)breakpoints, PAGE_SIZE);
    if (!arch_translate(page, &own))
        return FAULT;
    return vspace_map(window, own.physical + (page - own.start), PAGE_SIZE, MAP_READ);
}

// --- Memory --------------------------------------------------------------------------------------

// The largest power of two up to 8 that the address is a multiple of, and that is left.
static unsigned piece_at(uint64_t address, size_t left)
{
    unsigned piece = 8;
    while (piece > left || !is_aligned(address, piece))
        piece /= 2;
    return piece;
}

// One access by way of the window, as uncached where that is asked for.
static enum status access_window(paddr_t physical, unsigned size, uint64_t *value, bool writes,
                                 unsigned kind)
{
    uint64_t *entry = page_place(window).entry, before = *entry;
    uintptr_t address = window + physical % PAGE_SIZE;
    unsigned rights = (writes ? MAP_WRITE : MAP_READ) | kind;
    if (physical >= arch_physical_limit())
        return FAULT;
    write_entry(entry, align_down(physical, PAGE_SIZE) | page_bits(rights));
    invlpg(window);
    enum status status =
        writes ? arch_probe_write(address, size, *value) : arch_probe_read(address, size, value);
    write_entry(entry, before);
    invlpg(window);
    return status;
}

static enum status read_piece(enum debug_space space, uint64_t address, unsigned size,
                              uint64_t *value)
{
    if (space == DEBUG_VIRTUAL)
        return arch_probe_read(address, size, value);
    const void *direct = vspace_direct(address, size);
    return direct ? arch_probe_read((uintptr_t)direct, size, value)
                  : access_window(address, size, value, false, MAP_UNCACHED);
}

static enum status write_piece(enum debug_space space, uint64_t address, unsigned size,
                               uint64_t value)
{
    struct mapping mapping;
    if (space == DEBUG_PHYSICAL) {
        unsigned kind = vspace_direct(address, size) ? 0 : MAP_UNCACHED;
        return access_window(address, size, &value, true, kind);
    }
    enum status status = arch_probe_write(address, size, value);
    if (status == OK || !arch_translate(address, &mapping))
        return status;
    return access_window(mapping.physical + (address - mapping.start), size, &value, true, 0);
}

size_t debug_read(enum debug_space space, uint64_t address, void *bytes, size_t size)
{
    size_t done = 0;
    for (unsigned piece; done < size; done += piece) {
        uint64_t value;
        piece = piece_at(address + done, size - done);
        if (read_piece(space, address + done, piece, &value) != OK)
            break;
        memcpy((uint8_t *)bytes + done, &value, piece);
    }
    return done;
}

// What a processor is held by lies below what it was doing, on the same stack: whoever writes
// there, as for a call that GDB wants made, would take the ground from under it.
static bool is_ground(uint64_t address, size_t size)
{
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++) {
        const struct debug_cpu *held = debug_held(cpu);
        uintptr_t frame = held ? (uintptr_t)held->frame : 0, end = held ? held->frame->rsp : 0;
        bool is_below = frame && end > frame && end - frame < THREAD_STACK_SIZE;
        if (is_below && address < end && address + size > frame - THREAD_STACK_SIZE / 2)
            return true;
    }
    return false;
}

size_t debug_write(enum debug_space space, uint64_t address, const void *bytes, size_t size)
{
    size_t done = 0;
    if (space == DEBUG_VIRTUAL && is_ground(address, size))
        return 0;
    for (unsigned piece; done < size; done += piece) {
        uint64_t value = 0;
        piece = piece_at(address + done, size - done);
        memcpy(&value, (const uint8_t *)bytes + done, piece);
        if (write_piece(space, address + done, piece, value) != OK)
            break;
    }
    return done;
}

// --- Breakpoints ---------------------------------------------------------------------------------

static struct breakpoint *find(uintptr_t address)
{
    for (unsigned i = 0; i < BREAKPOINTS_MAX; i++)
        if (breakpoints[i].address == address)
            return &breakpoints[i];
    return NULL;
}

enum status debug_insert(uintptr_t address)
{
    uint8_t byte;
    struct breakpoint *free = find(0);
    if (!address || debug_read(DEBUG_VIRTUAL, address, &byte, 1) != 1)
        return FAULT;
    if (find(address))
        return OK;
    if (!free)
        return NO_MEMORY;
    *free = (struct breakpoint){.address = address};
    return OK;
}

enum status debug_remove(uintptr_t address)
{
    struct breakpoint *found = address ? find(address) : NULL;
    if (!found)
        return NOT_FOUND;
    *found = (struct breakpoint){0};
    return OK;
}

bool debug_has_breakpoint(uintptr_t address)
{
    const struct breakpoint *found = address ? find(address) : NULL;
    return found && found->is_in;
}

static void put_in(struct breakpoint *breakpoint)
{
    const uint8_t int3 = INT3;
    breakpoint->is_in =
        debug_read(DEBUG_VIRTUAL, breakpoint->address, &breakpoint->before, 1) == 1 &&
        debug_write(DEBUG_VIRTUAL, breakpoint->address, &int3, 1) == 1;
}

static void take_out(struct breakpoint *breakpoint)
{
    if (breakpoint->is_in)
        (void)debug_write(DEBUG_VIRTUAL, breakpoint->address, &breakpoint->before, 1);
    breakpoint->is_in = false;
}

void debug_breakpoints_in(void)
{
    for (unsigned i = 0; i < BREAKPOINTS_MAX; i++)
        if (breakpoints[i].address)
            put_in(&breakpoints[i]);
}

void debug_breakpoints_out(void)
{
    for (unsigned i = 0; i < BREAKPOINTS_MAX; i++)
        take_out(&breakpoints[i]);
}

void debug_breakpoint_out(uintptr_t address)
{
    take_out(find(address));
}

void debug_forget_points(void)
{
    memset(breakpoints, 0, sizeof(breakpoints)); // none is in memory while somebody talks
    debug_forget_slots();
}
