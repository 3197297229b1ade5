// A picture of physical memory as a sorted list of ranges that don't overlap.
//
// Loaders hand over maps that are unsorted, overlapping and contradictory: here a kind that forbids
// more wins over one that forbids less, whatever the order in which they come. Memory that is in no
// range isn't there. Also compiled for host tests.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

// In the order of precedence: a later kind wins over an earlier one.
enum memory_kind {
    MEMORY_USABLE,
    MEMORY_PERSISTENT, // NVDIMM: not for us
    MEMORY_RECLAIM,    // firmware data (ACPI tables) that may be reused when read
    MEMORY_FIRMWARE,   // ACPI non-volatile storage, UEFI runtime services
    MEMORY_RESERVED,
    MEMORY_BAD,
    MEMORY_FRAMEBUFFER,
    MEMORY_BOOT_INFO, // the loader's information; free when it has been copied
    MEMORY_MODULE,
    MEMORY_KERNEL,
    MEMORY_KINDS
};

struct memory_range {
    paddr_t start, end; // end exclusive
    enum memory_kind kind;
};

enum { MEMORY_MAP_MAX = 320 };

struct memory_map {
    unsigned count;
    unsigned lost; // ranges that found no room; what they covered is no longer usable
    struct memory_range ranges[MEMORY_MAP_MAX];
};

// Adds [start, start + size) as `kind`. Usable memory shrinks to whole pages, everything else grows
// to them; what lies beyond `limit` (the processor's physical address width, in bytes) is cut off.
// An empty range changes nothing. A full map loses usable memory; it never makes anything usable
// that was reserved.
void memory_map_add(struct memory_map *map, paddr_t start, uint64_t size, enum memory_kind kind,
                    paddr_t limit);

// Makes usable memory at and above `end` disappear (the option mem=).
void memory_map_limit(struct memory_map *map, paddr_t end);

// Makes [start, end), whole pages, usable. BAD_ARGUMENT where part of it is in no range or usable
// already, NO_MEMORY where the map has no room; nothing is changed then.
must_use enum status memory_map_release(struct memory_map *map, paddr_t start, paddr_t end);

// Makes [start, end), whole pages and all of it usable, a part of `kind`, which isn't. BAD_ARGUMENT
// where it is otherwise, NO_MEMORY where the map has no room; nothing is changed then.
must_use enum status memory_map_withhold(struct memory_map *map, paddr_t start, paddr_t end,
                                         enum memory_kind kind);

// Bytes of one kind.
uint64_t memory_map_total(const struct memory_map *map, enum memory_kind kind);

// The range that holds `address`, or NULL.
const struct memory_range *memory_map_find(const struct memory_map *map, paddr_t address);

// What an E820 entry's type means [ACPI 15.1]; unknown types are reserved.
enum memory_kind memory_kind_from_e820(uint32_t type);

// "usable", "reserved" and so on.
const char *memory_kind_name(enum memory_kind kind);
