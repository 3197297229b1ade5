// What threads cost, in ticks, with everything that runs meanwhile on this processor: the others
// have to be without work.

#include "arch/arch.h"
#include "kernel/bench.h"
#include "kernel/mutex.h"
#include "kernel/percpu.h"
#include "kernel/scheduler.h"
#include "kernel/thread.h"
#include "lib/compiler.h"

enum { ROUNDS = 256, PARTNERS_MAX = 7 };

static bool is_over;

static struct thread *start(thread_function *run, void *argument, const struct schedule *schedule)
{
    struct thread *thread = thread_create_on(arch_own_percpu()->cpu, "bench", run, argument);
    if (thread && thread_set_schedule(thread, schedule) != OK)
        return NULL;
    if (thread)
        thread_start(thread);
    return thread;
}

static enum status yield_on(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED))
        thread_yield();
    return OK;
}

static uint64_t switches(void)
{
    return arch_own_percpu()->scheduler.switches;
}

noinline static void nothing_at_all(void)
{
    compiler_barrier();
}

static uint64_t overhead(void)
{
    uint64_t start_ticks = arch_ticks();
    for (unsigned i = 0; i < ROUNDS; i++)
        nothing_at_all();
    return (arch_ticks() - start_ticks) / ROUNDS;
}

// One way, without the loop around it: all switches that happen are counted.
static uint64_t yields(unsigned partners)
{
    struct thread *threads[PARTNERS_MAX];
    __atomic_store_n(&is_over, false, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < partners; i++) {
        struct schedule schedule = SCHEDULE_DEFAULT;
        schedule.weight = partners > 1 ? 512 + 256 * i : FAIR_WEIGHT;
        threads[i] = start(yield_on, NULL, &schedule);
    }
    for (unsigned i = 0; i < ROUNDS; i++)
        thread_yield();
    uint64_t before = switches(), start_ticks = arch_ticks();
    for (unsigned i = 0; i < ROUNDS; i++)
        thread_yield();
    uint64_t ticks = arch_ticks() - start_ticks;
    uint64_t count = switches() - before;
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < partners; i++)
        if (threads[i])
            (void)thread_join(threads[i]);
    return count ? ticks / count - overhead() : 0;
}

FIGURE(threads, yield_of_2, "ticks")
{
    return yields(1);
}

FIGURE(threads, yield_of_8, "ticks")
{
    return yields(PARTNERS_MAX);
}

static enum status wait_on_and_on(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED))
        (void)thread_park(TIMER_NEVER);
    return OK;
}

// It is better than who wakes it, so each wake-up is two switches.
FIGURE(threads, wake_and_back, "ticks")
{
    struct schedule schedule = SCHEDULE_DEFAULT;
    schedule.class = SCHEDULE_REAL_TIME;
    __atomic_store_n(&is_over, false, __ATOMIC_RELAXED);
    struct thread *partner = start(wait_on_and_on, NULL, &schedule);
    if (!partner)
        return 0;
    for (unsigned i = 0; i < 16; i++)
        thread_unpark(partner);
    uint64_t start_ticks = arch_ticks();
    for (unsigned i = 0; i < ROUNDS; i++)
        thread_unpark(partner);
    uint64_t ticks = arch_ticks() - start_ticks;
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    thread_unpark(partner);
    (void)thread_join(partner);
    return ticks / ROUNDS;
}

FIGURE(threads, mutex, "ticks")
{
    struct mutex mutex = {0};
    uint64_t start_ticks = arch_ticks();
    for (unsigned i = 0; i < ROUNDS; i++) {
        mutex_lock(&mutex);
        mutex_unlock(&mutex);
    }
    return (arch_ticks() - start_ticks) / ROUNDS;
}

static enum status nothing(void *argument)
{
    (void)argument;
    return OK;
}

FIGURE(threads, create_run_exit_join, "ticks")
{
    uint64_t start_ticks = 0;
    for (unsigned i = 0; i < 8 + ROUNDS; i++) {
        if (i == 8)
            start_ticks = arch_ticks();
        struct thread *thread = thread_create("brief", nothing, NULL);
        if (!thread)
            return 0;
        thread_start(thread);
        (void)thread_join(thread);
    }
    return (arch_ticks() - start_ticks) / ROUNDS;
}
