// kernel/run_queue against a simulation: who runs next by class and priority, in which order those
// of one priority, and what becomes of a turn; that real-time threads leave others their part of
// each window; and that caps are kept to.

#include "tests/host/lib.h"

#include "kernel/fair_queue.c"
#include "kernel/run_queue.c"

#define MS 1000000ull // a tick is a nanosecond

static struct percpu cpu;
bool arch_never_interrupts;

struct percpu *fake_percpu(void)
{
    return &cpu;
}

uint64_t clock_frequency(void)
{
    return NS_PER_SECOND;
}

enum { THREADS = 40 };

static struct scheduler_cpu queue;
static struct thread threads[THREADS], idle;
static uint64_t now;

static void become(struct thread *thread, enum schedule_class class, uint32_t priority)
{
    *thread = (struct thread){.schedule = SCHEDULE_DEFAULT, .is_plain = class == SCHEDULE_FAIR};
    thread->schedule.class = class;
    thread->schedule.priority = priority;
    thread->turn_left = scheduler_times.turn;
    fair_set(&thread->fair, FAIR_WEIGHT, 3 * MS);
}

static int begin(void **state)
{
    (void)state;
    memset(&queue, 0, sizeof(queue));
    idle = (struct thread){.schedule.class = SCHEDULE_IDLE};
    queue.idle = &idle;
    now = 1000 * MS;
    for (unsigned i = 0; i <= PRIORITY_MAX; i++)
        list_init(&queue.real_time[i]);
    scheduler_set_times();
    queue.window_start = now;
    return 0;
}

// --- Priorities ----------------------------------------------------------------------------------

// Who waits, in the order in which they are to run.
static struct thread *model[PRIORITY_MAX + 1][THREADS];
static unsigned model_count[PRIORITY_MAX + 1];

static void model_put(struct thread *thread, bool is_first)
{
    uint32_t p = thread->schedule.priority;
    unsigned count = model_count[p]++;
    for (unsigned i = count; is_first && i > 0; i--)
        model[p][i] = model[p][i - 1];
    model[p][is_first ? 0 : count] = thread;
}

static void model_drop(struct thread *thread)
{
    uint32_t p = thread->schedule.priority;
    unsigned at = 0;
    while (model[p][at] != thread)
        at++;
    for (model_count[p]--; at < model_count[p]; at++)
        model[p][at] = model[p][at + 1];
}

static struct thread *model_first(void)
{
    for (unsigned p = PRIORITY_MAX + 1; p > 0; p--)
        if (model_count[p - 1])
            return model[p - 1][0];
    return NULL;
}

// One that runs, which others may be better than; all of them real-time, and no fair one waits.
static void random_priorities_are_kept_to(void **state)
{
    (void)state;
    enum { STEPS = 300000 };
    struct thread *running = NULL;
    memset(model_count, 0, sizeof(model_count));
    random_seed(80);
    for (unsigned i = 0; i < THREADS; i++) {
        become(&threads[i], SCHEDULE_REAL_TIME,
               random_below(3) ? (uint32_t)random_below(4) : (uint32_t)random_below(32));
        threads[i].state = THREAD_BLOCKED;
    }
    for (unsigned i = 0; i < STEPS; i++) {
        struct thread *thread = &threads[random_below(THREADS)];
        if (thread->state == THREAD_BLOCKED && random_below(2)) {
            queue_add(&queue, thread);
            model_put(thread, false);
        } else if (thread->state == THREAD_RUNNABLE && thread != running && random_below(4) == 0) {
            queue_remove(&queue, thread);
            model_drop(thread);
            thread->state = THREAD_BLOCKED;
        }
        if (running && random_below(3) == 0) {
            uint64_t ticks = random_below(2 * scheduler_times.turn), left = running->turn_left;
            now += ticks;
            bool is_over = queue_charge(&queue, running, now);
            assert_int_equal(is_over, ticks >= left);
            assert_int_equal(running->turn_left, is_over ? scheduler_times.turn : left - ticks);
            if (random_below(4) == 0) {
                queue_leave(&queue, running);
                running->state = THREAD_BLOCKED;
            } else {
                queue_return(&queue, running, is_over);
                model_put(running, !is_over);
            }
            running = NULL;
        }
        if (!running) {
            struct thread *expected = model_first(), *taken = queue_take(&queue, now);
            assert_ptr_equal(taken, expected ? expected : &idle);
            if (!expected)
                continue;
            model_drop(expected);
            running = expected;
            running->since = now;
        }
        for (unsigned p = 0; p <= PRIORITY_MAX; p++) {
            assert_int_equal(queue.priorities >> p & 1, model_count[p] > 0);
            if (model_count[p])
                assert_int_equal(queue_is_better(&queue, model[p][0], running),
                                 p > running->schedule.priority);
        }
    }
}

static void real_time_goes_first(void **state)
{
    (void)state;
    become(&threads[0], SCHEDULE_FAIR, 0);
    become(&threads[1], SCHEDULE_REAL_TIME, 0);
    queue_add(&queue, &threads[0]);
    queue_add(&queue, &threads[1]);
    assert_int_equal(queue.runnable, 2);
    assert_int_equal(queue.special, 1);
    assert_true(queue_is_better(&queue, &threads[1], &threads[0]));
    assert_false(queue_is_better(&queue, &threads[0], &threads[1]));
    assert_true(queue_is_better(&queue, &threads[0], &idle));
    assert_ptr_equal(queue_take(&queue, now), &threads[1]);
    assert_null(queue_take_other(&queue, &threads[1], now)); // whom it lets go first isn't fair
    assert_ptr_equal(queue_take(&queue, now), &threads[0]);
    assert_ptr_equal(queue_take(&queue, now), &idle);
}

