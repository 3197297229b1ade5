// Threads: they come and go, share processors as they should, and wake when they are called.

#include "kernel/clock.h"
#include "kernel/completion.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"
#include "kernel/test.h"
#include "kernel/thread.h"
#include "lib/compiler.h"
#include "mm/page.h"

#define MS 1000000ull

static enum status answer(void *argument)
{
    return argument ? FAILED : OK;
}

KTEST(threads, end_with_a_result)
{
    struct thread *good = thread_create("good", answer, NULL);
    struct thread *bad = thread_create("bad", answer, &good);
    KTEST_CHECK(good && bad);
    thread_start(good);
    thread_start(bad);
    KTEST_EQUAL(thread_join(bad), FAILED);
    KTEST_EQUAL(thread_join(good), OK);
}

static uint64_t free_pages(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.free;
}

// Several at a time: a switch to another processor takes long where emulators share few.
static bool start_and_join(unsigned count)
{
    struct thread *threads[16];
    bool are_well = true;
    for (unsigned i = 0; i < count; i++) {
        threads[i] = thread_create("brief", answer, NULL);
        if (threads[i])
            thread_start(threads[i]);
    }
    for (unsigned i = 0; i < count; i++)
        are_well &= threads[i] && thread_join(threads[i]) == OK;
    return are_well;
}

static uint64_t free_pages_without_remains(void)
{
    while (threads_reap())
        ;
    return free_pages();
}

KTEST(threads, come_and_go_without_a_trace)
{
    enum { AT_ONCE = 16, THREADS = 100000, KEPT_PAGES = 16 * 5 }; // what a few leave to the next
    KTEST_CHECK(start_and_join(AT_ONCE));
    uint64_t before = free_pages_without_remains();
    for (unsigned i = 0; i < THREADS / AT_ONCE; i++)
        KTEST_CHECK(start_and_join(AT_ONCE));
    KTEST_CHECK(free_pages_without_remains() + KEPT_PAGES >= before);
}

static enum status wait_for_the_end(void *over)
{
    completion_wait(over);
    return OK;
}

// All at the same time, each on its own stack; and all of that comes back.
KTEST(threads, cost_what_their_stacks_cost)
{
    enum { CROWD = 1000, PAGES_EACH = THREAD_STACK_SIZE / PAGE_SIZE, PAGES_MORE = CROWD / 2 };
    static struct thread *threads[CROWD];
    static struct completion over;
    over = (struct completion){0};
    uint64_t before = free_pages();
    for (unsigned i = 0; i < CROWD; i++) {
        threads[i] = thread_create("crowd", wait_for_the_end, &over);
        KTEST_CHECK(threads[i]);
        thread_start(threads[i]);
    }
    uint64_t used = before - free_pages();
    completion_signal(&over);
    for (unsigned i = 0; i < CROWD; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    KTEST_CHECK(used <= CROWD * PAGES_EACH + PAGES_MORE);
    KTEST_CHECK(free_pages_without_remains() + CROWD / 2 >= before); // tables and slabs may stay
}

// --- Sharing -------------------------------------------------------------------------------------

enum { SPINNERS_MAX = 8 };

static bool is_over;

static enum status spin(void *argument)
{
    volatile uint64_t *passes = argument;
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED))
        ++*passes;
    return OK;
}

struct spinner {
    struct thread *thread;
    volatile uint64_t passes;
    uint64_t ran_ns;
};

static bool start_spinner(struct spinner *spinner, const struct schedule *schedule, uint32_t cpu)
{
    struct cpu_set cpus = cpu_set_one(cpu);
    *spinner = (struct spinner){.thread = thread_create("spinner", spin, (void *)&spinner->passes)};
    if (!spinner->thread)
        return false;
    if (thread_set_schedule(spinner->thread, schedule) != OK ||
        thread_set_cpus(spinner->thread, &cpus) != OK)
        return false;
    thread_start(spinner->thread);
    return true;
}

static void stop_spinners(struct spinner *spinners, unsigned count)
{
    struct thread_info info;
    for (unsigned i = 0; i < count; i++) {
        thread_inform(spinners[i].thread, &info);
        spinners[i].ran_ns = info.ran_ns;
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < count; i++)
        (void)thread_join(spinners[i].thread);
    __atomic_store_n(&is_over, false, __ATOMIC_RELAXED);
}

// For a while, all on the last processor, each with its own schedule. False: one can't be made.
static bool spin_for(uint64_t ns, struct spinner *spinners, const struct schedule *schedules,
                     unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!start_spinner(&spinners[i], &schedules[i], percpu_count() - 1))
            return false;
    sleep_ns(ns);
    stop_spinners(spinners, count);
    return true;
}

