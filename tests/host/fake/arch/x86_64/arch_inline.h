// The processor of a host test: threads stand for processors, and there are no interrupts. Tests
// that come to per-CPU data define fake_percpu().
#pragma once

#include "arch/x86_64/page_inline.h"
#include "arch/x86_64/percpu.h"
#include "lib/types.h"

struct percpu;
struct percpu *fake_percpu(void);

static inline void arch_pause(void)
{
    __builtin_ia32_pause();
}

// A test that defines FAKE_TICKS says what the counter shows.
#ifdef FAKE_TICKS
uint64_t fake_ticks(void);
#else
#define fake_ticks __builtin_ia32_rdtsc
#endif

static inline uint64_t arch_ticks(void)
{
    return fake_ticks();
}

static inline uint64_t arch_ticks_in_order(void)
{
    return fake_ticks();
}

static inline uint64_t arch_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 quotient = c ? (unsigned __int128)a * b / c : UINT64_MAX;
    return quotient < UINT64_MAX ? (uint64_t)quotient : UINT64_MAX;
}

static inline uintptr_t arch_irq_save(void)
{
    return 0;
}

static inline void arch_irq_restore(uintptr_t state)
{
    (void)state;
}

extern bool arch_never_interrupts;

static inline void arch_irq_disable(void)
{
}

static inline void arch_irq_enable(void)
{
}

static inline bool arch_irq_is_on(uintptr_t state)
{
    (void)state;
    return true;
}

static inline void arch_count(uint32_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELEASE);
}

static inline struct percpu *arch_percpu(void)
{
    return fake_percpu();
}

static inline bool arch_bit_set(uint64_t *words, uint64_t bit)
{
    bool was_set = words[bit / 64] >> bit % 64 & 1;
    words[bit / 64] |= (uint64_t)1 << bit % 64;
    return was_set;
}

#define arch_own_percpu() fake_percpu()

// Tests of what may be asked about any address define it: what can be read there.
bool fake_can_read(uintptr_t address);

static inline uint64_t arch_read_or_base(uintptr_t base, uintptr_t offset)
{
    uint64_t word = base;
    if (fake_can_read(base + offset))
        __builtin_memcpy(&word, (const void *)(base + offset), sizeof(word));
    return word;
}
