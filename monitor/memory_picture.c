// Physical memory as a picture.

#include "monitor/memory_picture.h"
#include "lib/string.h"

static bool is_memory(enum memory_kind kind)
{
    return kind != MEMORY_RESERVED && kind != MEMORY_FRAMEBUFFER;
}

paddr_t picture_end(const struct memory_map *map)
{
    for (unsigned i = map->count; i-- > 0;)
        if (is_memory(map->ranges[i].kind))
            return map->ranges[i].end;
    return 0;
}

uint64_t picture_bytes(const struct memory_map *map, enum memory_kind kind, paddr_t start,
                       paddr_t end)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        paddr_t low = range->start > start ? range->start : start;
        paddr_t high = range->end < end ? range->end : end;
        if (range->kind == kind && low < high)
            bytes += high - low;
    }
    return bytes;
}

static paddr_t slice_start(paddr_t end, unsigned slice)
{
    return end * slice / PICTURE_SLICES;
}

enum picture_share picture_share_of(uint64_t bytes, uint64_t size)
{
    if (bytes == 0 || size == 0)
        return SHARE_NONE;
    return bytes >= size ? SHARE_ALL : (enum picture_share)(SHARE_LOW + bytes * 3 / size);
}

enum picture_share picture_share(const struct memory_map *map, enum memory_kind kind, paddr_t end,
                                 unsigned slice)
{
    paddr_t low = slice_start(end, slice), high = slice_start(end, slice + 1);
    return picture_share_of(picture_bytes(map, kind, low, high), high - low);
}

const char *picture_block(enum picture_share share)
{
    static const char *const blocks[] = {
        [SHARE_NONE] = " ",      [SHARE_LOW] = "\u2591", [SHARE_MIDDLE] = "\u2592",
        [SHARE_HIGH] = "\u2593", [SHARE_ALL] = "\u2588",
    };
    return blocks[share];
}

static char *append_block(char *at, enum picture_share share)
{
    const char *block = picture_block(share);
    size_t length = strlen(block);
    memcpy(at, block, length);
    return at + length;
}

char *picture_draw(picture_count *count, const void *context, paddr_t end,
                   char bar[PICTURE_BAR_MAX])
{
    char *at = bar;
    for (unsigned slice = 0; slice < PICTURE_SLICES; slice++) {
        paddr_t low = slice_start(end, slice), high = slice_start(end, slice + 1);
        at = append_block(at, picture_share_of(count(context, low, high), high - low));
    }
    *at = 0;
    return bar;
}

struct kind_in_map {
    const struct memory_map *map;
    enum memory_kind kind;
};

static uint64_t count_kind(const void *context, paddr_t start, paddr_t end)
{
    const struct kind_in_map *wanted = context;
    return picture_bytes(wanted->map, wanted->kind, start, end);
}

char *picture_bar(const struct memory_map *map, enum memory_kind kind, paddr_t end,
                  char bar[PICTURE_BAR_MAX])
{
    struct kind_in_map wanted = {map, kind};
    return picture_draw(count_kind, &wanted, end, bar);
}

// Three steps a block: two shades, and full.
char *picture_meter(uint64_t part, uint64_t whole, unsigned width, char bar[PICTURE_BAR_MAX])
{
    char *at = bar;
    uint64_t steps = whole ? (part * width * 3 + whole - 1) / whole : 0;
    if (part < whole && steps >= width * 3ull)
        steps = width * 3ull - 1;
    for (unsigned i = 0; i < width; i++, steps -= steps < 3 ? steps : 3)
        at = append_block(at, steps >= 3 ? SHARE_ALL : (enum picture_share)steps);
    *at = 0;
    return bar;
}
