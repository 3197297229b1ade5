// kernel/remote on threads that stand for processors, under ThreadSanitizer: each calls others, one
// or all, and is called by them all the time, also while it waits. Catches a call that is lost, one
// that runs twice or elsewhere, and two processors that wait for each other for ever.

#include <sched.h>

// Threads wait for one that may have no core to run on.
#define __builtin_ia32_pause() ((void)sched_yield())

#include "tests/host/lib.h"

#include <pthread.h>
#include <stdlib.h>

#include "kernel/remote.c"

enum { PROCESSORS = 4, ROUNDS = 4000 };

static struct percpu areas[PROCESSORS];
static bool interrupt[PROCESSORS];
static uint64_t ran[PROCESSORS], asked[PROCESSORS]; // calls on a processor, and for it
static unsigned elsewhere, finished;
static __thread unsigned self;

struct percpu *fake_percpu(void)
{
    return &areas[self];
}

unsigned percpu_count(void)
{
    return PROCESSORS;
}

struct percpu *percpu_get(uint32_t cpu)
{
    return cpu < PROCESSORS ? &areas[cpu] : NULL;
}

void arch_send_call(struct percpu *cpu)
{
    __atomic_store_n(&interrupt[cpu->cpu], true, __ATOMIC_SEQ_CST);
}

bool aside_gives_up(uint64_t waited_ns)
{
    (void)waited_ns;
    return false;
}

uint64_t clock_ns(void)
{
    return 0; // patience has no end: this test may be slow
}

void panic(const char *format, ...)
{
    printf("panic: %s\n", format);
    abort();
}

static void take_interrupt(void)
{
    if (__atomic_exchange_n(&interrupt[self], false, __ATOMIC_SEQ_CST))
        remote_run();
}

static void note(void *argument)
{
    uint32_t wanted = *(const uint32_t *)argument;
    ran[self]++; // its own thread's
    if (wanted != self && wanted != PROCESSORS)
        __atomic_fetch_add(&elsewhere, 1, __ATOMIC_RELAXED);
}

static void ask(uint32_t cpu)
{
    if (remote_call(cpu, note, &cpu) == OK)
        __atomic_fetch_add(&asked[cpu], 1, __ATOMIC_RELAXED);
}

static void ask_all(void)
{
    uint32_t all = PROCESSORS;
    remote_call_all(note, &all);
    for (unsigned cpu = 0; cpu < PROCESSORS; cpu++)
        if (cpu != self)
            __atomic_fetch_add(&asked[cpu], 1, __ATOMIC_RELAXED);
}

static void *processor(void *argument)
{
    self = (unsigned)(uintptr_t)argument;
    struct remote_work posted = {0};
    uint32_t next = (self + 1) % PROCESSORS;
    for (unsigned round = 0; round < ROUNDS; round++) {
        take_interrupt();
        ask((self + round) % PROCESSORS);
        if (round % 7 == 0)
            ask_all();
        if (remote_post(next, &posted, note, &next))
            __atomic_fetch_add(&asked[next], 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) < PROCESSORS ||
           remote_is_pending(&posted)) {
        take_interrupt();
        (void)sched_yield();
    }
    remote_run();
    return NULL;
}

static void nothing_is_lost(void **state)
{
    (void)state;
    pthread_t threads[PROCESSORS];
    online = PROCESSORS;
    for (uint32_t i = 0; i < PROCESSORS; i++)
        areas[i] = (struct percpu){.cpu = i, .is_online = true};
    for (uintptr_t i = 0; i < PROCESSORS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, processor, (void *)i), 0);
    for (unsigned i = 0; i < PROCESSORS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(elsewhere, 0);
    for (unsigned i = 0; i < PROCESSORS; i++)
        assert_int_equal(ran[i], asked[i]);
}

static bool has_run, has_run_meanwhile;

static void run_second(void *argument)
{
    (void)argument;
    has_run = true;
}

// As one does that calls another processor, and waits.
static void run_first(void *argument)
{
    (void)argument;
    run_for_others();
    has_run_meanwhile = has_run;
}

static void what_came_with_a_call_runs_while_it_waits(void **state)
{
    (void)state;
    struct remote_work first, second;
    self = 0;
    areas[0] = (struct percpu){.is_online = true};
    push(&areas[0], &first, run_first, NULL);
    push(&areas[0], &second, run_second, NULL);
    remote_run();
    assert_true(has_run_meanwhile);
    assert_false(remote_is_pending(&first) || remote_is_pending(&second));
}

static void who_is_absent_is_not_called(void **state)
{
    (void)state;
    uint32_t wanted = 3;
    struct remote_work work = {0};
    self = 0;
    areas[3].is_online = false;
    uint64_t before = ran[3];
    assert_int_equal(remote_call(3, note, &wanted), NOT_FOUND);
    assert_int_equal(remote_call(PROCESSORS, note, &wanted), NOT_FOUND);
    assert_false(remote_post(3, &work, note, &wanted));
    assert_int_equal(ran[3], before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(what_came_with_a_call_runs_while_it_waits),
        cmocka_unit_test(who_is_absent_is_not_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
