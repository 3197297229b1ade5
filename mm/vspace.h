// The kernel's address space: who has which range of it, and what is mapped there.
//
// Invariants: no page is both writable and executable; text has no writable alias; nothing is
// mapped below the canonical hole; every mapping lies in the image, the direct map, or a range that
// has an owner's name. vspace_check() proves them. docs/memory.md has the whole picture.
//
// Any context but NMI and machine check, on any processor, unless said otherwise.
#pragma once

#include "arch/arch.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/memory_map.h"
#include "mm/page.h"

// Replaces the boot's page tables by final ones: the image with each section's rights, a direct map
// of the memory in `map` (reserved ranges left out), and the kernel ranges. After page_init(). The
// first tables come from memory that the boot's tables reach.
must_use enum status vspace_init(const struct memory_map *map);

enum vspace_kind { // what has made a range
    VSPACE_RESERVED,
    VSPACE_MEMORY,
    VSPACE_STACK,
    VSPACE_PHYSICAL,
};

struct vspace_range {
    uintptr_t start, end; // end exclusive; guards are outside
    const char *name;     // not copied
    enum vspace_kind kind;
};

// A range of addresses with unmapped guard pages on both sides, which are nobody else's. `size` in
// bytes, rounded up to pages; `alignment` a power of two, at least PAGE_SIZE. BAD_ARGUMENT where
// they aren't, or are larger than all ranges together; NO_MEMORY where there is no place left.
must_use enum status vspace_reserve(size_t size, size_t alignment, const char *name,
                                    uintptr_t *start);

// Unmaps whatever is mapped in the range, and forgets it. The memory behind it stays its owner's.
// `start` as vspace_reserve() gave it, once: anything else is a panic.
void vspace_release(uintptr_t start);

// Inside of one reserved range; multiples of PAGE_SIZE. OUT_OF_RANGE where that isn't so or no
// processor can form the physical address. BAD_ARGUMENT for rights that are executable (nothing but
// the image ever is: memory is writable in the direct map), a page that is mapped already, a
// writable alias of the image's read-only parts, and any but a cached one of memory that the direct
// map has; NO_MEMORY with nothing changed. `rights` as in arch/arch.h. Unmapped pages are forgotten
// by all processors when these return.
must_use enum status vspace_map(uintptr_t address, paddr_t physical, size_t size, unsigned rights);
must_use enum status vspace_unmap(uintptr_t address, size_t size);
must_use enum status vspace_protect(uintptr_t address, size_t size, unsigned rights);

// What is mapped at any address, in a range or not; false: nothing.
must_use bool vspace_translate(uintptr_t address, struct mapping *mapping);

// Memory whose pages needn't follow each other physically, guarded on both sides; not zeroed.
// NULL when there is no memory.
must_use void *vspace_alloc(size_t size, const char *name);
void vspace_free(void *memory);

// A stack of `size` bytes, guarded on both sides. Returns its top, 16-byte aligned; NULL when there
// is no memory.
must_use void *vspace_stack_create(size_t size, const char *name);
void vspace_stack_destroy(void *top);

// Several at once, which interrupts other processors no more often than for one; NULL is none.
enum { VSPACE_STACKS_MAX = 8 };
void vspace_stacks_destroy(void *const tops[], unsigned count);

// Maps device registers (MAP_UNCACHED) or a framebuffer (MAP_WRITE_COMBINING), any alignment.
// OUT_OF_RANGE where the processor can't form the address, BAD_ARGUMENT where part of it is memory
// that the direct map has. Before vspace_init(), for a panic's
// sake: the boot's map of it, cached, if there is one.
must_use enum status vspace_map_mmio(paddr_t physical, size_t size, unsigned type, const char *name,
                                     void **mapped);

// The direct map's address of physical memory if all of [physical, physical + size) is mapped
// there, else NULL.
must_use void *vspace_direct(paddr_t physical, size_t size);

// Firmware's tables, to be read: by way of the direct map where it has them, else mapped read-only.
must_use enum status vspace_map_firmware(paddr_t physical, size_t size, const char *name,
                                         const void **mapped);

// For both. What lies in the direct map stays there.
void vspace_unmap_physical(const void *mapped);

// The range that holds `address` or has it in its guards; NULL: none. `is_guard` says which.
// Any context: reads without a lock, for panics. What is found may be another range as soon as
// somebody makes or releases one.
const struct vspace_range *vspace_find(uintptr_t address, bool *is_guard);

// All ranges in the order of their addresses; NULL past the last. Without a lock too.
const struct vspace_range *vspace_range(unsigned index);

// Walks every table and proves the invariants above, and that nothing is missing from the image and
// the direct map. Calls `complain` for everything wrong, returns
// how often. Nobody may map or unmap meanwhile.
unsigned vspace_check(mm_complain *complain);
