// drivers/rtc against a model of the MC146818. Catches a date that is put together from two times,
// a wait without an end for a clock that never comes to rest, noon and midnight in each other's
// place, numbers that are taken for the other notation, a century that nobody has set, an empty
// port that shows the time, and NMIs kept out for good.

#include "tests/host/lib.h"

#include "kernel/platform.c"

#include "drivers/rtc.c"

enum { CENTURY = 0x32 };

static uint8_t cmos[128];
static uint8_t selected;
static uint64_t now_ns;
static bool is_absent_port, is_updating;
static unsigned reads, tick_after; // the clock ticks after so many reads; 0: never
static unsigned ticks_every;       // and again and again

uint64_t clock_ns(void)
{
    return now_ns += 500;
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    assert_int_equal(port, 0x70);
    assert_true(value < 128); // else NMIs would be masked
    selected = (uint8_t)value;
}

static void tick(void)
{
    cmos[0] = cmos[2] = cmos[4] = 0; // a new year
    cmos[7] = cmos[8] = 1;
    cmos[9] = 0x27;
}

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(size, 1);
    assert_int_equal(port, 0x71);
    now_ns += 1000;
    reads++;
    if (is_absent_port)
        return 0xff;
    if (tick_after && reads == tick_after)
        tick();
    if (ticks_every && reads % ticks_every == 0)
        cmos[0] = (uint8_t)(reads / ticks_every % 10);
    return selected == 10 && is_updating ? cmos[10] | 0x80 : cmos[selected];
}

static void set(unsigned year, uint8_t month, uint8_t day, uint8_t hour, uint8_t minute,
                uint8_t second)
{
    memset(cmos, 0, sizeof(cmos));
    cmos[0] = second, cmos[2] = minute, cmos[4] = hour;
    cmos[7] = day, cmos[8] = month, cmos[9] = (uint8_t)year;
    cmos[CENTURY] = (uint8_t)(year >> 8);
    cmos[10] = 0x26;
    cmos[11] = 0x02; // 24 hours, BCD
}

static int start(void **state)
{
    (void)state;
    platform.has_rtc = true;
    platform.rtc_century = CENTURY;
    is_absent_port = is_updating = false;
    reads = tick_after = ticks_every = 0;
    set(0x2026, 0x11, 0x25, 0x22, 0x16, 0x59);
    return 0;
}

static void shows(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute,
                  unsigned second)
{
    struct rtc_time time;
    assert_int_equal(rtc_read(&time), OK);
    assert_int_equal(time.year, year);
    assert_int_equal(time.month, month);
    assert_int_equal(time.day, day);
    assert_int_equal(time.hour, hour);
    assert_int_equal(time.minute, minute);
    assert_int_equal(time.second, second);
}

static void refuses(enum status expected)
{
    struct rtc_time time;
    uint64_t begun_ns = now_ns;
    assert_int_equal(rtc_read(&time), expected);
    assert_true(now_ns - begun_ns < 30000000);
}

static void decimal_and_binary(void **state)
{
    (void)state;
    shows(2026, 11, 25, 22, 16, 59);
    set(0, 11, 25, 22, 16, 59);
    cmos[9] = 26, cmos[CENTURY] = 20;
    cmos[11] = 0x06;
    shows(2026, 11, 25, 22, 16, 59);
}

static void twelve_hours(void **state)
{
    (void)state;
    static const struct {
        uint8_t decimal, binary, hour;
    } hours[] = {{0x12, 12, 0},        {0x01, 1, 1},        {0x11, 11, 11},
                 {0x92, 12 | 128, 12}, {0x81, 1 | 128, 13}, {0x91, 11 | 128, 23}};
    for (unsigned i = 0; i < ARRAY_SIZE(hours); i++) {
        set(0x2026, 0x11, 0x25, hours[i].decimal, 0, 0);
        cmos[11] = 0;
        shows(2026, 11, 25, hours[i].hour, 0, 0);
        set(0, 11, 25, hours[i].binary, 0, 0);
        cmos[9] = 26, cmos[CENTURY] = 20;
        cmos[11] = 0x04;
        shows(2026, 11, 25, hours[i].hour, 0, 0);
    }
    set(0x2026, 0x11, 0x25, 0x00, 0, 0); // there is no hour 0, nor 13
    cmos[11] = 0;
    refuses(MALFORMED);
    cmos[4] = 0x13;
    refuses(MALFORMED);
}

