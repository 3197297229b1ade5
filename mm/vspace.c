// The kernel's address space: mapping inside of ranges, and memory and stacks mapped there.

#include "mm/vspace.h"
#include "kernel/panic.h"
#include "kernel/remote.h"
#include "lib/bits.h"
#include "mm/vspace_priv.h"

uintptr_t direct_map_base = 0xffff800000000000;
uintptr_t direct_map_size = BOOT_DIRECT_MAP_SIZE;
uintptr_t kernel_ranges_base = 0xffffc00000000000;

enum status vspace_init(const struct memory_map *map)
{
    paddr_t end;
    enum status status = arch_tables_init(map);
    if (status == OK)
        status = direct_map_build(map, &end);
    if (status == OK)
        status = ranges_init(kernel_ranges_base, kernel_ranges_base + KERNEL_RANGES_SIZE);
    if (status != OK)
        return status;
    arch_tables_enable();
    direct_map_size = end;
    page_drain();
    vspace.map = map;
    vspace.physical_end = arch_physical_limit();
    vspace.is_ready = true;
    return OK;
}

enum status vspace_reserve(size_t size, size_t alignment, const char *name, uintptr_t *start)
{
    return range_insert(size, alignment, 0, name, VSPACE_RESERVED, start);
}

struct range {
    uintptr_t start;
    size_t size;
};

static void flush_range(void *argument)
{
    const struct range *range = argument;
    arch_tlb_flush(range->start, range->size);
}

void tlb_shootdown(uintptr_t start, size_t size)
{
    struct range range = {start, size};
    arch_tlb_flush(start, size);
    if (unlikely(remote_online() > 1))
        remote_call_all(flush_range, &range);
}

// Tables stay where they are until no processor can be on its way through them. Others are told
// without the lock, for which they may be waiting with interrupts off.
static void forget(uintptr_t address, size_t size, paddr_t tables)
{
    tlb_shootdown(address, size);
    if (unlikely(tables))
        arch_free_tables(tables);
}

void vspace_release(uintptr_t start)
{
    uintptr_t state = lock_irqsave(&vspace.lock);
    unsigned index = range_index(start);
    const struct range_list *list = vspace.list;
    ASSERT(index < list->count && list->ranges[index].start == start);
    size_t size = list->ranges[index].end - start;
    enum status status = arch_unmap(start, size);
    ASSERT(status == OK); // no page reaches beyond: nothing is split
    paddr_t tables = arch_take_tables();
    unlock_irqrestore(&vspace.lock, state);
    forget(start, size, tables);

    state = lock_irqsave(&vspace.lock);
    range_remove(range_index(start));
    unlock_irqrestore(&vspace.lock, state);
}

// --- Mapping -------------------------------------------------------------------------------------

static bool are_pages(uintptr_t address, size_t size)
{
    return size && is_aligned(address | size, PAGE_SIZE);
}

// Whether memory may belong to the image: a first look, as most doesn't.
static inline bool is_near_image(paddr_t start, paddr_t end)
{
    return start < kernel_image_phys(kernel_image_end) &&
           end > kernel_image_phys(kernel_image_start);
}

static bool is_in_direct_map(paddr_t start, paddr_t end)
{
    struct mapping page;
    if (end > direct_map_size)
        end = direct_map_size;
    return start < end && arch_find_page(direct_map_base + start, direct_map_base + end, &page);
}

// Whether memory may have these rights somewhere. What one address caches and another doesn't may
// be lost [SDM3 12.12.4]. With the lock held.
static bool is_allowed(paddr_t start, paddr_t end, unsigned rights)
{
    if (rights & MAP_EXECUTE || (rights & MAP_WRITE && is_constant_memory(start, end)))
        return false;
    return !(rights & (MAP_UNCACHED | MAP_WRITE_COMBINING)) || !is_in_direct_map(start, end);
}

noinline static enum status map(uintptr_t address, paddr_t physical, size_t size, unsigned rights)
{
    if (!are_pages(address | physical, size) || physical >= vspace.physical_end ||
        size > vspace.physical_end - physical)
        return OUT_OF_RANGE;
    uintptr_t state = lock_irqsave(&vspace.lock);
    enum status status = OUT_OF_RANGE;
    if (range_holds(address, size))
        status = is_allowed(physical, physical + size, rights)
                     ? arch_map(address, physical, size, rights)
                     : BAD_ARGUMENT;
    unlock_irqrestore(&vspace.lock, state);
    return status;
}

// Single pages are mapped and unmapped all the time, mostly where others were before, and mostly as
// memory.
enum status vspace_map(uintptr_t address, paddr_t physical, size_t size, unsigned rights)
{
    if (size != PAGE_SIZE || !is_aligned(address | physical, PAGE_SIZE) || rights & ~MAP_WRITE ||
        physical >= vspace.physical_end || is_near_image(physical, physical + size))
        return map(address, physical, size, rights);
    uintptr_t state = lock_irqsave(&vspace.lock);
    bool done = range_is_recent(address) && arch_map_page(address, physical, rights);
    unlock_irqrestore(&vspace.lock, state);
    return likely(done) ? OK : map(address, physical, size, rights);
}

noinline static enum status unmap(uintptr_t address, size_t size)
{
    if (!are_pages(address, size) || !vspace.is_ready)
        return OUT_OF_RANGE;
    uintptr_t state = lock_irqsave(&vspace.lock);
    enum status status = range_holds(address, size) ? arch_unmap(address, size) : OUT_OF_RANGE;
    paddr_t tables = status == OK ? arch_take_tables() : NO_PAGE;
    unlock_irqrestore(&vspace.lock, state);
    if (status == OK)
        forget(address, size, tables);
    return status;
}

