// arch/x86_64/calibrate against references on a simulated time. Catches a wait without an end for a
// reference that stands still or for a counter that does, a result that is off by more than it
// says, readings that the firmware or a host has stretched and that count all the same, a counter
// of 16 bits that wraps unseen, and a refinement over turns that nobody has counted.

#define FAKE_TICKS
#include "tests/host/lib.h"

#include "arch/x86_64/calibrate.c"
#include "lib/bits.h"

#define NS 1000ull // in picoseconds
#define US 1000000ull
#define MS 1000000000ull

enum { PIT_FS = 838095238, PM_FS = 279365079, HPET_FS = 69841279 };

static uint64_t now_ps, hz, read_ps, tick_ps;
static uint64_t away_ps, away_every, away_phase; // the processor is taken away at times
static bool counter_stands_still;
static unsigned reads;

static void pass(uint64_t ps)
{
    if (away_every && (now_ps + away_phase) / away_every != (now_ps + ps + away_phase) / away_every)
        now_ps += away_ps;
    now_ps += ps;
}

// Time passes before and after the counter is looked at.
uint64_t fake_ticks(void)
{
    pass(tick_ps / 2);
    uint64_t ticks =
        counter_stands_still ? 77 : (uint64_t)((unsigned __int128)now_ps * hz / (1000 * MS));
    pass(tick_ps / 2);
    return ticks;
}

static struct reference reference;
static enum { COUNTS, STANDS, ALL_ONES, BACKWARDS, JUMPS, CRAWLS } behaviour;
static uint64_t first_count;

static uint64_t read_reference(void)
{
    reads++;
    pass(read_ps / 2);
    uint64_t count =
        first_count + (uint64_t)((unsigned __int128)now_ps * 1000 / reference.period_fs);
    pass(read_ps / 2);
    switch (behaviour) {
    case COUNTS:
        break;
    case STANDS:
        return first_count;
    case ALL_ONES:
        return UINT64_MAX;
    case BACKWARDS:
        count = ~count;
        break;
    case JUMPS: // without a latch: now and then a carry is missing
        count -= reads % 40 < 20 ? 0x400 : 0;
        break;
    case CRAWLS:
        count = first_count + reads / 1000;
        break;
    }
    return (count & reference.mask) | ~reference.mask; // what is above may be anything
}

static void start(uint64_t period_fs, unsigned bits)
{
    reference = (struct reference){
        .name = "test", .period_fs = period_fs, .mask = BITS(bits - 1, 0), .read = read_reference};
    now_ps = random_below(1000 * MS);
    hz = 2600000000;
    read_ps = US; // as a port
    tick_ps = 10 * NS;
    away_ps = away_every = away_phase = 0;
    counter_stands_still = false;
    behaviour = COUNTS;
    first_count = random_u64();
    reads = 0;
}

static uint64_t off_ppm(uint64_t measured)
{
    uint64_t distance = measured > hz ? measured - hz : hz - measured;
    return distance * 1000000 / hz;
}

static void measured_right(uint64_t most_ppm)
{
    struct calibration result;
    uint64_t begun_ps = now_ps;
    const char *problem = calibrate(&reference, &result);
    assert_null(problem);
    assert_in_range(off_ppm(result.hz), 0, result.error_ppm);
    assert_in_range(result.error_ppm, 0, most_ppm);
    if (!away_ps && read_ps <= US)
        assert_in_range(now_ps - begun_ps, 2 * MS, 3 * MS);
}

static void all_references(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1000000000, 2599960000, 4000000000, 5700000000};
    for (unsigned i = 0; i < 400; i++) {
        start(HPET_FS, 32);
        hz = rates[i % 4];
        measured_right(800);
        start(PM_FS, i % 2 ? 24 : 32);
        hz = rates[i % 4];
        measured_right(900);
        start(PIT_FS, 16);
        hz = rates[i % 4];
        read_ps = 3 * US;
        measured_right(2500);
        start(10000000, 32); // an emulator's
        read_ps = 20 * NS;
        tick_ps = NS;
        measured_right(50);
    }
}

static void slow_machines(void **state)
{
    (void)state;
    start(PM_FS, 24); // an emulator of 50 MHz, whose counter counts its instructions
    hz = 50000000;
    tick_ps = 20 * NS;
    read_ps = 400 * NS;
    measured_right(1000);
}

// The firmware's interrupts: they hit most readings, and the best of some count.
static void stretched_readings(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        start(PM_FS, 24);
        away_every = 40 * US + random_below(600 * US);
        away_phase = random_below(MS);
        away_ps = 200 * US;
        measured_right(1500);
    }
}

// So often that of the readings that belong together some are stretched, and never all.
static void most_readings_are_stretched(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        start(PM_FS, 24);
        away_every = 30 * US + random_below(10 * US);
        away_phase = random_below(MS);
        away_ps = 27 * US;
        measured_right(1500);
    }
}

