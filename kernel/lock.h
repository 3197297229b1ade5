// Spin locks, first come, first served. Taking one switches interrupts off, which the names say; so
// whoever holds one isn't interrupted, and doesn't have to make room for another thread. What is
// done under one is short and never waits.
//
// A lock knows who holds it. Who waits in vain, because the holder waits for him or has forgotten
// it, ends in a panic that names the holder. In the debug build kernel/lock_check.h finds out more,
// and sooner.
#pragma once

#include "arch/arch.h"
#include "kernel/lock_check.h"
#include "lib/compiler.h"
#include "lib/types.h"

// All zero is free.
struct lock {
    uint32_t next, serving; // tickets
    uint32_t holder;        // the processor that holds it, or did last
    struct lock_check check;
};

// Until it is this ticket's turn: the long way of lock_acquire().
keeps_registers void lock_wait(struct lock *lock, uint32_t ticket);

// With interrupts off already, and left so by lock_release().
static always_inline void lock_acquire(struct lock *lock)
{
    lock_check_wants(lock);
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    if (unlikely(__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket))
        arch_lock_wait(lock, ticket);
    lock->holder = arch_cpu();
    lock_check_has(lock);
}

static inline void lock_release(struct lock *lock)
{
    lock_check_releases(lock);
    arch_count(&lock->serving); // that nobody else writes
}

// Returns the state of interrupts before, for unlock_irqrestore().
must_use static always_inline uintptr_t lock_irqsave(struct lock *lock)
{
    uintptr_t state = arch_irq_save();
    lock_acquire(lock);
    return state;
}

// Takes it only where nobody has it. Then `state` is the state of interrupts before.
must_use static always_inline bool lock_try_irqsave(struct lock *lock, uintptr_t *state)
{
    *state = arch_irq_save();
    uint32_t ticket = __atomic_load_n(&lock->serving, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&lock->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        lock->holder = arch_cpu();
        lock_check_has(lock);
        return true;
    }
    arch_irq_restore(*state);
    return false;
}

static inline void unlock_irqrestore(struct lock *lock, uintptr_t state)
{
    lock_release(lock);
    arch_irq_restore(state);
}

// --- Who has waited ------------------------------------------------------------------------------

struct lock_contention {
    const void *lock;            // or a mutex
    uint64_t waits;              // how often somebody had to
    uint64_t waited_ns, most_ns; // in all, and the longest wait
    uintptr_t place;             // in whoever waited last
};

// The one at `index`, of those that somebody has ever had to wait for, in no order. False: past the
// last. Any context.
must_use bool lock_contention_get(unsigned index, struct lock_contention *contention);
void lock_contention_reset(void);

// Of a lock of another kind: somebody at `place` has waited for it.
void lock_contention_note(const void *lock, uint64_t ticks, uintptr_t place);

// Waits that found no room to be noted.
uint64_t lock_contention_missed(void);
