// The clock read by several processors while another refines its rate, under ThreadSanitizer.
// Catches a line that is seen before it is complete, and a clock that goes back.

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define FAKE_TICKS
#include "tests/host/lib.h"

#include "kernel/clock.c"

enum { READERS = 3, REFINEMENTS = 2, ROUNDS = 400 };

#define HZ 1000000000ull

static _Thread_local struct percpu processor;
static uint64_t now_ticks, is_over;
static unsigned wrong;

// Shared by all, so that every reading comes after the one before, whoever took that.
uint64_t fake_ticks(void)
{
    return __atomic_add_fetch(&now_ticks, HZ / 1000000, __ATOMIC_SEQ_CST);
}

struct percpu *fake_percpu(void)
{
    return &processor;
}

static uint64_t latest; // that anybody has read

static void *reader(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        uint64_t before = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);
        uint64_t now = clock_ns();
        if (now < before)
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
        while (before < now && !__atomic_compare_exchange_n(&latest, &before, now, true,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        sched_yield();
    }
    return NULL;
}

static void restart(void)
{
    memset(lines, 0, sizeof(lines));
    newest = &lines[0];
    now_ticks = is_over = latest = 0;
    clock_start();
    clock_set_frequency(HZ, "test");
}

static void refine_while_read(int64_t by)
{
    pthread_t threads[READERS];
    restart();
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, NULL), 0);
    uint64_t hz = HZ;
    for (unsigned done = 0; done < REFINEMENTS;) {
        (void)__atomic_add_fetch(&now_ticks, HZ / 10, __ATOMIC_SEQ_CST);
        done += clock_refine(hz += (uint64_t)by) == OK;
        sched_yield();
        if (done == REFINEMENTS)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void time_never_goes_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++)
        refine_while_read(i % 2 ? 900 : -900);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(time_never_goes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
