// Memory type range registers: what the firmware says of how memory may be cached [SDM3 12.11].
//
// A page must not have more than one type in it, and the type of a page table entry comes only on
// top of the one that these registers give. They are read, and never written.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum memory_type { // as the registers name them [SDM3 12.11.1]
    TYPE_UNCACHED = 0,
    TYPE_WRITE_COMBINING = 1,
    TYPE_WRITE_THROUGH = 4,
    TYPE_WRITE_PROTECTED = 5,
    TYPE_WRITE_BACK = 6,
};

// Reads the registers. Once, before the others.
void mtrr_init(void);

// Whether this processor's registers are as the boot processor's were. [SDM3 12.11.8]: where they
// aren't, what one caches another may not.
must_use bool mtrr_is_like_boot(void);

// The type that memory at `address` has, and, in `end`, an address up to which it has the same;
// more memory behind that may have it too.
enum memory_type mtrr_type(paddr_t address, paddr_t *end);

// The end of the memory from `address` on that is of one type; `limit` where that is beyond.
paddr_t mtrr_uniform_end(paddr_t address, paddr_t limit);
