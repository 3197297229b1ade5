// Counting semaphores.

#include "kernel/semaphore.h"
#include "kernel/thread.h"

void semaphore_init(struct semaphore *semaphore, uint64_t count)
{
    *semaphore = (struct semaphore){.count = count};
}

void semaphore_up(struct semaphore *semaphore)
{
    uintptr_t state = lock_irqsave(&semaphore->queue.lock);
    if (!wait_grant_first(&semaphore->queue))
        semaphore->count++;
    unlock_irqrestore(&semaphore->queue.lock, state);
    thread_preempt();
}

bool semaphore_try_down(struct semaphore *semaphore)
{
    uintptr_t state = lock_irqsave(&semaphore->queue.lock);
    bool is_there = semaphore->count > 0;
    semaphore->count -= is_there;
    unlock_irqrestore(&semaphore->queue.lock, state);
    return is_there;
}

enum status semaphore_down_until(struct semaphore *semaphore, uint64_t deadline_ns)
{
    enum status status = OK;
    lock_check_may_sleep();
    uintptr_t state = lock_irqsave(&semaphore->queue.lock);
    if (semaphore->count > 0)
        semaphore->count--;
    else
        status = wait_on(&semaphore->queue, &state, deadline_ns);
    unlock_irqrestore(&semaphore->queue.lock, state);
    return status;
}

void semaphore_down(struct semaphore *semaphore)
{
    (void)!semaphore_down_until(semaphore, WAIT_FOR_EVER);
}
