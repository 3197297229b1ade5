// kernel/timer on processors that take turns. Catches a device that isn't started for an earlier
// deadline or is for a later one, a timer that runs early, twice, or on the wrong processor, one
// that stays in the queue it was in when another processor arms it, a function whose timer is gone
// when it returns, and functions that arm themselves for the past and never let go of the
// processor.

#include "tests/host/timer_machine.h"

struct tally {
    struct timer timer;
    unsigned runs, on;
    uint64_t at_ns, again_ns;
    bool frees, cancels;
};

static unsigned total;

static void run(void *context)
{
    struct tally *tally = context;
    total++;
    tally->runs++;
    tally->on = here;
    tally->at_ns = now_ns;
    assert_false(timer_queue_has(&tally->timer.node));
    if (tally->again_ns)
        timer_arm(&tally->timer, tally->again_ns);
    if (tally->cancels)
        tally->again_ns = timer_cancel(&tally->timer);
    if (tally->frees)
        free(tally);
}

static struct tally *make(void)
{
    struct tally *tally = calloc(1, sizeof(*tally));
    timer_init(&tally->timer, run, tally, "tally");
    return tally;
}

// Time passes, and the device interrupts where it is due.
static void pass_until(uint64_t ns)
{
    while (started_ns[here] && started_ns[here] <= ns) {
        if (started_ns[here] > now_ns)
            now_ns = started_ns[here];
        started_ns[here] = 0;
        timer_run_due();
    }
    now_ns = ns;
}

static void runs_when_its_time_has_come(void **state)
{
    (void)state;
    struct tally *tally = make();
    assert_true(timer_next_deadline() == TIMER_NEVER);
    timer_arm(&tally->timer, 5000);
    assert_int_equal(timer_next_deadline(), 5000);
    pass_until(4999);
    assert_int_equal(tally->runs, 0);
    pass_until(6000);
    assert_int_equal(tally->runs, 1);
    assert_int_equal(tally->at_ns, 5000);
    assert_true(timer_next_deadline() == TIMER_NEVER);
    assert_int_equal(started_ns[0], 0);
    timer_arm(&tally->timer, 100); // the past
    pass_until(6001);
    assert_int_equal(tally->runs, 2);
    timer_arm(&tally->timer, 0);
    pass_until(6001);
    assert_int_equal(tally->runs, 3);
    free(tally);
}

static void early_interrupts_run_nothing(void **state)
{
    (void)state;
    struct tally *tally = make();
    timer_arm(&tally->timer, 5000);
    now_ns = 3000;
    started_ns[0] = 0; // a device whose reach is short
    timer_run_due();
    assert_int_equal(tally->runs, 0);
    assert_int_equal(started_ns[0], 5000);
    pass_until(5000);
    assert_int_equal(tally->runs, 1);
    free(tally);
}

static void the_device_is_started_for_earlier_ones_alone(void **state)
{
    (void)state;
    struct tally *a = make(), *b = make(), *c = make();
    timer_arm(&a->timer, 5000);
    timer_arm(&b->timer, 6000);
    assert_int_equal(starts[0], 1);
    timer_arm(&c->timer, 4000);
    assert_int_equal(starts[0], 2);
    assert_int_equal(started_ns[0], 4000);
    assert_true(timer_cancel(&c->timer));
    assert_int_equal(starts[0], 2);
    timer_arm(&c->timer, 4500); // it will interrupt before that anyway
    assert_int_equal(starts[0], 2);
    pass_until(10000);
    assert_int_equal(a->at_ns, 5000);
    assert_int_equal(b->at_ns, 6000);
    assert_int_equal(c->at_ns, 4500);
    free(a), free(b), free(c);
}

static void cancelled_ones_dont_run(void **state)
{
    (void)state;
    struct tally *a = make(), *b = make();
    assert_false(timer_cancel(&a->timer));
    timer_arm(&a->timer, 5000);
    timer_arm(&b->timer, 5000);
    assert_true(timer_cancel(&a->timer));
    assert_false(timer_cancel(&a->timer));
    pass_until(9000);
    assert_int_equal(a->runs, 0);
    assert_int_equal(b->runs, 1);
    assert_int_equal(waiting_on(0), 0);
    free(a), free(b);
}

