// Physical memory as a picture: the addresses from 0 to the end of memory in slices of one size,
// and a bar for each kind, in which a block shows how much of a slice is of that kind.
//
// Reads nothing but the map that it is given. Also compiled for host tests.
#pragma once

#include "lib/types.h"
#include "mm/memory_map.h"

enum { PICTURE_SLICES = 48, PICTURE_BAR_MAX = 3 * PICTURE_SLICES + 1 }; // bytes, with a NUL

enum picture_share {
    SHARE_NONE,
    SHARE_LOW,    // less than a third, however little
    SHARE_MIDDLE, // less than two thirds
    SHARE_HIGH,   // the rest, but not all
    SHARE_ALL,
};

// One past the highest address of memory, as opposed to devices: what is only known as reserved,
// and the screen, don't count. 0 where the map has no memory.
paddr_t picture_end(const struct memory_map *map);

// The share of `bytes` in a slice of `size` bytes; none in an empty one.
enum picture_share picture_share_of(uint64_t bytes, uint64_t size);

// Bytes of one kind in [start, end).
uint64_t picture_bytes(const struct memory_map *map, enum memory_kind kind, paddr_t start,
                       paddr_t end);

// How much of a slice (0 to PICTURE_SLICES - 1) of [0, end) is of one kind. `end` is at most 2^52;
// a slice that is empty, because `end` is less than PICTURE_SLICES, has SHARE_NONE.
enum picture_share picture_share(const struct memory_map *map, enum memory_kind kind, paddr_t end,
                                 unsigned slice);

// The bar of one kind over [0, end), in UTF-8: PICTURE_SLICES characters wide. Returns `bar`.
char *picture_bar(const struct memory_map *map, enum memory_kind kind, paddr_t end,
                  char bar[PICTURE_BAR_MAX]);

// The same for anything that can be counted by address.
typedef uint64_t picture_count(const void *context, paddr_t start, paddr_t end);
char *picture_draw(picture_count *count, const void *context, paddr_t end,
                   char bar[PICTURE_BAR_MAX]);

// A meter `width` characters wide (at most PICTURE_SLICES), filled as `part` is of `whole`. Where
// `part` isn't 0 it shows something, where it is less than `whole` it isn't full. Returns `bar`.
char *picture_meter(uint64_t part, uint64_t whole, unsigned width, char bar[PICTURE_BAR_MAX]);

// The block that stands for a share, in UTF-8.
const char *picture_block(enum picture_share share);
