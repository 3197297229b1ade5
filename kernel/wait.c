// Wait queues.

#include "kernel/wait.h"
#include "kernel/thread.h"

void wait_enter(struct wait_queue *queue, struct waiter *waiter)
{
    *waiter = (struct waiter){.before = queue->last, .thread = thread_self()};
    *(queue->last ? &queue->last->next : &queue->first) = waiter;
    queue->last = waiter;
}

static void take_out(struct wait_queue *queue, struct waiter *waiter)
{
    *(waiter->before ? &waiter->before->next : &queue->first) = waiter->next;
    *(waiter->next ? &waiter->next->before : &queue->last) = waiter->before;
}

static enum status park(uint64_t deadline_ns)
{
    if (deadline_ns == WAIT_FOR_EVER)
        return thread_park(TIMER_NEVER);
    return thread_is_interrupted() ? INTERRUPTED : thread_park(deadline_ns);
}

enum status wait_finish(struct wait_queue *queue, struct waiter *waiter, uintptr_t *state,
                        uint64_t deadline_ns)
{
    enum status status = OK;
    while (!waiter->is_granted && status == OK) {
        unlock_irqrestore(&queue->lock, *state);
        status = park(deadline_ns);
        *state = lock_irqsave(&queue->lock);
    }
    if (waiter->is_granted)
        return OK;
    take_out(queue, waiter);
    return status;
}

enum status wait_on(struct wait_queue *queue, uintptr_t *state, uint64_t deadline_ns)
{
    struct waiter self;
    wait_enter(queue, &self);
    return wait_finish(queue, &self, state, deadline_ns);
}

struct thread *wait_grant_first(struct wait_queue *queue)
{
    struct waiter *waiter = queue->first;
    if (!waiter)
        return NULL;
    take_out(queue, waiter);
    waiter->is_granted = true;
    thread_unpark_locked(waiter->thread);
    return waiter->thread;
}

void wait_grant_all(struct wait_queue *queue)
{
    while (wait_grant_first(queue))
        ;
}
