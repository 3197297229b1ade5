// Wait queues: threads that wait for something which is guarded by the queue's own lock, the first
// to come in front. The other things that threads wait for are made of them.
//
// Who waits has a struct waiter on his stack; whoever gives him what he waits for takes that out of
// the queue, marks it granted, and unparks him, all under the lock. He himself looks at the mark
// under the lock, so that he isn't gone while he is being woken.
#pragma once

#include "kernel/lock.h"
#include "lib/status.h"
#include "lib/types.h"

struct thread;

struct waiter {
    struct waiter *next, *before;
    struct thread *thread;
    bool is_granted;
};

struct wait_queue { // all zero: nobody waits
    struct lock lock;
    struct waiter *first, *last;
};

// In the place of a deadline, and none that anybody could mean: the wait ends by being granted,
// neither in time nor by thread_interrupt().
#define WAIT_FOR_EVER (UINT64_MAX - 1)

// With the queue's lock held, which is let go while it waits and held again when this returns.
// OK: granted. TIMED_OUT and INTERRUPTED: taken out of the queue. Sleeps.
enum status wait_on(struct wait_queue *queue, uintptr_t *state, uint64_t deadline_ns);

// The two halves of it, for who has something to do when he is in the queue already.
void wait_enter(struct wait_queue *queue, struct waiter *waiter);
enum status wait_finish(struct wait_queue *queue, struct waiter *waiter, uintptr_t *state,
                        uint64_t deadline_ns);

// With the queue's lock held: the first one has what he waited for. NULL: nobody waits.
// thread_preempt() is the caller's to call when the lock is free.
struct thread *wait_grant_first(struct wait_queue *queue);
void wait_grant_all(struct wait_queue *queue);