// A busy host takes time away from whoever happens to run: one time of these it must be right.
enum { TRIES = 3 };

static bool is_within_2_percent(uint64_t value, uint64_t expected)
{
    return value * 100 > expected * 98 && value * 100 < expected * 102;
}

static bool shares_are_as_weights(void)
{
    static const uint32_t weights[] = {512, 1024, 2048, 4096};
    struct spinner spinners[ARRAY_SIZE(weights)];
    struct schedule schedules[ARRAY_SIZE(weights)];
    uint64_t all = 0, sum = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(weights); i++) {
        schedules[i] = SCHEDULE_DEFAULT;
        schedules[i].weight = weights[i];
        sum += weights[i];
    }
    bool are_right = spin_for(1500 * MS, spinners, schedules, ARRAY_SIZE(weights));
    for (unsigned i = 0; i < ARRAY_SIZE(weights) && are_right; i++)
        all += spinners[i].ran_ns;
    for (unsigned i = 0; i < ARRAY_SIZE(weights) && are_right; i++)
        are_right = is_within_2_percent(spinners[i].ran_ns, all * weights[i] / sum);
    return are_right;
}

KTEST(threads, get_time_by_weight)
{
    bool are_right = false;
    for (unsigned i = 0; i < TRIES && !are_right; i++)
        are_right = shares_are_as_weights();
    KTEST_CHECK(are_right);
}

static bool shares_are_as_caps(void)
{
    static const uint32_t caps[] = {10, 25, 40};
    struct spinner spinners[ARRAY_SIZE(caps)];
    struct schedule schedules[ARRAY_SIZE(caps)];
    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++) {
        schedules[i] = SCHEDULE_DEFAULT;
        schedules[i].cap = caps[i];
    }
    uint64_t start = clock_ns();
    bool are_right = spin_for(2000 * MS, spinners, schedules, ARRAY_SIZE(caps));
    uint64_t time = clock_ns() - start;
    for (unsigned i = 0; i < ARRAY_SIZE(caps) && are_right; i++) {
        uint64_t share = spinners[i].ran_ns * 1000 / time;
        are_right = share + 20 > caps[i] * 10 && share < caps[i] * 10 + 20;
    }
    return are_right;
}

KTEST(threads, keep_to_their_caps)
{
    bool are_right = false;
    for (unsigned i = 0; i < TRIES && !are_right; i++)
        are_right = shares_are_as_caps();
    KTEST_CHECK(are_right);
}

KTEST(threads, of_real_time_go_first)
{
    struct spinner spinners[3];
    uint32_t cpu = percpu_count() - 1;
    struct schedule schedule = SCHEDULE_DEFAULT;
    KTEST_CHECK(start_spinner(&spinners[0], &schedule, cpu));
    schedule.class = SCHEDULE_REAL_TIME;
    schedule.priority = 3;
    KTEST_CHECK(start_spinner(&spinners[1], &schedule, cpu));
    KTEST_CHECK(start_spinner(&spinners[2], &schedule, cpu));
    sleep_ns(1000 * MS);
    stop_spinners(spinners, 3);
    uint64_t all = spinners[0].ran_ns + spinners[1].ran_ns + spinners[2].ran_ns;
    KTEST_CHECK(spinners[0].ran_ns * 100 > all * 3); // a twentieth of it stays for others
    KTEST_CHECK(spinners[0].ran_ns * 100 < all * 8);
    KTEST_CHECK(spinners[1].ran_ns * 100 < spinners[2].ran_ns * 115);
    KTEST_CHECK(spinners[2].ran_ns * 100 < spinners[1].ran_ns * 115);
}

KTEST(threads, of_higher_priority_go_first)
{
    struct spinner spinners[2];
    uint32_t cpu = percpu_count() - 1;
    struct schedule schedule = SCHEDULE_DEFAULT;
    schedule.class = SCHEDULE_REAL_TIME;
    for (unsigned i = 0; i < 2; i++) {
        schedule.priority = i;
        KTEST_CHECK(start_spinner(&spinners[i], &schedule, cpu));
    }
    uint64_t before = 0;
    for (unsigned i = 0; i < 20 && cpu != 0; i++) { // main runs on processor 0
        sleep_ns(10 * MS);
        before = i == 5 ? spinners[0].passes : before;
    }
    uint64_t after = spinners[0].passes;
    stop_spinners(spinners, 2);
    KTEST_EQUAL(after, cpu == 0 ? after : before);
}

// --- Being woken ---------------------------------------------------------------------------------

enum { WAKES = 64 };

struct sleeper {
    uint64_t late[WAKES];
};

