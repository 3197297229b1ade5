// The processor of a host test: threads stand for processors, and there are no interrupts. Tests
// that come to per-CPU data define fake_percpu().
#pragma once

#include "lib/types.h"

struct percpu;
struct percpu *fake_percpu(void);

static inline void arch_pause(void)
{
    __builtin_ia32_pause();
}

static inline uint64_t arch_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

static inline uintptr_t arch_irq_save(void)
{
    return 0;
}

static inline void arch_irq_restore(uintptr_t state)
{
    (void)state;
}

static inline struct percpu *arch_percpu(void)
{
    return fake_percpu();
}
