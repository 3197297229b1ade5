// What the parts of the kernel's address space share: the list of ranges, and the direct map.
#pragma once

#include "arch/arch.h"
#include "kernel/lock.h"
#include "mm/vspace.h"

// --- Ranges --------------------------------------------------------------------------------------
//
// An array sorted by address; between two ranges there are two pages at least, a guard of each. All
// under `lock`, which comes before the page allocator's.
//
// Panics read without the lock: they may miss a range that moves, but never read beyond an array or
// in memory that is somebody else's. So the count stands beside its array, and arrays that were too
// small stay where they are: together they are smaller than the one in use.
struct range_list {
    unsigned count, capacity;
    struct vspace_range ranges[];
};

struct vspace {
    struct lock lock;
    bool is_ready;
    struct range_list *list;
    uintptr_t recent;   // the range that was asked for last
    size_t recent_size; // 0: none
    uintptr_t next;     // where the search for a place begins
    uintptr_t start, end;
    const struct memory_map *map;
    paddr_t physical_end; // no processor can form addresses from here on
};
extern struct vspace vspace;

// Everything empty: ranges will lie in [start, end). NO_MEMORY where there is none for the list.
must_use enum status ranges_init(uintptr_t start, uintptr_t end);

// Enters a range whose start is `skew` more than a multiple of `alignment`. NO_MEMORY where there
// is no place for it, BAD_ARGUMENT for sizes and alignments that make no sense. Takes the lock.
must_use enum status range_insert(size_t size, size_t alignment, size_t skew, const char *name,
                                  enum vspace_kind kind, uintptr_t *start);

// Forgets a range. With the lock held; `index` as range_index() gives it.
void range_remove(unsigned index);

// The first range that ends above `address`; the list's count: none. With the lock held.
unsigned range_index(uintptr_t address);

// Copies the range of this kind that holds `address`; false: there is none. Takes the lock.
must_use bool range_copy(uintptr_t address, enum vspace_kind kind, struct vspace_range *range);

// Remembers the range that holds `address`; false: there is none. With the lock held.
must_use bool range_recall(uintptr_t address);

// Whether the address, and all of [address, address + size), lies in the range remembered last, and
// in any. With the lock held.
static inline bool range_is_recent(uintptr_t address)
{
    return address - vspace.recent < vspace.recent_size;
}

static inline bool range_holds(uintptr_t address, size_t size)
{
    if (!range_is_recent(address) && !range_recall(address))
        return false;
    return size <= vspace.recent_size - (address - vspace.recent);
}

// --- The image and the direct map ----------------------------------------------------------------

// Whether physical memory holds a part of the image that nobody may write.
must_use bool is_constant_memory(paddr_t start, paddr_t end);

// The rights that the direct map gives at `address`, and, in `end`, how far it gives the same ones;
// DIRECT_ABSENT: it leaves that out.
enum { DIRECT_ABSENT = -1 };
int direct_map_rights(const struct memory_map *map, paddr_t address, paddr_t *end);

// Maps it, in the tables that aren't in use yet, and tells its end.
must_use enum status direct_map_build(const struct memory_map *map, paddr_t *end);