static enum status sleep_on_and_on(void *argument)
{
    struct sleeper *sleeper = argument;
    for (unsigned i = 0; i < WAKES; i++) {
        uint64_t deadline_ns = clock_ns() + 4 * MS;
        while (thread_park(deadline_ns) != TIMED_OUT)
            ;
        sleeper->late[i] = clock_ns() - deadline_ns;
    }
    return OK;
}

static uint64_t median(uint64_t *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        for (unsigned j = i; j && values[j - 1] > values[j]; j--) {
            uint64_t value = values[j];
            values[j] = values[j - 1];
            values[j - 1] = value;
        }
    return values[count / 2];
}

// Among threads that never stop, on an emulator that others may keep waiting.
KTEST(threads, of_real_time_wake_at_once)
{
    enum { LOAD = 4 };
    static struct sleeper sleeper;
    struct spinner spinners[LOAD];
    struct schedule schedule = SCHEDULE_DEFAULT;
    uint32_t cpu = percpu_count() - 1;
    struct cpu_set cpus = cpu_set_one(cpu);
    for (unsigned i = 0; i < LOAD; i++)
        KTEST_CHECK(start_spinner(&spinners[i], &schedule, cpu));
    struct thread *thread = thread_create("sleeper", sleep_on_and_on, &sleeper);
    schedule.class = SCHEDULE_REAL_TIME;
    KTEST_CHECK(thread && thread_set_schedule(thread, &schedule) == OK);
    KTEST_EQUAL(thread_set_cpus(thread, &cpus), OK);
    thread_start(thread);
    (void)thread_join(thread);
    stop_spinners(spinners, LOAD);
    KTEST_CHECK(median(sleeper.late, WAKES) < MS / 2);
}

// --- Changes while it runs -----------------------------------------------------------------------

KTEST(threads, go_where_they_are_sent)
{
    struct spinner spinner;
    struct schedule schedule = SCHEDULE_DEFAULT;
    struct thread_info info;
    unsigned count = percpu_count();
    KTEST_CHECK(start_spinner(&spinner, &schedule, 0));
    for (unsigned i = 0; i < 4 * count; i++) {
        struct cpu_set cpus = cpu_set_one(i % count);
        KTEST_EQUAL(thread_set_cpus(spinner.thread, &cpus), OK);
        uint64_t passes = spinner.passes, start = clock_ns();
        while (spinner.passes < passes + 1000 && clock_ns() - start < 1000 * MS)
            sleep_ns(MS);
        thread_inform(spinner.thread, &info);
        KTEST_EQUAL(info.cpu, i % count);
        KTEST_CHECK(spinner.passes >= passes + 1000);
    }
    struct cpu_set nowhere = {0};
    KTEST_EQUAL(thread_set_cpus(spinner.thread, &nowhere), BAD_ARGUMENT);
    stop_spinners(&spinner, 1);
}

KTEST(threads, become_what_they_are_told)
{
    struct spinner spinners[2];
    uint32_t cpu = percpu_count() - 1;
    struct schedule schedule = SCHEDULE_DEFAULT;
    KTEST_CHECK(start_spinner(&spinners[0], &schedule, cpu));
    KTEST_CHECK(start_spinner(&spinners[1], &schedule, cpu));
    struct thread_info info;
    uint64_t ran[2];
    for (unsigned i = 0; i < 2; i++) {
        schedule.weight = i ? FAIR_WEIGHT : 9 * FAIR_WEIGHT;
        KTEST_EQUAL(thread_set_schedule(spinners[i].thread, &schedule), OK);
    }
    for (unsigned i = 0; i < 2; i++) {
        thread_inform(spinners[i].thread, &info);
        ran[i] = info.ran_ns;
    }
    sleep_ns(600 * MS);
    stop_spinners(spinners, 2);
    uint64_t heavy = spinners[0].ran_ns - ran[0], light = spinners[1].ran_ns - ran[1];
    KTEST_CHECK(heavy > light * 7 && heavy < light * 12);
}