// --- The window ----------------------------------------------------------------------------------

// One that never stops, beside so many fair ones: more than fit in a line, too.
static void fair_threads_get_a_twentieth(unsigned fair)
{
    uint64_t ran[2] = {0};
    struct thread *running = NULL;
    for (unsigned i = 0; i < fair; i++) {
        become(&threads[i], SCHEDULE_FAIR, 0);
        queue_add(&queue, &threads[i]);
    }
    become(&threads[fair], SCHEDULE_REAL_TIME, 5);
    queue_add(&queue, &threads[fair]);
    for (uint64_t end = now + 2000 * MS; now < end;) {
        running = queue_take(&queue, now);
        running->since = now;
        uint64_t turn_end = queue_turn_end(&queue, running, now);
        assert_true(turn_end >= now && turn_end != UINT64_MAX);
        turn_end += turn_end == now;
        ran[running == &threads[fair]] += turn_end - now;
        now = turn_end;
        bool is_over = queue_charge(&queue, running, now);
        queue_return(&queue, running, is_over);
    }
    assert_in_range(ran[0] * 1000 / (ran[0] + ran[1]), 45, 55);
}

static void real_time_leaves_others_a_twentieth(void **state)
{
    static const unsigned crowds[] = {1, 2, FAIR_LINE_MAX, FAIR_LINE_MAX + 1, THREADS - 1};
    for (unsigned i = 0; i < ARRAY_SIZE(crowds); i++) {
        (void)begin(state);
        fair_threads_get_a_twentieth(crowds[i]);
    }
}

static void alone_it_has_all(void **state)
{
    (void)state;
    become(&threads[0], SCHEDULE_REAL_TIME, 5);
    queue_add(&queue, &threads[0]);
    assert_ptr_equal(queue_take(&queue, now), &threads[0]);
    threads[0].since = now;
    assert_true(queue_turn_end(&queue, &threads[0], now) == UINT64_MAX);
    now += 5000 * MS;
    (void)queue_charge(&queue, &threads[0], now);
    assert_false(queue_must_give_way(&queue, &threads[0], now));
}

// Whoever waits when a window has been used up.
static void fair_ones_that_come_late_are_let_in(void **state)
{
    (void)state;
    become(&threads[0], SCHEDULE_REAL_TIME, 5);
    queue_add(&queue, &threads[0]);
    (void)queue_take(&queue, now);
    threads[0].since = now;
    now += 97 * MS;
    (void)queue_charge(&queue, &threads[0], now);
    become(&threads[1], SCHEDULE_FAIR, 0);
    queue_add(&queue, &threads[1]);
    assert_true(queue_must_give_way(&queue, &threads[0], now));
    assert_true(queue_turn_end(&queue, &threads[0], now) == now + 1); // at once
}

// --- Caps ----------------------------------------------------------------------------------------

// It runs whenever it may, and is looked at when its turn's end says, or later by `late`.
static unsigned share_of(uint32_t cap, uint64_t late)
{
    struct thread *thread = &threads[0];
    uint64_t start = now;
    become(thread, SCHEDULE_FAIR, 0);
    thread->schedule.cap = cap;
    thread->is_plain = false;
    thread->cap_start = now;
    queue_add(&queue, thread);
    (void)queue_take(&queue, now);
    while (now < start + 3000 * MS) {
        thread->since = now;
        uint64_t end = queue_turn_end(&queue, thread, now);
        now = (end == UINT64_MAX ? now + MS : end) + random_below(late + 1);
        (void)queue_charge(&queue, thread, now);
        while (cap_is_used_up(thread, now))
            now = cap_period_end(thread);
    }
    queue_leave(&queue, thread);
    return (unsigned)(thread->ran * 1000 / (now - start));
}

static void caps_are_kept_to(void **state)
{
    static const uint32_t caps[] = {1, 2, 5, 10, 33, 50, 75, 99, 100};
    random_seed(81);
    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++)
        for (uint64_t late = 0; late <= 500000; late += 250000) { // what is overdrawn is taken off
            (void)begin(state);
            unsigned share = share_of(caps[i], late);
            assert_true(share <= caps[i] * 10 + 4);
            assert_true(share + 10 >= caps[i] * 10);
        }
}

// It sleeps over the ends of periods, and runs when the next has begun.
static void what_is_not_used_is_not_saved(void **state)
{
    (void)state;
    struct thread *thread = &threads[0];
    uint64_t start = now;
    become(thread, SCHEDULE_FAIR, 0);
    thread->schedule.cap = 10;
    thread->is_plain = false;
    thread->cap_start = now;
    while (now < start + 3000 * MS) {
        now += 12 * MS;
        thread_note_blocked(thread, now);
        for (thread->since = now; !cap_is_used_up(thread, now);) {
            uint64_t end = queue_turn_end(&queue, thread, now);
            thread->ran += end - now;
            now = thread->since = end;
        }
    }
    assert_in_range(thread->ran * 1000 / (now - start), 60, 102);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_priorities_are_kept_to, begin),
        cmocka_unit_test_setup(real_time_goes_first, begin),
        cmocka_unit_test_setup(real_time_leaves_others_a_twentieth, begin),
        cmocka_unit_test_setup(alone_it_has_all, begin),
        cmocka_unit_test_setup(fair_ones_that_come_late_are_let_in, begin),
        cmocka_unit_test_setup(caps_are_kept_to, begin),
        cmocka_unit_test_setup(what_is_not_used_is_not_saved, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
