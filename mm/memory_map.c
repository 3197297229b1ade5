// A picture of physical memory. Invariant: ranges are sorted, not empty, page-aligned, don't
// overlap, and neighbours that touch are of different kinds.

#include "mm/memory_map.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/layout.h"

static void remove_range(struct memory_map *map, unsigned at)
{
    map->count--;
    memmove(&map->ranges[at], &map->ranges[at + 1],
            (map->count - at) * sizeof(struct memory_range));
}

// Returns how many ranges it has inserted: an empty one, or one into a full map, is none.
static unsigned insert_range(struct memory_map *map, unsigned at, struct memory_range range)
{
    if (range.start >= range.end)
        return 0;
    if (map->count == MEMORY_MAP_MAX) {
        map->lost++;
        return 0;
    }
    memmove(&map->ranges[at + 1], &map->ranges[at],
            (map->count - at) * sizeof(struct memory_range));
    map->ranges[at] = range;
    map->count++;
    return 1;
}

// Takes [start, end) out of range `at`, which holds all of it, and returns the index where a new
// range may go. Where the map is full, the part above the hole gives way.
static unsigned carve(struct memory_map *map, unsigned at, paddr_t start, paddr_t end)
{
    struct memory_range *range = &map->ranges[at];
    struct memory_range above = {end, range->end, range->kind};
    if (start == range->start) {
        range->start = end;
        if (range->start == range->end)
            remove_range(map, at);
        return at;
    }
    range->end = start;
    insert_range(map, at + 1, above);
    return at + 1;
}

static void overlay(struct memory_map *map, struct memory_range range)
{
    unsigned at = 0;
    while (at < map->count && map->ranges[at].end <= range.start)
        at++;
    while (range.start < range.end) {
        const struct memory_range *old = at < map->count ? &map->ranges[at] : NULL;
        bool gap = !old || range.start < old->start;
        paddr_t end = !old ? range.end : gap ? old->start : old->end;
        if (end > range.end)
            end = range.end;
        if (!gap && old->kind >= range.kind) {
            at++;
        } else {
            if (!gap)
                at = carve(map, at, range.start, end);
            at += insert_range(map, at, (struct memory_range){range.start, end, range.kind});
        }
        range.start = end;
    }
}

static void merge_neighbours(struct memory_map *map)
{
    for (unsigned i = map->count; i-- > 1;) {
        struct memory_range *low = &map->ranges[i - 1];
        if (low->end != map->ranges[i].start || low->kind != map->ranges[i].kind)
            continue;
        low->end = map->ranges[i].end;
        remove_range(map, i);
    }
}

void memory_map_add(struct memory_map *map, paddr_t start, uint64_t size, enum memory_kind kind,
                    paddr_t limit)
{
    limit = align_down(limit, PAGE_SIZE);
    paddr_t end;
    if (__builtin_add_overflow(start, size, &end) || end > limit)
        end = limit;
    if (size == 0 || start >= end)
        return;
    if (kind == MEMORY_USABLE) {
        start = align_up(start, PAGE_SIZE);
        end = align_down(end, PAGE_SIZE);
    } else {
        start = align_down(start, PAGE_SIZE);
        end = align_up(end, PAGE_SIZE);
    }
    if (kind == MEMORY_USABLE && map->lost) {
        map->lost++; // it might lie over a reservation that was lost
        return;
    }
    overlay(map, (struct memory_range){start, end, kind});
    merge_neighbours(map);
}

void memory_map_limit(struct memory_map *map, paddr_t end)
{
    end = align_down(end, PAGE_SIZE);
    for (unsigned i = map->count; i-- > 0;) {
        struct memory_range *range = &map->ranges[i];
        if (range->kind != MEMORY_USABLE || range->end <= end)
            continue;
        range->end = end;
        if (range->start >= end)
            remove_range(map, i);
    }
}

static bool is_withheld(const struct memory_map *map, paddr_t start, paddr_t end)
{
    while (start < end) {
        const struct memory_range *range = memory_map_find(map, start);
        if (!range || range->kind == MEMORY_USABLE)
            return false;
        start = range->end;
    }
    return true;
}

enum status memory_map_release(struct memory_map *map, paddr_t start, paddr_t end)
{
    if (!is_withheld(map, start, end))
        return BAD_ARGUMENT;
    if (map->count + 2 > MEMORY_MAP_MAX) // what is left below and above
        return NO_MEMORY;
    while (start < end) {
        unsigned at = (unsigned)(memory_map_find(map, start) - map->ranges);
        paddr_t stop = map->ranges[at].end < end ? map->ranges[at].end : end;
        at = carve(map, at, start, stop);
        insert_range(map, at, (struct memory_range){start, stop, MEMORY_USABLE});
        start = stop;
    }
    merge_neighbours(map);
    return OK;
}

enum status memory_map_withhold(struct memory_map *map, paddr_t start, paddr_t end,
                                enum memory_kind kind)
{
    const struct memory_range *range = memory_map_find(map, start);
    if (start >= end || !is_aligned(start | end, PAGE_SIZE) || kind == MEMORY_USABLE)
        return BAD_ARGUMENT;
    if (!range || range->kind != MEMORY_USABLE || range->end < end)
        return BAD_ARGUMENT;
    if (map->count + 2 > MEMORY_MAP_MAX) // this one, and what is left above
        return NO_MEMORY;
    overlay(map, (struct memory_range){start, end, kind});
    merge_neighbours(map);
    return OK;
}

uint64_t memory_map_total(const struct memory_map *map, enum memory_kind kind)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < map->count; i++)
        if (map->ranges[i].kind == kind)
            total += map->ranges[i].end - map->ranges[i].start;
    return total;
}

const struct memory_range *memory_map_find(const struct memory_map *map, paddr_t address)
{
    for (unsigned i = 0; i < map->count; i++)
        if (address >= map->ranges[i].start && address < map->ranges[i].end)
            return &map->ranges[i];
    return NULL;
}

enum memory_kind memory_kind_from_e820(uint32_t type)
{
    switch (type) {
    case 1:
        return MEMORY_USABLE;
    case 3:
        return MEMORY_RECLAIM;
    case 4:
        return MEMORY_FIRMWARE;
    case 5:
        return MEMORY_BAD;
    case 7:
        return MEMORY_PERSISTENT;
    default:
        return MEMORY_RESERVED;
    }
}

const char *memory_kind_name(enum memory_kind kind)
{
    static const char *const names[MEMORY_KINDS] = {
        [MEMORY_USABLE] = "usable",       [MEMORY_PERSISTENT] = "persistent",
        [MEMORY_RECLAIM] = "ACPI tables", [MEMORY_FIRMWARE] = "firmware",
        [MEMORY_RESERVED] = "reserved",   [MEMORY_BAD] = "bad",
        [MEMORY_FRAMEBUFFER] = "screen",  [MEMORY_BOOT_INFO] = "boot information",
        [MEMORY_MODULE] = "module",       [MEMORY_KERNEL] = "kernel",
    };
    return kind < MEMORY_KINDS ? names[kind] : "kind?";
}