KTEST(threads, refuse_what_makes_no_sense)
{
    const struct schedule wrong[] = {
        {SCHEDULE_FAIR, 0, SLICE_US, 0, 0},
        {SCHEDULE_FAIR, FAIR_WEIGHT_MAX + 1, SLICE_US, 0, 0},
        {SCHEDULE_FAIR, FAIR_WEIGHT, SLICE_US_MIN - 1, 0, 0},
        {SCHEDULE_FAIR, FAIR_WEIGHT, SLICE_US_MAX + 1, 0, 0},
        {SCHEDULE_REAL_TIME, FAIR_WEIGHT, SLICE_US, PRIORITY_MAX + 1, 0},
        {SCHEDULE_FAIR, FAIR_WEIGHT, SLICE_US, 0, 101},
        {SCHEDULE_IDLE, FAIR_WEIGHT, SLICE_US, 0, 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        KTEST_EQUAL(thread_set_schedule(thread_self(), &wrong[i]), BAD_ARGUMENT);
    KTEST_EQUAL(thread_schedule(thread_self()).weight, FAIR_WEIGHT);
}

// --- All at once ---------------------------------------------------------------------------------

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005 + 1442695040888963407;
    return *seed >> 33;
}

static enum status do_anything(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        switch (next_random(&seed) % 4) {
        case 0:
            thread_yield();
            break;
        case 1:
            (void)thread_park(clock_ns() + next_random(&seed) % MS);
            break;
        case 2:
            sleep_ns(next_random(&seed) % 100000);
            break;
        default:
            for (uint64_t i = next_random(&seed) % 10000; i; i--)
                arch_pause();
        }
    }
    return OK;
}

static void disturb(struct thread *thread, uint64_t *seed)
{
    struct cpu_set cpus = {{1 + next_random(seed) % ((1ull << percpu_count() % 64) - 1)}};
    struct schedule schedule = {
        .class = next_random(seed) % 2 ? SCHEDULE_FAIR : SCHEDULE_REAL_TIME,
        .weight = FAIR_WEIGHT_MIN + (uint32_t)(next_random(seed) % 4096),
        .slice_us = SLICE_US_MIN + (uint32_t)(next_random(seed) % 5000),
        .priority = next_random(seed) % (PRIORITY_MAX + 1),
        .cap = next_random(seed) % 3 ? 0 : 1 + next_random(seed) % 100,
    };
    switch (next_random(seed) % 3) {
    case 0:
        (void)!thread_set_cpus(thread, &cpus);
        break;
    case 1:
        (void)!thread_set_schedule(thread, &schedule);
        break;
    default:
        thread_unpark(thread);
    }
}

KTEST(threads, survive_everything_at_once)
{
    enum { THREADS = 24, CHANGES = 4000 };
    struct thread *threads[THREADS];
    uint64_t seed = 1;
    for (uintptr_t i = 0; i < THREADS; i++) {
        threads[i] = thread_create("busy", do_anything, (void *)i);
        KTEST_CHECK(threads[i]);
        thread_start(threads[i]);
    }
    for (unsigned i = 0; i < CHANGES; i++) {
        disturb(threads[next_random(&seed) % THREADS], &seed);
        if (i % 16 == 0)
            sleep_ns(next_random(&seed) % MS);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < THREADS; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    __atomic_store_n(&is_over, false, __ATOMIC_RELAXED);
}

// --- Seeing them ---------------------------------------------------------------------------------

noinline static enum status wait_here(void *argument)
{
    (void)argument;
    (void)thread_park(TIMER_NEVER);
    return OK;
}

static bool has_place(struct thread *thread, thread_function *function)
{
    uintptr_t addresses[16];
    unsigned count = thread_backtrace(thread, addresses, ARRAY_SIZE(addresses));
    for (unsigned i = 0; i < count; i++)
        if (addresses[i] - (uintptr_t)function < 256)
            return true;
    return false;
}

KTEST(threads, tell_where_they_are)
{
    struct spinner spinner;
    struct schedule schedule = SCHEDULE_DEFAULT;
    struct thread *waiting = thread_create("waiting", wait_here, NULL);
    KTEST_CHECK(waiting && start_spinner(&spinner, &schedule, percpu_count() - 1));
    thread_start(waiting);
    sleep_ns(20 * MS);
    bool found_waiting = has_place(waiting, wait_here), found_running = false;
    for (unsigned i = 0; i < 100 && !found_running; i++)
        found_running = has_place(spinner.thread, spin);
    thread_unpark(waiting);
    (void)thread_join(waiting);
    stop_spinners(&spinner, 1);
    KTEST_CHECK(found_waiting);
    KTEST_CHECK(found_running);
}

KTEST(threads, are_listed_once)
{
    struct thread *thread = thread_create("listed", answer, NULL);
    unsigned found = 0;
    uint32_t last = 0;
    KTEST_CHECK(thread);
    for (struct thread *each = thread_next(1); each; each = thread_next(last + 1)) {
        KTEST_CHECK(thread_id(each) > last);
        last = thread_id(each);
        found += each == thread;
        thread_put(each);
    }
    KTEST_EQUAL(found, 1);
    thread_start(thread);
    KTEST_EQUAL(thread_join(thread), OK);
}
