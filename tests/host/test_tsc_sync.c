// Counters of different processors (threads), compared by round trips. Catches a difference that is
// outside of what the trips allow, one that is claimed although the counters may be equal,
// arithmetic that fails where the two are far apart, an adjustment that only the first one has, and
// a wait without an end for a processor that doesn't answer.

#include <pthread.h>
#include <sched.h>

// Threads wait for each other, and may have only one core to run on.
#define __builtin_ia32_pause() ((void)sched_yield())

#define FAKE_TICKS
#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "arch/x86_64/tsc_sync.c"

enum { PROCESSORS = 3 };

static struct percpu processors[PROCESSORS];
static uint64_t skew[PROCESSORS], adjust[PROCESSORS], lfence[PROCESSORS];
static bool is_deaf[PROCESSORS], is_online[PROCESSORS], refuses_adjust, is_amd;
static _Thread_local unsigned here;

uint64_t fake_ticks(void)
{
    __builtin_ia32_lfence();
    return __builtin_ia32_rdtsc() + skew[here] + adjust[here];
}

struct percpu *fake_percpu(void)
{
    return &processors[here];
}

unsigned percpu_count(void)
{
    return PROCESSORS;
}

uint64_t clock_frequency(void)
{
    return 500000000;
}

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    if (leaf == 0)
        return (struct cpuid){.eax = 7, .ecx = is_amd ? 0x444d4163 : 0x6c65746e};
    return (struct cpuid){.ebx = leaf == 7 ? BIT(1) : 0};
}

static uint64_t *find_msr(uint32_t msr)
{
    assert_true(msr == 0x3b || (is_amd && msr == 0xc0011029));
    return msr == 0x3b ? &adjust[here] : &lfence[here];
}

enum status msr_read(uint32_t msr, uint64_t *value)
{
    *value = *find_msr(msr);
    return OK;
}

enum status msr_write(uint32_t msr, uint64_t value)
{
    if (msr == 0x3b && refuses_adjust)
        return FAULT;
    *find_msr(msr) = value;
    return OK;
}

// A processor takes its call in a thread, later.
static pthread_t threads[PROCESSORS];
static bool is_started[PROCESSORS];

struct call {
    uint32_t cpu;
    struct remote_work *work;
};

static void *take_call(void *argument)
{
    struct call call = *(struct call *)argument;
    free(argument);
    here = call.cpu;
    call.work->run(call.work->argument);
    __atomic_store_n(&call.work->is_pending, false, __ATOMIC_RELEASE);
    return NULL;
}

bool remote_post(uint32_t cpu, struct remote_work *work, remote_function *run, void *argument)
{
    if (!is_online[cpu] || work->is_pending)
        return false;
    *work = (struct remote_work){.run = run, .argument = argument, .is_pending = true};
    if (is_deaf[cpu])
        return true;
    struct call *call = malloc(sizeof(*call));
    *call = (struct call){cpu, work};
    is_started[cpu] = true;
    assert_int_equal(pthread_create(&threads[cpu], NULL, take_call, call), 0);
    return true;
}

static int start(void **state)
{
    (void)state;
    memset(processors, 0, sizeof(processors));
    for (uint32_t i = 0; i < PROCESSORS; i++) {
        processors[i].cpu = i;
        skew[i] = adjust[i] = lfence[i] = 0;
        is_deaf[i] = is_started[i] = false;
        is_online[i] = true;
    }
    boot_adjust = 0;
    refuses_adjust = is_amd = false;
    shared.turn = 0;
    here = 0;
    log_forget();
    return 0;
}

static void sync(void)
{
    tsc_sync_all();
    for (unsigned i = 0; i < PROCESSORS; i++)
        if (is_started[i])
            assert_int_equal(pthread_join(threads[i], NULL), 0);
}

// --- Processors ----------------------------------------------------------------------------------

static void assert_near(int64_t value, int64_t expected)
{
    const int64_t error = 300000000; // a thread that waits for its turn
    assert_true(value - expected < error && expected - value < error);
}

static void skewed_processors_are_set_right(void **state)
{
    (void)state;
    skew[1] = 3000000000;
    skew[2] = (uint64_t)-7000000000000;
    sync();
    assert_int_equal(processors[0].tick_offset, 0);
    assert_near(processors[1].tick_offset, -3000000000);
    assert_near(processors[2].tick_offset, 7000000000000);
    assert_int_equal(log_lines[LOG_INFO], 2);
    assert_int_equal(log_lines[LOG_WARN], 0);
}

static void equal_processors_stay_as_they_are(void **state)
{
    (void)state;
    sync();
    for (unsigned i = 0; i < PROCESSORS; i++)
        assert_int_equal(processors[i].tick_offset, 0);
    assert_int_equal(log_lines[LOG_INFO] + log_lines[LOG_WARN], 0);
}

