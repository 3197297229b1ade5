// Who runs next on a processor: real-time threads by priority, then fair ones
// (kernel/fair_queue.h).
//
// Real-time threads don't starve the others: of a window of 100 ms they get 95 while a fair thread
// waits. And a cap keeps a thread to its share of a period of 10 ms, which it may overdraw by what
// a look comes late: that is taken off the next.

#include "kernel/run_queue.h"
#include "kernel/clock.h"

#define WINDOW_NS     100000000ull
#define REAL_TIME_NS  95000000ull
#define TURN_NS       10000000ull
#define CAP_PERIOD_NS 10000000ull
#define BALANCE_NS    20000000ull

struct scheduler_times scheduler_times;

static uint64_t ticks_of(uint64_t ns)
{
    return arch_mul_div(ns, clock_frequency(), NS_PER_SECOND);
}

uint64_t scheduler_slice(uint32_t us)
{
    return ticks_of(us * 1000ull);
}

void scheduler_set_times(void)
{
    scheduler_times = (struct scheduler_times){
        .turn = ticks_of(TURN_NS),
        .window = ticks_of(WINDOW_NS),
        .real_time = ticks_of(REAL_TIME_NS),
        .cap_period = ticks_of(CAP_PERIOD_NS),
        .balance = ticks_of(BALANCE_NS),
    };
}

// --- Real time -----------------------------------------------------------------------------------

static void add_real_time(struct scheduler_cpu *queue, struct thread *thread, bool is_first)
{
    uint32_t priority = thread->schedule.priority;
    if (is_first)
        list_add_first(&queue->real_time[priority], &thread->waiting);
    else
        list_add_last(&queue->real_time[priority], &thread->waiting);
    queue->priorities |= 1u << priority;
}

static void remove_real_time(struct scheduler_cpu *queue, struct thread *thread)
{
    uint32_t priority = thread->schedule.priority;
    list_remove(&thread->waiting);
    if (list_is_empty(&queue->real_time[priority]))
        queue->priorities &= ~(1u << priority);
}

static unsigned highest_priority(const struct scheduler_cpu *queue)
{
    return PRIORITY_MAX - (unsigned)__builtin_clz(queue->priorities);
}

struct thread *real_time_take(struct scheduler_cpu *queue)
{
    struct thread *thread =
        LIST_FIRST(struct thread, &queue->real_time[highest_priority(queue)], waiting);
    remove_real_time(queue, thread);
    return thread;
}

static bool fair_thread_waits(const struct scheduler_cpu *queue)
{
    return queue->fair.first || queue->fair.aside;
}

bool real_time_may_run(struct scheduler_cpu *queue, uint64_t now)
{
    if (now - queue->window_start >= scheduler_times.window) {
        queue->window_start = now;
        queue->window_used = 0;
    }
    return queue->window_used < scheduler_times.real_time || !fair_thread_waits(queue);
}

struct thread *real_time_take_other(struct scheduler_cpu *queue, const struct thread *thread,
                                    uint64_t now)
{
    if (!queue->priorities || highest_priority(queue) < thread->schedule.priority)
        return NULL;
    return queue_take(queue, now);
}

// An idle thread's turn is always over.
bool special_charge(struct scheduler_cpu *queue, struct thread *thread, uint64_t ticks)
{
    queue->ran[thread->schedule.class] += ticks;
    if (!is_real_time(thread))
        return true;
    queue->window_used += ticks;
    if (thread->turn_left > ticks) {
        thread->turn_left -= ticks;
        return false;
    }
    thread->turn_left = scheduler_times.turn;
    return true;
}

void real_time_return(struct scheduler_cpu *queue, struct thread *thread, bool is_over)
{
    if (is_real_time(thread))
        add_real_time(queue, thread, !is_over);
}

// --- Caps ----------------------------------------------------------------------------------------

static uint64_t cap_budget(const struct thread *thread)
{
    return scheduler_times.cap_period / 100 * thread->schedule.cap;
}

void cap_refresh(struct thread *thread, uint64_t now)
{
    uint64_t periods = (now - thread->cap_start) / scheduler_times.cap_period;
    uint64_t allowed = periods * cap_budget(thread);
    thread->cap_start += periods * scheduler_times.cap_period;
    uint64_t used = thread->ran - thread->cap_ran;
    thread->cap_ran += used < allowed ? used : allowed;
}

bool cap_is_used_up(struct thread *thread, uint64_t now)
{
    if (!thread->schedule.cap)
        return false;
    cap_refresh(thread, now);
    return thread->ran - thread->cap_ran >= cap_budget(thread);
}

uint64_t cap_period_end(const struct thread *thread)
{
    return thread->cap_start + scheduler_times.cap_period;
}

// Until it has to be looked at, at least 1.
static uint64_t cap_left(const struct thread *thread)
{
    uint64_t budget = cap_budget(thread), used = thread->ran - thread->cap_ran;
    return used < budget ? budget - used : 1;
}

// --- Both classes --------------------------------------------------------------------------------

void queue_add(struct scheduler_cpu *queue, struct thread *thread)
{
    queue_enter(queue, thread);
    if (is_fair(thread))
        fair_join(&queue->fair, &thread->fair);
    else
        add_real_time(queue, thread, false);
}

void queue_remove(struct scheduler_cpu *queue, struct thread *thread)
{
    queue->runnable--;
    queue->special -= !thread->is_plain;
    if (is_fair(thread))
        fair_remove(&queue->fair, &thread->fair);
    else
        remove_real_time(queue, thread);
}

bool queue_must_give_way(struct scheduler_cpu *queue, const struct thread *thread, uint64_t now)
{
    return is_real_time(thread) && !real_time_may_run(queue, now);
}

bool queue_is_better(const struct scheduler_cpu *queue, const struct thread *waiting,
                     const struct thread *running)
{
    if (waiting->schedule.class != running->schedule.class)
        return running->schedule.class == SCHEDULE_IDLE || is_real_time(waiting);
    if (is_real_time(waiting))
        return waiting->schedule.priority > running->schedule.priority;
    return fair_is_before(&queue->fair, &waiting->fair, &running->fair);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t real_time_end(struct scheduler_cpu *queue, const struct thread *thread,
                              uint64_t now)
{
    uint64_t end = UINT64_MAX;
    if (queue->priorities >> thread->schedule.priority & 1)
        end = now + thread->turn_left;
    if (fair_thread_waits(queue)) {
        bool has_room = queue->window_used < scheduler_times.real_time;
        uint64_t left = has_room ? scheduler_times.real_time - queue->window_used : 1;
        end = earlier(end, now + left);
    }
    return end;
}

uint64_t queue_special_end(struct scheduler_cpu *queue, const struct thread *thread, uint64_t now)
{
    uint64_t end = UINT64_MAX;
    if (thread->schedule.class == SCHEDULE_IDLE)
        return end;
    if (thread->schedule.cap)
        end = now + cap_left(thread);
    if (is_real_time(thread))
        return earlier(end, real_time_end(queue, thread, now));
    if (queue->runnable > 1)
        end = earlier(end, now + fair_left(&thread->fair));
    if (queue->priorities)
        end = earlier(end, queue->window_start + scheduler_times.window);
    return end;
}
