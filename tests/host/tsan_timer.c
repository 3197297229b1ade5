// Timers and the clock on several processors at once, under ThreadSanitizer: each processor runs
// its own queue, and all of them arm and cancel the same timers. Catches a timer in two queues, a
// function that runs on two processors at the same time or after a cancel has returned, a lock that
// isn't the timer's, and a clock that goes back while another refines it.

#include <pthread.h>
#include <sched.h>

// Threads wait for the lock's next holder, which may have no core to run on.
#define __builtin_ia32_pause() ((void)sched_yield())

#include "tests/host/timer_machine.h"

enum { TIMERS = 8, ROUNDS = 20000 };

void arch_wait_for_interrupt(void)
{
}

static struct shared {
    struct timer timer;
    unsigned inside, runs;
    bool is_dead; // for ever cancelled
} shared[TIMERS];

static unsigned wrong;

static void run(void *context)
{
    struct shared *one = context;
    if (__atomic_fetch_add(&one->inside, 1, __ATOMIC_ACQ_REL) ||
        __atomic_load_n(&one->is_dead, __ATOMIC_ACQUIRE))
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
    one->runs++; // plain: no two at the same time
    if (one->runs % 7 == 0)
        sched_yield();
    if (one->runs % 5 == 0)
        timer_arm(&one->timer, clock_ns() + 3);
    __atomic_fetch_sub(&one->inside, 1, __ATOMIC_ACQ_REL);
}

static void *processor(void *argument)
{
    here = (unsigned)(uintptr_t)argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct shared *one = &shared[(round * 5 + here * 3) % TIMERS];
        if (round % 3 == 0)
            (void)timer_cancel(&one->timer);
        else
            timer_arm(&one->timer, clock_ns() + round % 11);
        __atomic_fetch_add(&now_ns, 1, __ATOMIC_RELAXED);
        timer_run_due();
    }
    return NULL;
}

static void together(void *(*thread)(void *))
{
    pthread_t threads[PROCESSORS];
    for (uintptr_t i = 0; i < PROCESSORS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread, (void *)i), 0);
    for (unsigned i = 0; i < PROCESSORS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void no_function_runs_twice_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TIMERS; i++)
        timer_init(&shared[i].timer, run, &shared[i], "shared");
    together(processor);
    unsigned runs = 0, waiting = 0;
    for (unsigned i = 0; i < TIMERS; i++) {
        runs += shared[i].runs;
        waiting += timer_cancel(&shared[i].timer);
    }
    assert_true(runs > 1000);
    assert_int_equal(wrong, 0);
    for (unsigned i = 0; i < PROCESSORS; i++)
        assert_int_equal(waiting_on(i), 0);
    assert_in_range(waiting, 0, TIMERS);
}

// The first cancels what others arm when it asks them to, and then nothing may run.
static bool is_wanted[TIMERS], is_finished;

static void run_on(void *context)
{
    struct shared *one = context;
    __atomic_fetch_add(&one->inside, 1, __ATOMIC_ACQ_REL);
    for (unsigned i = 0; i < 20; i++)
        sched_yield();
    one->runs++;
    timer_arm(&one->timer, clock_ns() + 1);
    __atomic_fetch_sub(&one->inside, 1, __ATOMIC_ACQ_REL);
}

static void cancel_one(struct shared *one, bool *wanted)
{
    __atomic_store_n(wanted, true, __ATOMIC_RELEASE);
    while (__atomic_load_n(wanted, __ATOMIC_ACQUIRE))
        sched_yield();
    for (unsigned i = 0; i < random_below(20); i++)
        sched_yield();
    (void)timer_cancel(&one->timer);
    unsigned inside = __atomic_load_n(&one->inside, __ATOMIC_ACQUIRE), runs = one->runs;
    sched_yield();
    if (inside || runs != one->runs || timer_queue_has(&one->timer.node))
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void *canceller(void *argument)
{
    here = (unsigned)(uintptr_t)argument;
    for (unsigned round = 0; here == 0 && round < 300; round++)
        cancel_one(&shared[round % TIMERS], &is_wanted[round % TIMERS]);
    if (here == 0)
        __atomic_store_n(&is_finished, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&is_finished, __ATOMIC_ACQUIRE)) {
        for (unsigned i = here - 1; i < TIMERS; i += 2) {
            if (!__atomic_load_n(&is_wanted[i], __ATOMIC_ACQUIRE))
                continue;
            timer_arm(&shared[i].timer, clock_ns() + i);
            __atomic_store_n(&is_wanted[i], false, __ATOMIC_RELEASE);
        }
        __atomic_fetch_add(&now_ns, 1, __ATOMIC_RELAXED);
        timer_run_due();
        sched_yield();
    }
    return NULL;
}

static void after_a_cancel_nothing_runs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TIMERS; i++) {
        shared[i].runs = 0;
        timer_init(&shared[i].timer, run_on, &shared[i], "shared");
    }
    together(canceller);
    assert_int_equal(wrong, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_function_runs_twice_at_once),
        TEST(after_a_cancel_nothing_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
