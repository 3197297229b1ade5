// Spin locks, first come, first served. Taking one switches interrupts off, which the names say;
// what is done under one is short and never waits.
#pragma once

#include "arch/arch.h"
#include "lib/compiler.h"
#include "lib/types.h"

// All zero is free.
struct lock {
    uint32_t next, serving; // tickets
};

// With interrupts off already, and left so by lock_release().
static inline void lock_acquire(struct lock *lock)
{
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    while (unlikely(__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket))
        arch_pause();
}

// Returns the state of interrupts before, for unlock_irqrestore().
must_use static inline uintptr_t lock_irqsave(struct lock *lock)
{
    uintptr_t state = arch_irq_save();
    lock_acquire(lock);
    return state;
}

// Takes it only where nobody has it. Then `state` is the state of interrupts before.
must_use static inline bool lock_try_irqsave(struct lock *lock, uintptr_t *state)
{
    *state = arch_irq_save();
    uint32_t ticket = __atomic_load_n(&lock->serving, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&lock->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return true;
    arch_irq_restore(*state);
    return false;
}

static inline void lock_release(struct lock *lock)
{
    arch_count(&lock->serving); // that nobody else writes
}

static inline void unlock_irqrestore(struct lock *lock, uintptr_t state)
{
    lock_release(lock);
    arch_irq_restore(state);
}