// Longer than the PIT takes for a turn: such an attempt mustn't count.
static void a_busy_host(void **state)
{
    (void)state;
    unsigned measured = 0;
    for (unsigned i = 0; i < 300; i++) {
        struct calibration result;
        start(PIT_FS, 16);
        read_ps = 3 * US;
        tick_ps = i % 2 ? 3 * US : 10 * NS; // it is taken away around the counter's reading, too
        away_every = 3 * MS + random_below(5 * MS);
        away_phase = random_below(10 * MS);
        away_ps = random_below(150 * MS);
        if (calibrate(&reference, &result))
            continue;
        measured++;
        assert_in_range(off_ppm(result.hz), 0, result.error_ppm);
    }
    assert_true(measured > 250);
}

static void refused(const char *expected, uint64_t most_ps)
{
    struct calibration result;
    uint64_t begun_ps = now_ps;
    const char *problem = calibrate(&reference, &result);
    assert_non_null(problem);
    assert_string_equal(problem, expected);
    assert_in_range(now_ps - begun_ps, 0, most_ps);
}

static void what_is_no_clock(void **state)
{
    (void)state;
    for (unsigned bits = 16; bits <= 32; bits += 8) {
        start(PM_FS, bits);
        behaviour = STANDS;
        refused("stands still", 20 * MS);
        start(PM_FS, bits);
        behaviour = ALL_ONES;
        refused("reads all ones", 20 * MS);
        start(PM_FS, bits);
        behaviour = BACKWARDS;
        refused("runs backwards", 30 * MS);
        start(PM_FS, bits);
        behaviour = CRAWLS;
        refused("is too slow", 200 * MS);
    }
    start(1, 32); // a period that makes the wait longer than it can count
    refused("is too slow", 200 * MS);
    start(PM_FS, 24);
    hz = 50000000000;
    refused("is too slow", 200 * MS);
    start(PM_FS, 24);
    counter_stands_still = true;
    refused("gives a rate that can't be", 200 * MS);
    start(PM_FS, 24);
    read_ps = 400 * US;
    refused("can't be read quickly enough", 200 * MS);
}

static void a_counter_that_jumps(void **state)
{
    (void)state;
    struct calibration result;
    for (unsigned i = 0; i < 50; i++) {
        start(PM_FS, 24);
        behaviour = JUMPS;
        const char *problem = calibrate(&reference, &result);
        assert_true(problem || off_ppm(result.hz) <= result.error_ppm);
    }
}

static void counter_and_reference_stand_still(void **state)
{
    (void)state;
    start(PM_FS, 24);
    counter_stands_still = true;
    behaviour = CRAWLS;
    refused("is too slow, as is the TSC", 10000 * MS); // by the number of polls alone
}

// --- A second later ------------------------------------------------------------------------------

static void refined_after(uint64_t ps)
{
    struct calibration first, further;
    assert_null(calibrate(&reference, &first));
    now_ps += ps;
    assert_null(calibrate_further(&reference, &first, &further));
    assert_in_range(off_ppm(further.hz), 0, 5);
    assert_in_range(further.error_ppm, 1, 6);
}

static void refinements(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        start(HPET_FS, 32);
        refined_after(1000 * MS);
        start(PM_FS, 24);
        refined_after(1000 * MS + random_below(20000 * MS)); // several turns
        start(PM_FS, 32);
        refined_after(1000 * MS);
        start(PIT_FS, 16);
        read_ps = 3 * US;
        refined_after(900 * MS + random_below(500 * MS)); // about twenty turns
    }
}

static void refinements_that_are_not_believed(void **state)
{
    (void)state;
    struct calibration first, further;
    start(PM_FS, 24);
    assert_null(calibrate(&reference, &first));
    now_ps += 400000 * MS; // a hundredth of that is about a turn
    assert_string_equal(calibrate_further(&reference, &first, &further),
                        "has wrapped nobody knows how often");
    start(HPET_FS, 32);
    assert_null(calibrate(&reference, &first));
    first_count += 200000; // the reference jumps by 14 ms
    now_ps += 1000 * MS;
    assert_string_equal(calibrate_further(&reference, &first, &further),
                        "gives another rate than before");
    start(HPET_FS, 32);
    assert_null(calibrate(&reference, &first));
    behaviour = STANDS;
    first_count = first.start.count;
    now_ps += 1000 * MS;
    assert_non_null(calibrate_further(&reference, &first, &further));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_references),       cmocka_unit_test(slow_machines),
        cmocka_unit_test(stretched_readings),   cmocka_unit_test(most_readings_are_stretched),
        cmocka_unit_test(a_busy_host),          cmocka_unit_test(what_is_no_clock),
        cmocka_unit_test(a_counter_that_jumps), cmocka_unit_test(counter_and_reference_stand_still),
        cmocka_unit_test(refinements),          cmocka_unit_test(refinements_that_are_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
