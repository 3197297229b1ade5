// What a processor does that has nothing to do.
//
// Whoever gives it something to do first writes that down and then looks at is_idle; it first sets
// is_idle and then looks for something to do. So one of the two sees the other.

#include "kernel/idle.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/run_queue.h"
#include "mm/page.h"

static bool is_wanted(const struct percpu *cpu)
{
    return __atomic_load_n(&cpu->scheduler.runnable, __ATOMIC_SEQ_CST);
}

// Nothing would interrupt for a timer where there is no device for it.
static bool must_poll(void)
{
    return !arch_timer_name() && timer_next_deadline() != TIMER_NEVER;
}

static void wait(struct percpu *cpu)
{
    if (!arch_can_watch()) {
        arch_wait_for_interrupt();
        return;
    }
    __atomic_store_n(&cpu->is_watching, true, __ATOMIC_SEQ_CST);
    arch_watch(&cpu->needs_schedule);
    __atomic_store_n(&cpu->is_watching, false, __ATOMIC_RELAXED);
}

// Interrupts are off.
static void halt(struct percpu *cpu)
{
    __atomic_store_n(&cpu->is_idle, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->needs_schedule, SCHEDULE_NOT, __ATOMIC_SEQ_CST); // or none would follow
    placement_note_idle(cpu, true);
    if (remote_is_called(cpu))
        remote_run(); // its interrupt may be waiting until they are on
    else if (must_poll())
        timer_run_due();
    else if (!is_wanted(cpu))
        wait(cpu);
    placement_note_idle(cpu, false);
    __atomic_store_n(&cpu->is_idle, false, __ATOMIC_RELAXED);
}

// Interrupts are off.
static void run_others(struct percpu *cpu)
{
    if (!is_wanted(cpu))
        placement_pull(cpu);
    if (is_wanted(cpu)) {
        cpu->needs_schedule = SCHEDULE_SWITCH;
        scheduler_preempt();
    }
}

void idle_run(void)
{
    scheduler_begin();
    for (;;) {
        while (!is_wanted(this_cpu()) && (threads_reap() || page_zero_step(clock_ns())))
            ;
        log_wake_late();
        uintptr_t state = arch_irq_save();
        run_others(this_cpu());
        if (!is_wanted(this_cpu()))
            halt(this_cpu());
        arch_irq_restore(state);
    }
}

// --- Is the watch to be trusted? -----------------------------------------------------------------

static bool is_watching(const struct percpu *cpu)
{
    return __atomic_load_n(&cpu->is_watching, __ATOMIC_SEQ_CST);
}

// Whether it comes to that within a millisecond.
static bool comes_to(const struct percpu *cpu, bool watches)
{
    for (uint64_t start_ns = clock_ns(); clock_ns() - start_ns < 1000000; arch_pause())
        if (is_watching(cpu) == watches)
            return true;
    return false;
}

// One that is interrupted meanwhile may seem to have seen it: so it is asked several times.
static bool sees_writes(struct percpu *cpu)
{
    enum { ROUNDS = 8, SETTLE_NS = 10000 };
    for (unsigned i = 0; i < ROUNDS && comes_to(cpu, true); i++) {
        for (uint64_t start_ns = clock_ns(); clock_ns() - start_ns < SETTLE_NS;)
            arch_pause();
        __atomic_store_n(&cpu->needs_schedule, SCHEDULE_LOOK, __ATOMIC_SEQ_CST);
        if (!comes_to(cpu, false))
            return false;
    }
    return true;
}

void idle_check(void)
{
    struct percpu *other = percpu_get(1);
    if (!arch_can_watch() || !other || !other->is_online || sees_writes(other))
        return;
    arch_stop_watching();
    for (uint32_t cpu = 1; cpu < percpu_count(); cpu++)
        idle_wake(cpu);
}

void idle_wake(uint32_t cpu)
{
    struct percpu *sleeper = percpu_get(cpu);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); // what it is woken for is written down
    if (sleeper && sleeper != this_cpu() && __atomic_load_n(&sleeper->is_idle, __ATOMIC_SEQ_CST))
        arch_send_call(sleeper);
}
