// Waiting, and being woken: what everything else that waits is made of.

#include "kernel/aside.h"
#include "kernel/clock.h"
#include "kernel/panic.h"
#include "kernel/run_queue.h"

static void block(void)
{
    uintptr_t state = arch_irq_save();
    struct percpu *cpu = this_cpu();
    struct thread *self = cpu->current;
    lock_acquire(&cpu->scheduler.lock);
    if (self->is_woken) {
        self->is_woken = false;
        unlock_irqrestore(&cpu->scheduler.lock, state);
        return;
    }
    self->waits++;
    self->state = THREAD_BLOCKED;
    if (unlikely(cpu->scheduler.aside)) {
        aside_leave();
    } else {
        uint64_t now = scheduler_ticks();
        (void)queue_charge(&cpu->scheduler, self, now);
        scheduler_stop_running(cpu, now);
    }
    arch_irq_restore(state);
}

static void end_wait(void *context)
{
    thread_unpark(context);
}

noinline static enum status block_until(uint64_t deadline_ns)
{
    struct thread *self = thread_self();
    timer_init(&self->timer, end_wait, self, self->name);
    timer_arm(&self->timer, deadline_ns);
    block();
    (void)timer_cancel(&self->timer);
    return clock_ns() >= deadline_ns ? TIMED_OUT : OK;
}

enum status thread_park(uint64_t deadline_ns)
{
    lock_check_may_sleep();
    if (deadline_ns != TIMER_NEVER)
        return block_until(deadline_ns);
    block();
    return OK;
}

// To where it is to run: one that is in no queue, with the lock of its home held.
noinline static void wake_elsewhere(struct thread *thread, struct percpu *home,
                                    struct percpu *target, uintptr_t state)
{
    scheduler_move(thread, target);
    unlock_irqrestore(&home->scheduler.lock, state);
    scheduler_arrive(thread);
}

// Whether the caller may stop for somebody else, who is the same processor's.
static inline bool may_give_way(const struct percpu *home, uintptr_t state)
{
    return home == this_cpu() && arch_irq_is_on(state) && !home->interrupted &&
           home->current->is_plain;
}

static always_inline void wake(struct thread *thread, bool may_switch)
{
    uintptr_t state;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    if (thread->state != THREAD_BLOCKED) {
        thread->is_woken = true;
        unlock_irqrestore(&home->scheduler.lock, state);
        return;
    }
    uint64_t now = scheduler_ticks();
    home->scheduler.wakeups++;
    thread_note_blocked(thread, now);
    struct percpu *target = placement_choose(thread, home);
    if (unlikely(target != home)) {
        wake_elsewhere(thread, home, target, state);
        return;
    }
    if (may_switch && may_give_way(home, state) && scheduler_hand_over(home, thread, now)) {
        arch_irq_restore(state);
        return;
    }
    scheduler_make_ready(home, thread);
    unlock_irqrestore(&home->scheduler.lock, state);
}

void thread_unpark_locked(struct thread *thread)
{
    wake(thread, false);
}

void thread_unpark(struct thread *thread)
{
    wake(thread, true);
    thread_preempt();
}

void sleep_ns(uint64_t ns)
{
    uint64_t deadline_ns = clock_ns() + ns;
    while (thread_park(deadline_ns) != TIMED_OUT)
        ;
}

void thread_interrupt(struct thread *thread)
{
    __atomic_store_n(&thread->is_interrupted, true, __ATOMIC_SEQ_CST);
    thread_unpark(thread);
}

bool thread_is_interrupted(void)
{
    return __atomic_load_n(&thread_self()->is_interrupted, __ATOMIC_SEQ_CST);
}

void thread_clear_interrupt(void)
{
    __atomic_store_n(&thread_self()->is_interrupted, false, __ATOMIC_SEQ_CST);
}

bool thread_may_sleep(void)
{
    uintptr_t state = arch_irq_save();
    bool may = arch_irq_is_on(state) && !this_cpu()->interrupted;
    arch_irq_restore(state);
    return may;
}
