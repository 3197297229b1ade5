// What each processor has for itself, found through its GS base.
#pragma once

#include "arch/arch.h"
#include "lib/types.h"

struct percpu {
    struct percpu *self;
    uint32_t cpu; // index, 0 for the boot processor
    uint32_t reserved[7];
    uintptr_t stack_canary; // the compiler reads it at GS + 40
};

_Static_assert(offsetof(struct percpu, stack_canary) == 40, "the compiler's stack protector ABI");

static inline struct percpu *this_cpu(void)
{
    return arch_percpu();
}
