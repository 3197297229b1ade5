// How threads are scheduled: changing it, whatever a thread does at the moment.
//
// One that runs changes itself, as soon as its processor looks; all others are changed where they
// are.

#include "kernel/run_queue.h"

static void note_plain(struct thread *thread)
{
    thread->is_plain = thread->schedule.class == SCHEDULE_FAIR && !thread->schedule.cap &&
                       !thread->must_move && !thread->must_change;
}

void schedule_note_running(struct scheduler_cpu *queue, struct thread *thread)
{
    queue->special -= !thread->is_plain;
    note_plain(thread);
    queue->special += !thread->is_plain;
}

void schedule_apply(struct thread *thread, const struct schedule *schedule)
{
    thread->schedule = *schedule;
    thread->must_change = false;
    thread->turn_left = scheduler_times.turn;
    fair_set(&thread->fair, schedule->weight, scheduler_slice(schedule->slice_us));
    note_plain(thread);
}

static bool is_valid(const struct schedule *schedule)
{
    return (schedule->class == SCHEDULE_FAIR || schedule->class == SCHEDULE_REAL_TIME) &&
           schedule->weight >= FAIR_WEIGHT_MIN && schedule->weight <= FAIR_WEIGHT_MAX &&
           schedule->slice_us >= SLICE_US_MIN && schedule->slice_us <= SLICE_US_MAX &&
           schedule->priority <= PRIORITY_MAX && schedule->cap <= 100;
}

static bool is_running(const struct percpu *home, const struct thread *thread)
{
    return home->current == thread;
}

static bool is_waiting(const struct percpu *home, const struct thread *thread)
{
    return thread->state == THREAD_RUNNABLE && !is_running(home, thread);
}

static void change_running(struct percpu *home, struct thread *thread,
                           const struct schedule *schedule)
{
    thread->wanted = *schedule;
    thread->must_change = true;
    schedule_note_running(&home->scheduler, thread);
    scheduler_kick(home, SCHEDULE_SWITCH);
}

enum status thread_set_schedule(struct thread *thread, const struct schedule *schedule)
{
    uintptr_t state;
    if (!is_valid(schedule) || thread->schedule.class == SCHEDULE_IDLE)
        return BAD_ARGUMENT;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    if (is_running(home, thread)) {
        change_running(home, thread, schedule);
    } else if (is_waiting(home, thread)) {
        queue_remove(&home->scheduler, thread);
        schedule_apply(thread, schedule);
        scheduler_make_ready(home, thread);
    } else {
        schedule_apply(thread, schedule);
    }
    unlock_irqrestore(&home->scheduler.lock, state);
    thread_preempt();
    return OK;
}

struct schedule thread_schedule(const struct thread *thread)
{
    uintptr_t state;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    struct schedule schedule = thread->must_change ? thread->wanted : thread->schedule;
    unlock_irqrestore(&home->scheduler.lock, state);
    return schedule;
}

// --- Where it may run ----------------------------------------------------------------------------

static bool has_online(const struct cpu_set *cpus)
{
    for (unsigned i = 0; i < percpu_count(); i++)
        if (cpu_set_has(cpus, i) && __atomic_load_n(&percpu_get(i)->is_online, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

// With the lock held, which is free when this returns.
static void leave_home(struct percpu *home, struct thread *thread, uintptr_t state)
{
    bool is_on_its_way = is_waiting(home, thread);
    if (is_running(home, thread)) {
        thread->must_move = true;
        schedule_note_running(&home->scheduler, thread);
        scheduler_kick(home, SCHEDULE_SWITCH);
    } else if (is_on_its_way) {
        queue_remove(&home->scheduler, thread);
        scheduler_move(thread, placement_choose(thread, home));
    }
    unlock_irqrestore(&home->scheduler.lock, state);
    if (is_on_its_way)
        scheduler_arrive(thread);
}

enum status thread_set_cpus(struct thread *thread, const struct cpu_set *cpus)
{
    uintptr_t state;
    if (!has_online(cpus) || thread->schedule.class == SCHEDULE_IDLE)
        return BAD_ARGUMENT;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    thread->cpus = *cpus;
    if (cpu_set_has(cpus, home->cpu)) {
        if (thread->must_move) { // so it runs
            thread->must_move = false;
            schedule_note_running(&home->scheduler, thread);
        }
        unlock_irqrestore(&home->scheduler.lock, state);
    } else {
        leave_home(home, thread, state);
    }
    thread_preempt();
    return OK;
}

struct cpu_set thread_cpus(const struct thread *thread)
{
    uintptr_t state;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    struct cpu_set cpus = thread->cpus;
    unlock_irqrestore(&home->scheduler.lock, state);
    return cpus;
}
