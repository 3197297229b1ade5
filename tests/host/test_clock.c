// kernel/clock with a counter that the test turns. Catches a conversion that overflows or loses
// more than its rounding, a clock that jumps or goes back when its rate is refined, one that never
// comes to where it should be, a slew that is too fast, and old ticks that get another time.

#define FAKE_TICKS
#include "tests/host/lib.h"

#include "kernel/clock.c"

static struct percpu processor;
static uint64_t now_ticks, step_ticks;

uint64_t fake_ticks(void)
{
    return now_ticks += step_ticks;
}

struct percpu *fake_percpu(void)
{
    return &processor;
}

static void start(uint64_t first, uint64_t hz)
{
    memset(lines, 0, sizeof(lines));
    lines[0].ns_per_tick = lines[0].ticks_per_ns = 1ull << 32;
    newest = &lines[0];
    frequency = NS_PER_SECOND;
    processor.tick_offset = 0;
    now_ticks = first;
    step_ticks = 0;
    clock_start();
    if (hz)
        clock_set_frequency(hz, "test");
}

static int64_t distance(uint64_t a, uint64_t b)
{
    int64_t difference = (int64_t)(a - b);
    return difference < 0 ? -difference : difference;
}

static void nominal_before_anything_is_known(void **state)
{
    (void)state;
    start(12345, 0);
    now_ticks += 5000;
    assert_int_equal(clock_ns(), 5000);
    assert_string_equal(clock_source(), "assumed");
}

// A nanosecond of rounding, and a part in 2^32 of the time for each factor's own.
static void rates_from_slow_to_fast(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1000000,    24000000,   999999999,  1000000000,
                                     2599960123, 4700000000, 20000000000};
    for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
        for (uint64_t seconds = 1; seconds < 100000000; seconds *= 10) { // three years
            start(987654321, rates[i]);
            now_ticks += seconds * rates[i];
            uint64_t ns = seconds * NS_PER_SECOND, slack = 2 + seconds * rates[i] / 1000000000 * 2;
            slack += seconds; // 1e-9
            assert_in_range(distance(clock_ns(), ns), 0, slack);
            assert_true(clock_ns_to_ticks(ns) <= now_ticks);
            assert_in_range(distance(clock_ns_to_ticks(ns), now_ticks), 0,
                            2 + seconds * rates[i] / 1000000);
        }
    }
}

static void old_and_far_times(void **state)
{
    (void)state;
    start(1ull << 40, 3000000000);
    assert_int_equal(clock_ticks_to_ns((1ull << 40) - 1), 0); // before entry
    assert_int_equal(clock_ticks_to_ns((1ull << 40) + 3000), 999);
    assert_true(clock_ns_to_ticks(UINT64_MAX) > 1ull << 60);
    assert_true(clock_ns_to_ticks(UINT64_MAX) <= (1ull << 60) + (1ull << 40));
}

static void other_processors_ticks(void **state)
{
    (void)state;
    start(1000, NS_PER_SECOND);
    processor.tick_offset = -400;
    now_ticks = 3400;
    assert_int_equal(clock_ns(), 2000);
    processor.tick_offset = 600;
    assert_int_equal(clock_ns(), 3000);
}

// Follows the clock in small steps from before the refinement until it should be where the new rate
// says; returns how many nanoseconds after the refinement that is.
static uint64_t follow(uint64_t hz, uint64_t until_ns)
{
    uint64_t begun_ticks = now_ticks, last = clock_ns(), arrived_ns = 0;
    uint64_t step = hz / 1000; // a millisecond
    for (uint64_t passed_ns = 0; passed_ns < until_ns; passed_ns += 1000000) {
        uint64_t before = clock_ns();
        assert_true(before >= last);
        now_ticks += step;
        uint64_t after = clock_ns(), real = 1000000;
        assert_true(after >= before);
        assert_in_range(distance(after - before, real), 0, // the old rate for a moment
                        passed_ns < 3000000 ? real / 90 : 2 + real / PPM * CLOCK_SLEW_PPM);
        uint64_t right = arch_mul_div(now_ticks - lines[0].from, NS_PER_SECOND, hz);
        if (distance(after, right) <= 60 && !arrived_ns)
            arrived_ns = passed_ns + 1000000;
        if (distance(after, right) > 60)
            arrived_ns = 0;
        last = after;
    }
    assert_true(now_ticks > begun_ticks);
    return arrived_ns;
}

