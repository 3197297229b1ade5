// Waiting for a spin lock: what nobody has to wait for costs nothing of this.

#include "kernel/lock.h"
#include "kernel/aside.h"
#include "kernel/clock.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "lib/compiler.h"

// Longer than any lock is held, even where another machine runs this one by turns. Time in which
// this processor hasn't run, as a part of a paused machine, doesn't count.
#define PATIENCE_NS 10000000000ull
#define GAP_NS      1000000000ull

enum { NOTES = 64 }; // of locks: a power of two

static struct note {
    const void *lock; // NULL: free
    uint64_t waits, ticks, most;
    uintptr_t place;
} notes[NOTES];
static uint64_t missed;

// --- Notes ---------------------------------------------------------------------------------------

static struct note *find_note(const void *lock)
{
    uint64_t hash = (uintptr_t)lock * 0x9e3779b97f4a7c15 >> 32;
    for (unsigned i = 0; i < NOTES; i++) {
        struct note *note = &notes[(hash + i) % NOTES];
        const void *nobody = NULL;
        if (__atomic_load_n(&note->lock, __ATOMIC_RELAXED) == lock ||
            __atomic_compare_exchange_n(&note->lock, &nobody, lock, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED) ||
            nobody == lock)
            return note;
    }
    return NULL;
}

void lock_contention_note(const void *lock, uint64_t ticks, uintptr_t place)
{
    struct note *note = find_note(lock);
    if (!note) {
        __atomic_fetch_add(&missed, 1, __ATOMIC_RELAXED);
        return;
    }
    __atomic_fetch_add(&note->waits, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&note->ticks, ticks, __ATOMIC_RELAXED);
    __atomic_store_n(&note->place, place, __ATOMIC_RELAXED);
    if (ticks > __atomic_load_n(&note->most, __ATOMIC_RELAXED))
        __atomic_store_n(&note->most, ticks, __ATOMIC_RELAXED);
}

static uint64_t to_ns(uint64_t ticks)
{
    return arch_mul_div(ticks, NS_PER_SECOND, clock_frequency());
}

bool lock_contention_get(unsigned index, struct lock_contention *contention)
{
    for (unsigned i = 0; i < NOTES; i++) {
        const struct note *note = &notes[i];
        if (!__atomic_load_n(&note->waits, __ATOMIC_RELAXED) || index-- > 0)
            continue;
        *contention = (struct lock_contention){
            .lock = note->lock,
            .waits = note->waits,
            .waited_ns = to_ns(note->ticks),
            .most_ns = to_ns(note->most),
            .place = note->place,
        };
        return true;
    }
    return false;
}

// What is noted meanwhile may be half forgotten.
void lock_contention_reset(void)
{
    for (unsigned i = 0; i < NOTES; i++) {
        notes[i].waits = notes[i].ticks = notes[i].most = 0;
        __atomic_store_n(&notes[i].lock, NULL, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&missed, 0, __ATOMIC_RELAXED);
}

uint64_t lock_contention_missed(void)
{
    return __atomic_load_n(&missed, __ATOMIC_RELAXED);
}

// --- Waiting -------------------------------------------------------------------------------------

noreturn static void despair(const struct lock *lock)
{
    if (lock->holder == this_cpu()->cpu)
        panic("lock %pS: CPU %u waits for itself", (const void *)lock, lock->holder);
    panic("lock %pS: CPU %u doesn't let it go", (const void *)lock, lock->holder);
}

static bool is_served(const struct lock *lock, uint32_t ticket)
{
    return __atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) == ticket;
}

keeps_registers void lock_wait(struct lock *lock, uint32_t ticket)
{
    enum { SPINS_A_LOOK = 4096 };
    uint64_t start = arch_ticks(), waited = 0, last = 0;
    for (unsigned spins = 1; !is_served(lock, ticket); spins++) {
        arch_pause();
        if (spins % SPINS_A_LOOK)
            continue;
        uint64_t now = clock_ns();
        waited += last && now - last < GAP_NS ? now - last : 0;
        last = now;
        if (aside_gives_up(waited))
            __atomic_store_n(&lock->serving, ticket, __ATOMIC_RELAXED);
        if (waited > PATIENCE_NS)
            despair(lock);
    }
    lock_contention_note(lock, arch_ticks() - start, (uintptr_t)__builtin_return_address(0) - 1);
}