enum status vspace_unmap(uintptr_t address, size_t size)
{
    if (size != PAGE_SIZE || !is_aligned(address, PAGE_SIZE))
        return unmap(address, size);
    uintptr_t state = lock_irqsave(&vspace.lock);
    bool done = range_is_recent(address) && arch_unmap_page(address);
    unlock_irqrestore(&vspace.lock, state);
    if (unlikely(!done))
        return unmap(address, size);
    tlb_shootdown(address, size);
    return OK;
}

// Whether all that is mapped in the range may have these rights.
static bool allows(uintptr_t start, uintptr_t end, unsigned rights)
{
    struct mapping page;
    for (uintptr_t at = start; arch_find_page(at, end, &page); at = page.start + page.size)
        if (!is_allowed(page.physical, page.physical + page.size, rights))
            return false;
    return true;
}

enum status vspace_protect(uintptr_t address, size_t size, unsigned rights)
{
    if (!are_pages(address, size) || !vspace.is_ready)
        return OUT_OF_RANGE;
    if (rights & MAP_EXECUTE)
        return BAD_ARGUMENT;
    uintptr_t state = lock_irqsave(&vspace.lock);
    enum status status = OUT_OF_RANGE;
    if (range_holds(address, size))
        status = rights == MAP_READ || allows(address, address + size, rights)
                     ? arch_protect(address, size, rights)
                     : BAD_ARGUMENT;
    paddr_t tables = status == OK ? arch_take_tables() : NO_PAGE;
    unlock_irqrestore(&vspace.lock, state);
    if (status == OK)
        forget(address, size, tables);
    return status;
}

bool vspace_translate(uintptr_t address, struct mapping *mapping)
{
    uintptr_t state = lock_irqsave(&vspace.lock);
    bool is_mapped = vspace.is_ready && arch_translate(address, mapping);
    unlock_irqrestore(&vspace.lock, state);
    return is_mapped;
}

// --- Memory and stacks ---------------------------------------------------------------------------

static void free_list(paddr_t page)
{
    while (page) {
        paddr_t next = *(const paddr_t *)phys_to_virt(page, PAGE_SIZE);
        page_free(page);
        page = next;
    }
}

static bool find_page(uintptr_t start, uintptr_t end, struct mapping *page)
{
    uintptr_t state = lock_irqsave(&vspace.lock);
    bool is_there = arch_find_page(start, end, page);
    unlock_irqrestore(&vspace.lock, state);
    return is_there;
}

// The pages behind a range, as a list that begins with `page`: each holds the next one's address.
static paddr_t list_pages(uintptr_t start, uintptr_t end)
{
    paddr_t list = NO_PAGE;
    struct mapping page;
    for (uintptr_t at = start; find_page(at, end, &page); at = page.start + page.size)
        for (size_t offset = 0; offset < page.size; offset += PAGE_SIZE) {
            *(paddr_t *)phys_to_virt(page.physical + offset, PAGE_SIZE) = list;
            list = page.physical + offset;
        }
    return list;
}

// Nobody writes there any more when the list goes through the pages: whoever would, faults.
static void free_range(uintptr_t start, uintptr_t end)
{
    if (end != start) {
        enum status status = vspace_protect(start, end - start, MAP_READ);
        ASSERT(status == OK); // no page reaches beyond: nothing is split
    }
    paddr_t pages = list_pages(start, end);
    vspace_release(start);
    free_list(pages);
}

// Returns the end of what could be filled.
static uintptr_t fill(uintptr_t start, uintptr_t end)
{
    for (uintptr_t at = start; at < end; at += PAGE_SIZE) {
        paddr_t page = page_alloc(PAGE_ANY);
        if (!page)
            return at;
        if (vspace_map(at, page, PAGE_SIZE, MAP_WRITE) != OK) {
            page_free(page);
            return at;
        }
    }
    return end;
}

static uintptr_t alloc(size_t *size, const char *name, enum vspace_kind kind)
{
    uintptr_t start;
    *size = align_up(*size, PAGE_SIZE);
    // What can't be there isn't worth taking all of the others' memory for a moment.
    if (!vspace.is_ready || *size > memory_map_total(vspace.map, MEMORY_USABLE) ||
        range_insert(*size, PAGE_SIZE, 0, name, kind, &start) != OK)
        return 0;
    uintptr_t filled = fill(start, start + *size);
    if (filled == start + *size)
        return start;
    free_range(start, filled);
    return 0;
}

static void free_kind(uintptr_t address, enum vspace_kind kind)
{
    struct vspace_range range;
    bool is_there = range_copy(address, kind, &range);
    ASSERT(is_there);
    free_range(range.start, range.end);
}

void *vspace_alloc(size_t size, const char *name)
{
    return (void *)alloc(&size, name, VSPACE_MEMORY);
}

void vspace_free(void *memory)
{
    if (memory)
        free_kind((uintptr_t)memory, VSPACE_MEMORY);
}

void *vspace_stack_create(size_t size, const char *name)
{
    uintptr_t start = alloc(&size, name, VSPACE_STACK);
    return start ? (void *)(start + size) : NULL;
}

void vspace_stack_destroy(void *top)
{
    if (top)
        free_kind((uintptr_t)top - 1, VSPACE_STACK);
}
