// What each processor has for itself, found through its GS base.
#pragma once

#include "arch/arch.h"
#include "lib/types.h"
#include "mm/percpu.h"

struct percpu {
    struct percpu *self;
    uint32_t cpu; // index, 0 for the boot processor
    uint32_t reserved[7];
    uintptr_t stack_canary; // the compiler reads it at GS + 40
    struct page_cpu page;
    struct slab_cpu slab;
    bool is_online;
    bool is_idle;                         // halted, or about to be: an interrupt would wake it
    uint64_t heartbeat;                   // interrupts taken
    const struct trap_frame *interrupted; // by the interrupt that is being handled; NULL: by none
    struct arch_percpu arch;
};

_Static_assert(offsetof(struct percpu, stack_canary) == 40, "the compiler's stack protector ABI");

// Valid as long as the caller can't be moved to another processor: with interrupts off.
static inline struct percpu *this_cpu(void)
{
    return arch_percpu();
}

// Areas that exist, of processors started or not: their indexes are 0 to percpu_count() - 1.
unsigned percpu_count(void);

// NULL past the last. Any context.
struct percpu *percpu_get(uint32_t cpu);
