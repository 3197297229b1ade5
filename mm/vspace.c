// The kernel's address space: mapping inside of ranges, and memory and stacks mapped there.

#include "mm/vspace.h"
#include "kernel/panic.h"
#include "lib/bits.h"
#include "mm/tlb.h"
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

static void forget(uintptr_t address, size_t size, paddr_t tables)
{
    tlb_shootdown(address, size);
    if (unlikely(tables))
        arch_free_tables(tables);
}

// Unmaps the range that begins there; it is to be removed when the batch is flushed.
static void empty_range(uintptr_t start, struct tlb_batch *batch)
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
    tlb_batch_add(batch, start, size, tables);
}

static void forget_range(uintptr_t start)
{
    uintptr_t state = lock_irqsave(&vspace.lock);
    range_remove(range_index(start));
    unlock_irqrestore(&vspace.lock, state);
}

void vspace_release(uintptr_t start)
{
    struct tlb_batch batch = {.count = 0};
    empty_range(start, &batch);
    tlb_batch_flush(&batch);
    forget_range(start);
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

struct filled_range {
    uintptr_t start, end; // of what is mapped there
};

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

// Puts the pages behind a range onto a list: each holds the address of the next.
static void list_pages(const struct filled_range *range, paddr_t *list)
{
    struct mapping page;
    for (uintptr_t at = range->start; find_page(at, range->end, &page); at = page.start + page.size)
        for (size_t offset = 0; offset < page.size; offset += PAGE_SIZE) {
            *(paddr_t *)phys_to_virt(page.physical + offset, PAGE_SIZE) = *list;
            *list = page.physical + offset;
        }
}

static void make_constant(const struct filled_range *range, struct tlb_batch *batch)
{
    if (range->end == range->start)
        return;
    size_t size = range->end - range->start;
    uintptr_t state = lock_irqsave(&vspace.lock);
    enum status status = arch_protect(range->start, size, MAP_READ);
    ASSERT(status == OK); // no page reaches beyond: nothing is split
    paddr_t tables = arch_take_tables();
    unlock_irqrestore(&vspace.lock, state);
    tlb_batch_add(batch, range->start, size, tables);
}

// Nobody writes there any more when the list goes through the pages: whoever would, faults. Other
// processors are interrupted twice, however many ranges there are.
static void free_ranges(const struct filled_range *ranges, unsigned count)
{
    struct tlb_batch batch = {.count = 0};
    paddr_t pages = NO_PAGE;
    for (unsigned i = 0; i < count; i++)
        make_constant(&ranges[i], &batch);
    tlb_batch_flush(&batch);
    for (unsigned i = 0; i < count; i++) {
        list_pages(&ranges[i], &pages);
        empty_range(ranges[i].start, &batch);
    }
    tlb_batch_flush(&batch);
    for (unsigned i = 0; i < count; i++)
        forget_range(ranges[i].start);
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
    free_ranges(&(struct filled_range){start, filled}, 1);
    return 0;
}

static struct filled_range find_kind(uintptr_t address, enum vspace_kind kind)
{
    struct vspace_range range;
    bool is_there = range_copy(address, kind, &range);
    ASSERT(is_there);
    return (struct filled_range){range.start, range.end};
}

void *vspace_alloc(size_t size, const char *name)
{
    return (void *)alloc(&size, name, VSPACE_MEMORY);
}

void vspace_free(void *memory)
{
    if (!memory)
        return;
    struct filled_range range = find_kind((uintptr_t)memory, VSPACE_MEMORY);
    free_ranges(&range, 1);
}

void *vspace_stack_create(size_t size, const char *name)
{
    uintptr_t start = alloc(&size, name, VSPACE_STACK);
    return start ? (void *)(start + size) : NULL;
}

void vspace_stacks_destroy(void *const tops[], unsigned count)
{
    struct filled_range ranges[VSPACE_STACKS_MAX];
    unsigned found = 0;
    ASSERT(count <= VSPACE_STACKS_MAX);
    for (unsigned i = 0; i < count; i++)
        if (tops[i])
            ranges[found++] = find_kind((uintptr_t)tops[i] - 1, VSPACE_STACK);
    free_ranges(ranges, found);
}

void vspace_stack_destroy(void *top)
{
    vspace_stacks_destroy(&top, 1);
}
