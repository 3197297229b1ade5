// Completions.

#include "kernel/completion.h"
#include "kernel/thread.h"

void completion_signal(struct completion *completion)
{
    uintptr_t state = lock_irqsave(&completion->queue.lock);
    completion->is_done = true;
    wait_grant_all(&completion->queue);
    unlock_irqrestore(&completion->queue.lock, state);
    thread_preempt();
}

// Under the lock: so that whoever signals is done with it when this says so.
bool completion_is_done(struct completion *completion)
{
    uintptr_t state = lock_irqsave(&completion->queue.lock);
    bool is_done = completion->is_done;
    unlock_irqrestore(&completion->queue.lock, state);
    return is_done;
}

enum status completion_wait_until(struct completion *completion, uint64_t deadline_ns)
{
    enum status status = OK;
    lock_check_may_sleep();
    uintptr_t state = lock_irqsave(&completion->queue.lock);
    if (!completion->is_done)
        status = wait_on(&completion->queue, &state, deadline_ns);
    unlock_irqrestore(&completion->queue.lock, state);
    return status;
}

void completion_wait(struct completion *completion)
{
    (void)!completion_wait_until(completion, WAIT_FOR_EVER);
}

void completion_reset(struct completion *completion)
{
    uintptr_t state = lock_irqsave(&completion->queue.lock);
    completion->is_done = false;
    unlock_irqrestore(&completion->queue.lock, state);
}
