// Condition variables.

#include "kernel/condition.h"
#include "kernel/thread.h"

void condition_signal(struct condition *condition)
{
    uintptr_t state = lock_irqsave(&condition->queue.lock);
    (void)wait_grant_first(&condition->queue);
    unlock_irqrestore(&condition->queue.lock, state);
    thread_preempt();
}

void condition_broadcast(struct condition *condition)
{
    uintptr_t state = lock_irqsave(&condition->queue.lock);
    wait_grant_all(&condition->queue);
    unlock_irqrestore(&condition->queue.lock, state);
    thread_preempt();
}

// In the queue before the mutex is free: what changes from then on is heard of.
enum status condition_wait_until(struct condition *condition, struct mutex *mutex,
                                 uint64_t deadline_ns)
{
    struct waiter self;
    uintptr_t state = lock_irqsave(&condition->queue.lock);
    wait_enter(&condition->queue, &self);
    unlock_irqrestore(&condition->queue.lock, state);
    mutex_unlock(mutex);
    state = lock_irqsave(&condition->queue.lock);
    enum status status = wait_finish(&condition->queue, &self, &state, deadline_ns);
    unlock_irqrestore(&condition->queue.lock, state);
    mutex_lock(mutex);
    return status;
}

void condition_wait(struct condition *condition, struct mutex *mutex)
{
    (void)!condition_wait_until(condition, mutex, WAIT_FOR_EVER);
}
