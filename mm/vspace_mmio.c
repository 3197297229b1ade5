// Physical memory at chosen addresses: device registers, framebuffers, firmware's tables.

#include "lib/bits.h"
#include "mm/vspace_priv.h"

enum { HUGE_PAGE_SIZE = 1 << 30 };

// Where pages can be large, addresses have the same distance from a multiple of their size.
static size_t alignment_for(size_t size)
{
    return size >= HUGE_PAGE_SIZE    ? HUGE_PAGE_SIZE
           : size >= LARGE_PAGE_SIZE ? LARGE_PAGE_SIZE
                                     : PAGE_SIZE;
}

static enum status map_physical(paddr_t physical, size_t size, unsigned rights, const char *name,
                                void **mapped)
{
    uintptr_t start;
    paddr_t first = align_down(physical, PAGE_SIZE);
    size_t length = align_up(physical + size, PAGE_SIZE) - first, alignment = alignment_for(length);
    enum status status =
        range_insert(length, alignment, first & (alignment - 1), name, VSPACE_PHYSICAL, &start);
    if (status != OK)
        return status;
    status = vspace_map(start, first, length, rights);
    if (status == OK)
        *mapped = (void *)(start + (physical - first));
    else
        vspace_release(start);
    return status;
}

static bool is_formed(paddr_t physical, size_t size)
{
    paddr_t limit = arch_physical_limit();
    return size && physical < limit && size <= limit - physical;
}

enum status vspace_map_mmio(paddr_t physical, size_t size, unsigned type, const char *name,
                            void **mapped)
{
    if (type != MAP_UNCACHED && type != MAP_WRITE_COMBINING)
        return BAD_ARGUMENT;
    if (!is_formed(physical, size))
        return OUT_OF_RANGE;
    if (!vspace.is_ready) {
        *mapped = phys_to_virt(physical, size);
        return *mapped ? OK : OUT_OF_RANGE;
    }
    enum status status = map_physical(physical, size, type | MAP_WRITE, name, mapped);
    if (status == OK && type == MAP_WRITE_COMBINING)
        arch_write_back_caches(); // what the firmware may have there mustn't overwrite what comes
    return status;
}

void *vspace_direct(paddr_t physical, size_t size)
{
    void *direct = phys_to_virt(physical, size);
    if (!direct || !vspace.is_ready)
        return direct;
    uintptr_t start = (uintptr_t)direct;
    struct mapping page;
    for (uintptr_t at = start; at - start < size; at = page.start + page.size)
        if (!vspace_translate(at, &page))
            return NULL;
    return direct;
}

enum status vspace_map_firmware(paddr_t physical, size_t size, const char *name,
                                const void **mapped)
{
    if (!is_formed(physical, size))
        return OUT_OF_RANGE;
    void *memory = vspace_direct(physical, size);
    enum status status = memory ? OK : OUT_OF_RANGE;
    if (!memory && vspace.is_ready)
        status = map_physical(physical, size, MAP_READ, name, &memory);
    if (status == OK)
        *mapped = memory;
    return status;
}

void vspace_unmap_physical(const void *mapped)
{
    struct vspace_range range;
    if (range_copy((uintptr_t)mapped, VSPACE_PHYSICAL, &range))
        vspace_release(range.start);
}