static void armed_again_it_has_one_deadline(void **state)
{
    (void)state;
    struct tally *tally = make();
    timer_arm(&tally->timer, 5000);
    timer_arm(&tally->timer, 7000);
    assert_int_equal(waiting_on(0), 1);
    pass_until(6999);
    assert_int_equal(tally->runs, 0);
    timer_arm(&tally->timer, 7100);
    timer_arm(&tally->timer, 7050);
    pass_until(9000);
    assert_int_equal(tally->runs, 1);
    assert_int_equal(tally->at_ns, 7050);
    free(tally);
}

static void it_runs_where_it_was_armed_last(void **state)
{
    (void)state;
    struct tally *tally = make();
    timer_arm(&tally->timer, 5000);
    here = 2;
    timer_arm(&tally->timer, 5000);
    assert_int_equal(waiting_on(0), 0);
    assert_int_equal(waiting_on(2), 1);
    here = 0;
    pass_until(5000); // its device still interrupts
    assert_int_equal(tally->runs, 0);
    here = 2;
    pass_until(5000);
    assert_int_equal(tally->runs, 1);
    assert_int_equal(tally->on, 2);
    timer_arm(&tally->timer, 8000);
    here = 1;
    assert_true(timer_cancel(&tally->timer)); // from elsewhere
    here = 2;
    pass_until(9000);
    assert_int_equal(tally->runs, 1);
    free(tally);
}

static void functions_may_free_arm_and_cancel(void **state)
{
    (void)state;
    struct tally *frees = make(), *again = make(), *cancels = make();
    frees->frees = true;
    again->again_ns = 7000;
    cancels->again_ns = 8000;
    cancels->cancels = true;
    total = 0;
    timer_arm(&frees->timer, 5000);
    timer_arm(&again->timer, 5000);
    timer_arm(&cancels->timer, 5000);
    pass_until(6000);
    assert_int_equal(total, 3);
    again->again_ns = 0;
    assert_int_equal(cancels->again_ns, true); // it was waiting again
    pass_until(9000);
    assert_int_equal(again->runs, 2);
    assert_int_equal(again->at_ns, 7000);
    assert_int_equal(cancels->runs, 1);
    free(again), free(cancels);
}

// Each interrupt ends, so that others come in between.
static void one_that_is_always_due(void **state)
{
    (void)state;
    struct tally *tally = make();
    tally->again_ns = 1;
    timer_arm(&tally->timer, 1);
    timer_run_due();
    assert_in_range(tally->runs, 1, 1000);
    assert_int_equal(started_ns[0], 1); // and comes again at once
    tally->again_ns = 0;
    timer_run_due();
    assert_int_equal(waiting_on(0), 0);
    free(tally);
}

static void many_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static struct tally *many[MANY];
    total = 0;
    for (unsigned i = 0; i < MANY; i++) {
        many[i] = make();
        timer_arm(&many[i]->timer, 2000 + i % 2);
    }
    pass_until(3000);
    assert_int_equal(total, MANY);
    for (unsigned i = 0; i < MANY; i++)
        free(many[i]);
}

static void without_a_device_they_are_polled(void **state)
{
    (void)state;
    struct tally *tally = make();
    timer_arm(&tally->timer, 2000);
    timer_poll(); // the device's business
    now_ns = 2500;
    timer_poll();
    assert_int_equal(tally->runs, 0);
    device = NULL;
    timer_poll();
    assert_int_equal(tally->runs, 1);
    free(tally);
}

static void what_is_waiting_is_listed(void **state)
{
    (void)state;
    struct timer_info infos[4];
    struct tally *many[6];
    for (unsigned i = 0; i < 6; i++) {
        many[i] = make();
        timer_arm(&many[i]->timer, 9000 - i * 1000);
    }
    assert_int_equal(timer_list(0, infos, 4), 6);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(infos[i].name, "tally");
        assert_int_equal(infos[i].deadline_ns, 4000 + i * 1000);
    }
    assert_int_equal(timer_list(1, infos, 4), 0);
    assert_null(infos[0].name);
    assert_int_equal(timer_list(77, infos, 4), 0);
    for (unsigned i = 0; i < 6; i++)
        free(many[i]);
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_when_its_time_has_come),
        TEST(early_interrupts_run_nothing),
        TEST(the_device_is_started_for_earlier_ones_alone),
        TEST(cancelled_ones_dont_run),
        TEST(armed_again_it_has_one_deadline),
        TEST(it_runs_where_it_was_armed_last),
        TEST(functions_may_free_arm_and_cancel),
        TEST(one_that_is_always_due),
        TEST(many_at_once),
        TEST(without_a_device_they_are_polled),
        TEST(what_is_waiting_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
