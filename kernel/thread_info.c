// Looking at threads.

#include "kernel/clock.h"
#include "kernel/remote.h"
#include "kernel/run_queue.h"
#include "lib/string.h"

static uint64_t to_ns(uint64_t ticks)
{
    return arch_mul_div(ticks, NS_PER_SECOND, clock_frequency());
}

// Of what goes on at `now`; the clock of the processor that it began on may be a bit ahead.
static uint64_t ticks_since(uint64_t since, uint64_t now)
{
    int64_t ticks = (int64_t)(now - since);
    return ticks > 0 ? (uint64_t)ticks : 0;
}

static void inform_times(const struct thread *thread, struct thread_info *info)
{
    bool is_blocked = thread->state == THREAD_BLOCKED || thread->state == THREAD_THROTTLED;
    uint64_t now = scheduler_ticks(), unsettled = ticks_since(thread->since, now);
    uint64_t alive = ticks_since(thread->started, now);
    uint64_t ran = thread->ran + (info->is_running ? unsettled : 0);
    uint64_t blocked = thread->blocked + (is_blocked ? unsettled : 0);
    info->ran_ns = to_ns(ran);
    if (thread->state != THREAD_NEW && thread->state != THREAD_DEAD && alive > ran + blocked)
        info->waited_ns = to_ns(alive - ran - blocked);
}

void thread_inform(struct thread *thread, struct thread_info *info)
{
    uintptr_t state;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    *info = (struct thread_info){
        .id = thread->id,
        .state = thread->state,
        .is_running = home->current == thread,
        .cpu = home->cpu,
        .schedule = thread->must_change ? thread->wanted : thread->schedule,
        .waits = thread->waits,
        .preemptions = thread->preemptions,
        .moves = thread->moves,
        .stack_top = (uintptr_t)thread->stack_top,
        .stack_low = thread->stack_top ? (uintptr_t)thread->stack_top - THREAD_STACK_SIZE : 0,
    };
    memcpy(info->name, thread->name, sizeof(info->name));
    inform_times(thread, info);
    unlock_irqrestore(&home->scheduler.lock, state);
}

// --- Where it is ---------------------------------------------------------------------------------

struct question {
    const struct thread *thread;
    uintptr_t *addresses;
    unsigned max, count;
};

// On the processor that runs it, or did a moment ago.
static void answer(void *context)
{
    struct question *question = context;
    const struct percpu *cpu = this_cpu();
    if (cpu->current == question->thread)
        question->count = arch_backtrace(cpu->interrupted, __builtin_frame_address(0),
                                         question->addresses, question->max);
}

// Whether it doesn't run: then it has been asked for.
static bool ask_stack(struct thread *thread, struct question *question, uint32_t *cpu)
{
    uintptr_t state;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    bool is_running = home->current == thread || home->scheduler.left == thread;
    *cpu = home->cpu;
    if (!is_running && thread->state != THREAD_DEAD)
        question->count = arch_backtrace(NULL, (const void *)thread->stack_pointer,
                                         question->addresses, question->max);
    unlock_irqrestore(&home->scheduler.lock, state);
    return !is_running;
}

unsigned thread_backtrace(struct thread *thread, uintptr_t *addresses, unsigned max)
{
    enum { TRIES = 8 }; // it may begin or end to run meanwhile
    struct question question = {.thread = thread, .addresses = addresses, .max = max};
    for (unsigned i = 0; i < TRIES && question.count == 0; i++) {
        uint32_t cpu;
        if (!ask_stack(thread, &question, &cpu))
            (void)!remote_call(cpu, answer, &question);
    }
    return question.count;
}

// --- Processors ----------------------------------------------------------------------------------

enum status scheduler_inform(uint32_t index, struct scheduler_info *info)
{
    struct percpu *cpu = percpu_get(index);
    if (!cpu || !cpu->scheduler.idle)
        return NOT_FOUND;
    uintptr_t state = lock_irqsave(&cpu->scheduler.lock);
    const struct scheduler_cpu *queue = &cpu->scheduler;
    const struct thread *current = cpu->current;
    uint64_t now = scheduler_ticks(), all = ticks_since(queue->idle->started, now);
    uint64_t unsettled[SCHEDULE_CLASSES] = {0};
    unsettled[current->schedule.class] = ticks_since(current->since, now);
    uint64_t real_time = queue->ran[SCHEDULE_REAL_TIME] + unsettled[SCHEDULE_REAL_TIME];
    uint64_t idle = queue->ran[SCHEDULE_IDLE] + unsettled[SCHEDULE_IDLE];
    *info = (struct scheduler_info){
        .waiting = queue->runnable - (current->schedule.class != SCHEDULE_IDLE),
        .fair_ns = to_ns(all > real_time + idle ? all - real_time - idle : 0),
        .real_time_ns = to_ns(real_time),
        .idle_ns = to_ns(idle),
        .switches = queue->switches,
        .preemptions = queue->preemptions,
        .wakeups = queue->wakeups,
        .pulls = queue->pulls,
        .pushes = queue->pushes,
    };
    memcpy(info->running, current->name, sizeof(info->running));
    unlock_irqrestore(&cpu->scheduler.lock, state);
    return OK;
}
