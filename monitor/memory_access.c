// Memory that a command reads or writes (monitor/memory_access.h).

#include "monitor/memory_access.h"
#include "arch/arch.h"
#include "kernel/console.h"
#include "lib/string.h"
#include "mm/vspace.h"
#include "monitor/command.h"

bool memory_place(const char *word, struct memory_place *place)
{
    place->is_physical = string_starts_with(word, "phys:");
    if (!place->is_physical)
        return command_address(word, &place->address);
    if (!command_number(word + 5, &place->address))
        return false;
    if (place->address < arch_physical_limit())
        return true;
    print("0x%lx is no physical address: they end at 0x%lx\n", place->address,
          arch_physical_limit());
    return false;
}

// The virtual address where `size` bytes can be reached; to be closed. 0: nowhere.
static uintptr_t open_place(const struct memory_place *place, uint64_t offset, size_t size)
{
    uint64_t address = place->address + offset;
    if (!place->is_physical)
        return address;
    void *mapped = vspace_direct(address, size);
    if (!mapped && vspace_map_mmio(address, size, MAP_UNCACHED, "monitor", &mapped) != OK)
        return 0;
    return (uintptr_t)mapped;
}

static void close_place(const struct memory_place *place, uintptr_t mapped)
{
    if (place->is_physical)
        vspace_unmap_physical((const void *)mapped);
}

enum status memory_read(const struct memory_place *place, uint64_t offset, unsigned size,
                        uint64_t *value)
{
    uintptr_t mapped = open_place(place, offset, size);
    if (!mapped && place->is_physical)
        return FAULT;
    enum status status = arch_probe_read(mapped, size, value);
    close_place(place, mapped);
    return status;
}

enum status memory_write(const struct memory_place *place, unsigned size, uint64_t value)
{
    uintptr_t mapped = open_place(place, 0, size);
    if (!mapped && place->is_physical)
        return FAULT;
    enum status status = arch_probe_write(mapped, size, value);
    close_place(place, mapped);
    return status;
}

// How many of the bytes have a physical address.
static unsigned bytes_there(const struct memory_place *place, uint64_t offset, unsigned count)
{
    uint64_t left = arch_physical_limit() - place->address;
    if (!place->is_physical || (offset < left && count <= left - offset))
        return count;
    return offset < left ? (unsigned)(left - offset) : 0;
}

// Bytes of one page. Returns how many can be read.
static unsigned read_in_page(const struct memory_place *place, uint64_t offset, uint8_t *bytes,
                             unsigned count)
{
    unsigned done = 0;
    uint64_t value;
    uintptr_t mapped = open_place(place, offset, count);
    if (!mapped && place->is_physical)
        return 0;
    while (done < count && arch_probe_read(mapped + done, 1, &value) == OK)
        bytes[done++] = (uint8_t)value;
    close_place(place, mapped);
    return done;
}

unsigned memory_read_bytes(const struct memory_place *place, uint64_t offset, uint8_t *bytes,
                           unsigned count)
{
    unsigned done = 0, got, step;
    count = bytes_there(place, offset, count);
    do {
        uint64_t to_end = PAGE_SIZE - (place->address + offset + done) % PAGE_SIZE;
        step = count - done < to_end ? count - done : (unsigned)to_end;
        got = step ? read_in_page(place, offset + done, bytes + done, step) : 0;
        done += got;
    } while (got && got == step);
    return done;
}
