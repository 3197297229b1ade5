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

// All of the registers, as they are.
enum { MTRR_FIXED_REGISTERS = 11, MTRR_VARIABLE_MAX = 32 }; // processors have 8 or 10 of these
struct mtrr_registers {
    uint64_t usual; // MSR_MTRR_DEFAULT
    bool has_fixed; // CPUID and MSR_MTRR_CAP say so
    unsigned count; // of variable ranges
    uint64_t fixed[MTRR_FIXED_REGISTERS], base[MTRR_VARIABLE_MAX], mask[MTRR_VARIABLE_MAX];
};

// Sets this processor's registers as the boot processor's were at mtrr_init(), if they are others:
// not all firmware does, and an INIT may take them away. What one processor caches another would
// not [SDM3 12.11.8]. Returns whether they were others. Interrupts off.
bool mtrr_follow_boot(void);

// How they are set (arch/x86_64/mtrr_set.c): `fixed` are the fixed ones' numbers.
void mtrr_set(const struct mtrr_registers *registers, const uint32_t fixed[MTRR_FIXED_REGISTERS]);

// The type that memory at `address` has, and, in `end`, an address up to which it has the same;
// more memory behind that may have it too.
enum memory_type mtrr_type(paddr_t address, paddr_t *end);

// The end of the memory from `address` on that is of one type; `limit` where that is beyond.
paddr_t mtrr_uniform_end(paddr_t address, paddr_t limit);
