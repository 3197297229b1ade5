// What a processor does that has nothing to do.
//
// Whoever gives it something to do first writes that down and then looks at is_idle; it first sets
// is_idle and then looks for something to do. So one of the two sees the other.

#include "kernel/idle.h"
#include "arch/arch.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"

static bool has_log(const struct percpu *cpu)
{
    return cpu->cpu == 0 && log_is_pending();
}

// Nothing would interrupt for a timer where there is no device for it.
static bool must_poll(void)
{
    return !arch_timer_name() && timer_next_deadline() != TIMER_NEVER;
}

// Interrupts are off.
static void halt(struct percpu *cpu)
{
    __atomic_store_n(&cpu->is_idle, true, __ATOMIC_SEQ_CST);
    if (remote_is_called(cpu))
        remote_run(); // its interrupt may be waiting until they are on
    else if (must_poll())
        timer_run_due();
    else if (!has_log(cpu))
        arch_wait_for_interrupt();
    __atomic_store_n(&cpu->is_idle, false, __ATOMIC_RELAXED);
}

void idle(void)
{
    uintptr_t state = arch_irq_save();
    halt(this_cpu());
    arch_irq_restore(state);
}

uint64_t idle_mark(void)
{
    return __atomic_load_n(&this_cpu()->heartbeat, __ATOMIC_RELAXED);
}

static void end_wait(void *unused_context)
{
    (void)unused_context; // the interrupt was what mattered
}

void idle_since(uint64_t mark, uint64_t deadline_ns)
{
    struct timer timer;
    if (deadline_ns != TIMER_NEVER && !arch_timer_name()) {
        timer_poll();
        arch_pause();
        return;
    }
    timer_init(&timer, end_wait, NULL, "wait");
    if (deadline_ns != TIMER_NEVER)
        timer_arm(&timer, deadline_ns);
    uintptr_t state = arch_irq_save();
    if (idle_mark() == mark)
        halt(this_cpu());
    arch_irq_restore(state);
    (void)timer_cancel(&timer);
}

void idle_wake(uint32_t cpu)
{
    struct percpu *sleeper = percpu_get(cpu);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); // what it is woken for is written down
    if (sleeper && sleeper != this_cpu() && __atomic_load_n(&sleeper->is_idle, __ATOMIC_SEQ_CST))
        arch_send_call(sleeper);
}
