// Who runs next on a processor: the scheduler's own. What happens at each switch between fair
// threads is inline; all of it with the processor's lock held.
#pragma once

#include "kernel/scheduler_priv.h"

static inline bool is_fair(const struct thread *thread)
{
    return likely(thread->schedule.class == SCHEDULE_FAIR);
}

static inline bool is_real_time(const struct thread *thread)
{
    return thread->schedule.class == SCHEDULE_REAL_TIME;
}

// What only others than fair threads need.
bool special_charge(struct scheduler_cpu *queue, struct thread *thread, uint64_t ticks);
void real_time_return(struct scheduler_cpu *queue, struct thread *thread, bool is_over);
bool real_time_may_run(struct scheduler_cpu *queue, uint64_t now);
struct thread *real_time_take(struct scheduler_cpu *queue);
struct thread *real_time_take_other(struct scheduler_cpu *queue, const struct thread *thread,
                                    uint64_t now);

// What the one that runs has had since `since` is its own. Returns whether its turn is over.
static inline bool queue_charge(struct scheduler_cpu *queue, struct thread *thread, uint64_t now)
{
    uint64_t ticks = now - thread->since;
    thread->since = now;
    thread->ran += ticks;
    if (is_fair(thread))
        return fair_charge(&queue->fair, &thread->fair, ticks);
    return special_charge(queue, thread, ticks);
}

// One that was in no queue is this one's now, and is about to run.
static inline void queue_enter(struct scheduler_cpu *queue, struct thread *thread)
{
    thread->state = THREAD_RUNNABLE;
    queue->runnable++;
    queue->special += !thread->is_plain;
}

// Becomes one that waits, or stops being one.
void queue_add(struct scheduler_cpu *queue, struct thread *thread);
void queue_remove(struct scheduler_cpu *queue, struct thread *thread);

// The one that runs isn't this queue's any more.
static inline void queue_leave(struct scheduler_cpu *queue, struct thread *thread)
{
    queue->runnable--;
    queue->special -= !thread->is_plain;
    if (is_fair(thread))
        fair_leave(&queue->fair, &thread->fair);
}

// The one that runs waits again: before others of its priority, if its turn isn't over.
static inline void queue_return(struct scheduler_cpu *queue, struct thread *thread, bool is_over)
{
    if (is_fair(thread))
        fair_put(&queue->fair, &thread->fair);
    else
        real_time_return(queue, thread, is_over);
}

// Who runs next: the idle thread where nobody waits.
static inline struct thread *queue_take(struct scheduler_cpu *queue, uint64_t now)
{
    if (unlikely(queue->priorities) && real_time_may_run(queue, now))
        return real_time_take(queue);
    struct fair_entity *fair = fair_pick(&queue->fair);
    return likely(fair) ? thread_of(fair) : queue->idle;
}

// The same for one that runs and lets others go first, of whom there is one at least: NULL where
// none is of its class or better.
static inline struct thread *queue_take_other(struct scheduler_cpu *queue,
                                              const struct thread *thread, uint64_t now)
{
    return is_fair(thread) ? queue_take(queue, now) : real_time_take_other(queue, thread, now);
}

// Whether one that waits should run instead of one that runs.
bool queue_is_better(const struct scheduler_cpu *queue, const struct thread *waiting,
                     const struct thread *running);

// Whether real-time threads have had their part of the window, and others wait.
bool queue_must_give_way(struct scheduler_cpu *queue, const struct thread *thread, uint64_t now);

// When somebody has to look again, if `thread` runs on from now; UINT64_MAX: needn't.
uint64_t queue_special_end(struct scheduler_cpu *queue, const struct thread *thread, uint64_t now);

static inline uint64_t queue_turn_end(struct scheduler_cpu *queue, const struct thread *thread,
                                      uint64_t now)
{
    if (unlikely(!thread->is_plain || queue->priorities))
        return queue_special_end(queue, thread, now);
    return queue->runnable > 1 ? now + fair_left(&thread->fair) : UINT64_MAX;
}

// Whether a thread has had what its cap allows, and until when it can't be so.
bool cap_is_used_up(struct thread *thread, uint64_t now);
uint64_t cap_period_end(const struct thread *thread);