static void some_are_not_online(void **state)
{
    (void)state;
    is_online[1] = false;
    skew[2] = 3000000000;
    sync();
    assert_int_equal(processors[1].tick_offset, 0);
    assert_near(processors[2].tick_offset, -3000000000);
}

static void one_that_does_not_answer_is_named(void **state)
{
    (void)state;
    is_deaf[1] = true;
    sync();
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_non_null(strstr(log_last, "CPU 1"));
}

static void adjusted_like_the_first(void **state)
{
    (void)state;
    adjust[0] = 500, adjust[1] = 7000000000, adjust[2] = 500;
    for (here = 0; here < PROCESSORS; here++)
        tsc_cpu_init();
    here = 0;
    assert_int_equal(adjust[1], 500);
    assert_int_equal(log_lines[LOG_INFO], 1);
    sync();
    assert_int_equal(processors[1].tick_offset, 0);
}

static void what_cannot_be_adjusted_is_an_offset(void **state)
{
    (void)state;
    refuses_adjust = true;
    adjust[1] = 7000000000;
    for (here = 0; here < PROCESSORS; here++)
        tsc_cpu_init();
    here = 0;
    sync();
    assert_near(processors[1].tick_offset, -7000000000);
}

static void lfence_is_told_to_wait(void **state)
{
    (void)state;
    lfence[0] = 0x100;
    tsc_cpu_init();
    assert_int_equal(lfence[0], 0x100);
    is_amd = true;
    tsc_cpu_init();
    assert_int_equal(lfence[0], 0x102);
}

// --- Arithmetic ----------------------------------------------------------------------------------

// Trips with a way there and back of their own each, some much longer than others.
static struct tsc_bounds travel(int64_t ahead, unsigned trips, uint64_t shortest)
{
    struct tsc_bounds bounds = TSC_BOUNDS_NONE;
    uint64_t now = random_u64();
    for (unsigned i = 0; i < trips; i++) {
        uint64_t there = shortest + random_below(1 + random_below(1000));
        uint64_t back = shortest + random_below(1 + random_below(1000));
        tsc_bounds_narrow(&bounds, now, now + there + (uint64_t)ahead, now + there + back);
        now += there + back + random_below(5000);
    }
    return bounds;
}

static void within_the_bounds(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        int64_t ahead = (int64_t)random_u64() >> (2 + random_below(62));
        struct tsc_bounds bounds = travel(ahead, 32, 50);
        assert_true(bounds.low <= ahead && ahead <= bounds.high);
        int64_t offset = tsc_bounds_offset(&bounds);
        assert_true(offset == 0 || (bounds.low <= offset && offset <= bounds.high));
        int64_t error = (bounds.high - bounds.low) / 2 + 1;
        if (offset)
            assert_true(offset - ahead <= error && ahead - offset <= error);
        else
            assert_true(ahead <= 2 * error && ahead >= -2 * error);
    }
}

static void equal_counters_stay_as_they_are(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        struct tsc_bounds bounds = travel(0, 1 + (unsigned)random_below(64), random_below(300));
        assert_int_equal(tsc_bounds_offset(&bounds), 0);
    }
}

static void many_trips_are_better_than_one(void **state)
{
    (void)state;
    uint64_t one = 0, many = 0;
    for (unsigned round = 0; round < 1000; round++) {
        struct tsc_bounds bounds = travel(12345, 1, 50);
        one += (uint64_t)(bounds.high - bounds.low);
        bounds = travel(12345, 32, 50);
        assert_true(bounds.high - bounds.low <= 300);
        many += (uint64_t)(bounds.high - bounds.low);
    }
    assert_true(many * 3 < one);
}

static void different_rates_contradict_themselves(void **state)
{
    (void)state;
    struct tsc_bounds bounds = TSC_BOUNDS_NONE;
    for (uint64_t i = 0; i < 32; i++)
        tsc_bounds_narrow(&bounds, i * 10000, i * 11000 + 100, i * 10000 + 200);
    assert_true(bounds.low > bounds.high);
    assert_true(tsc_bounds_offset(&bounds) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(skewed_processors_are_set_right, start),
        cmocka_unit_test_setup(equal_processors_stay_as_they_are, start),
        cmocka_unit_test_setup(some_are_not_online, start),
        cmocka_unit_test_setup(adjusted_like_the_first, start),
        cmocka_unit_test_setup(what_cannot_be_adjusted_is_an_offset, start),
        cmocka_unit_test_setup(lfence_is_told_to_wait, start),
        cmocka_unit_test(within_the_bounds),
        cmocka_unit_test(equal_counters_stay_as_they_are),
        cmocka_unit_test(many_trips_are_better_than_one),
        cmocka_unit_test(different_rates_contradict_themselves),
        // The last: its call waits for ever.
        cmocka_unit_test_setup(one_that_does_not_answer_is_named, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
