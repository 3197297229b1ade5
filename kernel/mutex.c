// Mutexes. The word `owner` is all that a thread needs that finds one free, and that leaves one for
// which nobody waits: it says who has it, and whether that one is to hand it over.
//
// While others wait, the owner changes only under the queue's lock and the chains' lock. So whoever
// holds the latter can go from a thread to the mutex that it waits for, and on to that one's owner,
// and all of them stay.

#include "kernel/mutex.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"

#define CALLER ((uintptr_t)__builtin_return_address(0) - 1)

static struct lock chains; // of each thread's waits_for. Inside of the queues' locks

static struct thread *owner_of(const struct mutex *mutex)
{
    uintptr_t owner = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);
    return (struct thread *)(owner & ~(uintptr_t)MUTEX_CONTENDED);
}

static inline uintptr_t self_word(void)
{
    return (uintptr_t)arch_own_percpu()->current;
}

static inline bool change_owner(struct mutex *mutex, uintptr_t from, uintptr_t to)
{
    return __atomic_compare_exchange_n(&mutex->owner, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

// With the queue's lock held. Returns whether it belongs to the caller now: it has become free.
static bool take_or_contend(struct mutex *mutex)
{
    for (;;) {
        uintptr_t owner = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);
        if (!owner && change_owner(mutex, 0, self_word()))
            return true;
        if (owner && change_owner(mutex, owner, owner | MUTEX_CONTENDED))
            return false;
    }
}

// With both locks held: of one that would wait for ever.
static void panic_if_circular(const struct mutex *mutex, const struct thread *self)
{
    const struct thread *owner = owner_of(mutex);
    while (owner && owner != self)
        owner = owner->waits_for ? owner_of(owner->waits_for) : NULL;
    if (owner)
        panic("mutex %pS: threads %s and %s wait for each other", (const void *)mutex,
              thread_name(self), thread_name(owner_of(mutex)));
}

// Only waits without an end make a chain.
static void enter_chain(struct mutex *mutex, struct thread *self, uint64_t deadline_ns)
{
    if (owner_of(mutex) == self)
        panic("mutex %pS: thread %s has it, and takes it again", (const void *)mutex,
              thread_name(self));
    if (deadline_ns != WAIT_FOR_EVER)
        return;
    lock_acquire(&chains);
    panic_if_circular(mutex, self);
    self->waits_for = mutex;
    lock_release(&chains);
}

// With the queue's lock held: one that has waited goes without it.
static void give_up(struct mutex *mutex)
{
    if (!mutex->queue.first)
        __atomic_and_fetch(&mutex->owner, ~(uintptr_t)MUTEX_CONTENDED, __ATOMIC_RELAXED);
}

noinline static enum status lock_slowly(struct mutex *mutex, uint64_t deadline_ns, uintptr_t place)
{
    struct thread *self = thread_self();
    enum status status = OK;
    uintptr_t state = lock_irqsave(&mutex->queue.lock);
    if (!take_or_contend(mutex)) {
        uint64_t start = arch_ticks();
        enter_chain(mutex, self, deadline_ns);
        status = wait_on(&mutex->queue, &state, deadline_ns);
        lock_contention_note(mutex, arch_ticks() - start, place);
        if (status != OK)
            give_up(mutex);
    }
    unlock_irqrestore(&mutex->queue.lock, state);
    return status;
}

void mutex_lock(struct mutex *mutex)
{
    lock_check_may_sleep();
    if (unlikely(!change_owner(mutex, 0, self_word())))
        (void)lock_slowly(mutex, WAIT_FOR_EVER, CALLER);
}

enum status mutex_lock_until(struct mutex *mutex, uint64_t deadline_ns)
{
    lock_check_may_sleep();
    if (likely(change_owner(mutex, 0, self_word())))
        return OK;
    return lock_slowly(mutex, deadline_ns, CALLER);
}

bool mutex_try_lock(struct mutex *mutex)
{
    return change_owner(mutex, 0, self_word());
}

// To the one that has waited longest.
static void hand_over(struct mutex *mutex)
{
    lock_acquire(&chains);
    struct thread *next = wait_grant_first(&mutex->queue);
    uintptr_t mark = mutex->queue.first ? MUTEX_CONTENDED : 0;
    if (next)
        next->waits_for = NULL;
    __atomic_store_n(&mutex->owner, next ? (uintptr_t)next | mark : 0, __ATOMIC_RELEASE);
    lock_release(&chains);
}

noinline static void unlock_slowly(struct mutex *mutex)
{
    if (!mutex_is_own(mutex))
        panic("mutex %pS: thread %s lets it go, which doesn't have it", (const void *)mutex,
              thread_name(thread_self()));
    uintptr_t state = lock_irqsave(&mutex->queue.lock);
    hand_over(mutex);
    unlock_irqrestore(&mutex->queue.lock, state);
    thread_preempt();
}

void mutex_unlock(struct mutex *mutex)
{
    if (unlikely(!change_owner(mutex, self_word(), 0)))
        unlock_slowly(mutex);
}

bool mutex_is_own(const struct mutex *mutex)
{
    return owner_of(mutex) == thread_self();
}
