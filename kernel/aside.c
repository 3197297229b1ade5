// A thread aside. It has no place in its processor's queue while it runs like that, and nothing
// may be switched to: so it counts as special, and nothing interrupts.

#include "kernel/aside.h"
#include "kernel/panic.h"
#include "kernel/run_queue.h"

static enum status begin(void *argument)
{
    void (*run)(void) = argument;
    run();
    panic("thread %s has come to its end", thread_self()->name);
}

// Of real time: it isn't charged to a queue in which it isn't.
struct thread *aside_create(const char *name, void (*run)(void))
{
    const struct schedule schedule = {SCHEDULE_REAL_TIME, FAIR_WEIGHT, SLICE_US, 0, 0};
    struct thread *thread = thread_create(name, begin, run);
    if (!thread)
        return NULL;
    (void)!thread_set_schedule(thread, &schedule);
    thread->started = scheduler_ticks();
    thread->state = THREAD_BLOCKED;
    thread->is_resting = true;
    return thread;
}

bool aside_is_busy(const struct thread *thread)
{
    return !thread->is_resting || thread->state != THREAD_BLOCKED;
}

static bool is_free(const struct lock *lock)
{
    return lock->next == lock->serving;
}

static enum aside_end end_of(const struct aside *aside, const struct thread *thread)
{
    if (aside->has_despaired)
        return ASIDE_DESPAIRS;
    return thread->is_resting ? ASIDE_RESTS : ASIDE_WAITS;
}

enum aside_end aside_run(struct thread *thread, bool are_others_dead)
{
    struct percpu *cpu = this_cpu();
    struct scheduler_cpu *queue = &cpu->scheduler;
    struct thread *self = cpu->current;
    const struct trap_frame *interrupted = cpu->interrupted;
    struct aside aside = {.canary = cpu->stack_canary, .are_others_dead = are_others_dead};
    bool never_interrupts = arch_never_interrupts;
    if (aside_is_busy(thread))
        return ASIDE_BUSY;
    if (are_others_dead)
        queue->lock.serving = queue->lock.next;
    if (!is_free(&queue->lock))
        return ASIDE_DESPAIRS;
    if (thread->home != cpu)
        scheduler_move(thread, cpu);
    lock_acquire(&queue->lock);
    thread->is_resting = false;
    thread->state = THREAD_RUNNABLE;
    thread->since = scheduler_ticks();
    cpu->current = thread;
    cpu->interrupted = NULL;
    queue->special++;
    queue->aside = &aside;
    arch_never_interrupts = true;
    arch_switch(&aside.stack_pointer, thread->stack_pointer, thread->canary);
    arch_never_interrupts = never_interrupts;
    queue->aside = NULL;
    queue->special--;
    cpu->interrupted = interrupted;
    cpu->current = self;
    if (!aside.has_despaired)
        lock_release(&queue->lock);
    return end_of(&aside, thread);
}

static void leave(struct thread *self)
{
    const struct aside *aside = this_cpu()->scheduler.aside;
    arch_switch(&self->stack_pointer, aside->stack_pointer, aside->canary);
}

static void come_back(void)
{
    scheduler_go_on();
    if (!this_cpu()->scheduler.aside)
        arch_irq_enable();
}

void aside_leave(void)
{
    leave(thread_self());
    come_back();
}

void aside_rest(void)
{
    arch_irq_disable();
    struct percpu *cpu = this_cpu();
    struct thread *self = cpu->current;
    lock_acquire(&cpu->scheduler.lock);
    self->is_resting = true;
    self->is_woken = false;
    self->state = THREAD_BLOCKED;
    if (cpu->scheduler.aside) {
        aside_leave();
        return;
    }
    uint64_t now = scheduler_ticks();
    (void)queue_charge(&cpu->scheduler, self, now);
    scheduler_stop_running(cpu, now);
    if (!this_cpu()->scheduler.aside)
        arch_irq_enable();
}

bool aside_gives_up(uint64_t waited_ns)
{
    const uint64_t patience_ns = 200000000;
    struct aside *aside = this_cpu()->scheduler.aside;
    if (!aside || waited_ns < patience_ns)
        return false;
    if (aside->are_others_dead)
        return true;
    aside->has_despaired = true;
    leave(thread_self());
    __builtin_unreachable();
}