static void refined(void **state)
{
    (void)state;
    static const int off_ppm[] = {0,   1,    -1,   40,    -40,  499,  -499,
                                  900, -900, 5000, -5000, 9900, -9900};
    const uint64_t hz = 2600000000;
    for (unsigned i = 0; i < ARRAY_SIZE(off_ppm); i++) {
        start(777, hz);
        now_ticks += hz + hz / 3;
        uint64_t ns = clock_ns(), old_ticks = now_ticks - hz;
        uint64_t old_ns = clock_ticks_to_ns(old_ticks);
        uint64_t better = hz + (uint64_t)((int64_t)(hz / PPM) * off_ppm[i]);
        assert_int_equal(clock_refine(better), OK);
        assert_true(clock_frequency() == better);
        assert_int_equal(clock_ns(), ns);                       // no jump
        assert_int_equal(clock_ticks_to_ns(old_ticks), old_ns); // nor in what has been
        uint64_t distance_ns = (uint64_t)abs(off_ppm[i]) * 1333;
        uint64_t slew_ns =
            distance_ns / 500 * PPM > NS_PER_SECOND ? distance_ns / 500 * PPM : NS_PER_SECOND;
        uint64_t arrived_ns = follow(better, slew_ns + slew_ns / 10 + 20000000);
        assert_in_range(arrived_ns, 1, slew_ns + slew_ns / 50 + 10000000);
    }
}

static void deadlines_during_a_slew(void **state)
{
    (void)state;
    const uint64_t hz = 2600000000, better = hz + hz / 2000;
    start(777, hz);
    now_ticks += hz;
    assert_int_equal(clock_refine(better), OK);
    for (unsigned i = 0; i < 3000; i++) {
        now_ticks += better / 1000;
        uint64_t ticks = clock_ns_to_ticks(clock_ns());
        assert_in_range(now_ticks - ticks, 0, 3 + 3 * hz / PPM); // never late
    }
}

static void what_isnt_believed(void **state)
{
    (void)state;
    const uint64_t hz = 2600000000;
    start(0, hz);
    now_ticks += hz;
    assert_int_equal(clock_refine(hz + hz / 99), BAD_ARGUMENT);
    assert_int_equal(clock_refine(hz - hz / 99), BAD_ARGUMENT);
    assert_int_equal(clock_refine(0), BAD_ARGUMENT);
    assert_true(clock_frequency() == hz && newest == &lines[0]);
}

// One change after the other, until there is no room; never while another goes on.
static void refined_again(void **state)
{
    (void)state;
    const uint64_t hz = 1000000000;
    start(5, hz);
    now_ticks += hz;
    assert_int_equal(clock_refine(hz + 1000), OK);
    now_ticks += hz / 2;
    assert_int_equal(clock_refine(hz + 2000), NOT_SUPPORTED);
    now_ticks += hz;
    uint64_t ns = clock_ns();
    assert_int_equal(clock_refine(hz + 2000), OK);
    assert_int_equal(clock_ns(), ns);
    now_ticks += 3 * hz;
    assert_int_equal(clock_refine(hz), NOT_SUPPORTED);
    assert_true(clock_frequency() == hz + 2000);
}

// The new lines would begin in the past of others, who have read on along the old one.
static void a_processor_that_was_away(void **state)
{
    (void)state;
    const uint64_t hz = 1000000000;
    start(5, hz);
    now_ticks += hz;
    step_ticks = hz / 100; // with every look
    assert_int_equal(clock_refine(hz + 1000), NOT_SUPPORTED);
    assert_true(newest == &lines[0] && clock_frequency() == hz);
}

static void delays_last(void **state)
{
    (void)state;
    start(0, 3000000000);
    step_ticks = 100;
    uint64_t before = now_ticks;
    clock_delay_ns(10000);
    assert_in_range(now_ticks - before, 30000, 30400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nominal_before_anything_is_known),
        cmocka_unit_test(rates_from_slow_to_fast),
        cmocka_unit_test(old_and_far_times),
        cmocka_unit_test(other_processors_ticks),
        cmocka_unit_test(refined),
        cmocka_unit_test(deadlines_during_a_slew),
        cmocka_unit_test(what_isnt_believed),
        cmocka_unit_test(refined_again),
        cmocka_unit_test(a_processor_that_was_away),
        cmocka_unit_test(delays_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
