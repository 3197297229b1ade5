// The inline half of arch/arch.h.
#pragma once

#include "lib/types.h"

struct percpu;

static inline void arch_pause(void)
{
    __builtin_ia32_pause();
}

static inline uint64_t arch_ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline uintptr_t arch_irq_save(void)
{
    uintptr_t flags;
    __asm__ volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags) : : "memory");
    return flags;
}

static inline void arch_irq_restore(uintptr_t state)
{
    if (state & 0x200) // RFLAGS_IF
        __asm__ volatile("sti" : : : "memory");
}

static inline struct percpu *arch_percpu(void)
{
    struct percpu *self;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(self)); // another one after a move
    return self;
}
