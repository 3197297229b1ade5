// The direct map: all memory that is the kernel's to use or to read, at one distance from its
// physical address. Never executable. The image's constant parts are read-only here too, so that
// text has no writable alias. Devices, holes, bad and reserved memory are left out.

#include "kernel/log.h"
#include "lib/bits.h"
#include "mm/vspace_priv.h"

enum { LOW_END = 0xa0000, ROM_START = 0xc0000, ROM_END = 0x100000 }; // of a PC's first MiB

static void cut(paddr_t *end, paddr_t address, paddr_t border)
{
    if (address < border && border < *end)
        *end = border;
}

bool is_constant_memory(paddr_t start, paddr_t end)
{
    return (start < kernel_image_phys(kernel_rodata_end) &&
            end > kernel_image_phys(kernel_text_start)) ||
           (start < kernel_image_phys(kernel_image_end) &&
            end > kernel_image_phys(kernel_symbols_start));
}

static int rights_of_kind(enum memory_kind kind)
{
    switch (kind) {
    case MEMORY_USABLE:
    case MEMORY_RECLAIM:
    case MEMORY_FIRMWARE:
    case MEMORY_BOOT_INFO:
    case MEMORY_MODULE:
    case MEMORY_KERNEL:
        return MAP_WRITE;
    default:
        return DIRECT_ABSENT;
    }
}

// What the memory map says, and how far.
static int rights_by_map(const struct memory_map *map, paddr_t address, paddr_t *end)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        if (range->end <= address)
            continue;
        *end = address < range->start ? range->start : range->end;
        if (address < range->start)
            break;
        // The BIOS's data in conventional memory is read.
        bool is_low = address < LOW_END && range->kind == MEMORY_RESERVED;
        return is_low ? MAP_READ : rights_of_kind(range->kind);
    }
    return DIRECT_ABSENT;
}

static void warn_of_memory_above(const struct memory_map *map, paddr_t limit)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        if (range->kind == MEMORY_USABLE && range->end > limit)
            lost += range->end - (range->start > limit ? range->start : limit);
    }
    if (lost)
        log_warn("memory: %lu MiB above 0x%lx can't be reached", lost >> 20, limit);
}

int direct_map_rights(const struct memory_map *map, paddr_t address, paddr_t *end)
{
    const paddr_t borders[] = {
        LOW_END,
        ROM_START,
        ROM_END,
        kernel_image_phys(kernel_text_start),
        kernel_image_phys(kernel_rodata_end),
        kernel_image_phys(kernel_symbols_start),
        kernel_image_phys(kernel_image_end),
    };
    *end = UINT64_MAX;
    int rights = rights_by_map(map, address, end);
    for (unsigned i = 0; i < ARRAY_SIZE(borders); i++)
        cut(end, address, borders[i]);
    if (address >= LOW_END && address < ROM_END)
        return address < ROM_START ? DIRECT_ABSENT : MAP_READ;
    return rights == MAP_WRITE && is_constant_memory(address, address + 1) ? MAP_READ : rights;
}

enum status direct_map_build(const struct memory_map *map, paddr_t *end)
{
    paddr_t limit = arch_physical_limit(), room = kernel_ranges_base - direct_map_base;
    if (limit > room)
        limit = room;
    *end = 0;
    for (paddr_t at = 0, next; at < limit; at = next) {
        paddr_t more;
        int rights = direct_map_rights(map, at, &next);
        while (next < limit && direct_map_rights(map, next, &more) == rights)
            next = more;
        if (next > limit)
            next = limit;
        if (rights == DIRECT_ABSENT)
            continue;
        enum status status = arch_map(direct_map_base + at, at, next - at, (unsigned)rights);
        if (status != OK)
            return status;
        *end = next;
    }
    warn_of_memory_above(map, room);
    return OK;
}