static void centuries(void **state)
{
    (void)state;
    set(0x1999, 0x12, 0x31, 0, 0, 0);
    shows(1999, 12, 31, 0, 0, 0);
    cmos[CENTURY] = 0x21;
    shows(2199, 12, 31, 0, 0, 0);
    static const uint8_t unset[] = {0, 0xff, 0x55, 0x1a};
    for (unsigned i = 0; i < sizeof(unset); i++) {
        cmos[CENTURY] = unset[i];
        shows(1999, 12, 31, 0, 0, 0);
    }
    platform.rtc_century = 0;
    cmos[CENTURY] = 0x21;
    shows(1999, 12, 31, 0, 0, 0);
    cmos[9] = 0x69;
    shows(2069, 12, 31, 0, 0, 0);
    cmos[9] = 0x70;
    shows(1970, 12, 31, 0, 0, 0);
}

static void days_that_are_and_are_not(void **state)
{
    (void)state;
    set(0x2024, 0x02, 0x29, 0, 0, 0);
    shows(2024, 2, 29, 0, 0, 0);
    set(0x2000, 0x02, 0x29, 0, 0, 0);
    shows(2000, 2, 29, 0, 0, 0);
    static const struct {
        uint16_t year;
        uint8_t month, day, hour, minute, second;
    } bad[] = {
        {0x2100, 0x02, 0x29, 0, 0, 0},    {0x2026, 0x02, 0x29, 0, 0, 0},
        {0x2026, 0x04, 0x31, 0, 0, 0},    {0x2026, 0x13, 0x01, 0, 0, 0},
        {0x2026, 0x00, 0x01, 0, 0, 0},    {0x2026, 0x01, 0x00, 0, 0, 0},
        {0x2026, 0x01, 0x32, 0, 0, 0},    {0x2026, 0x01, 0x01, 0x24, 0, 0},
        {0x2026, 0x01, 0x01, 0, 0x60, 0}, {0x2026, 0x01, 0x01, 0, 0, 0x60},
        {0x2026, 0x01, 0x01, 0, 0, 0x1f}, {0x2026, 0x0a, 0x01, 0, 0, 0},
        {0x20fa, 0x01, 0x01, 0, 0, 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        set(bad[i].year, bad[i].month, bad[i].day, bad[i].hour, bad[i].minute, bad[i].second);
        refuses(MALFORMED);
    }
    for (unsigned i = 0; i < 100000; i++) { // whatever is in there
        struct rtc_time time;
        for (unsigned at = 0; at < sizeof(cmos); at++)
            cmos[at] = (uint8_t)random_u64();
        cmos[10] &= 0x7f;
        if (rtc_read(&time) == OK)
            assert_true(is_date(&time));
    }
}

// Wherever in the reading the clock ticks: the time before or the time after, nothing else.
static void a_tick_meanwhile(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 60; at++) {
        struct rtc_time time;
        reads = 0;
        tick_after = at;
        set(0x2026, 0x12, 0x31, 0x23, 0x59, 0x59);
        assert_int_equal(rtc_read(&time), OK);
        bool is_new = time.year == 2027 && time.month == 1 && time.day == 1 && time.hour == 0 &&
                      time.minute == 0 && time.second == 0;
        bool is_old = time.year == 2026 && time.month == 12 && time.day == 31 && time.hour == 23 &&
                      time.minute == 59 && time.second == 59;
        assert_true(is_new || is_old);
    }
}

static void clocks_without_rest(void **state)
{
    (void)state;
    is_updating = true;
    refuses(TIMED_OUT);
    is_updating = false;
    ticks_every = 3;
    refuses(TIMED_OUT);
}

static void no_clock(void **state)
{
    (void)state;
    is_absent_port = true;
    refuses(NOT_FOUND);
    is_absent_port = false;
    platform.has_rtc = false;
    reads = 0;
    refuses(NOT_FOUND);
    assert_int_equal(reads, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(decimal_and_binary), TEST(twelve_hours),
        TEST(centuries),          TEST(days_that_are_and_are_not),
        TEST(a_tick_meanwhile),   TEST(clocks_without_rest),
        TEST(no_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
