// The real-time clock: Motorola's MC146818 and what has come after it [MC146818] [ACPI 4.8.2.4].

#include "drivers/rtc.h"
#include "arch/x86_64/io.h"
#include "kernel/clock.h"
#include "kernel/lock.h"
#include "kernel/platform.h"
#include "lib/bits.h"
#include "lib/string.h"

enum { INDEX_PORT = 0x70, DATA_PORT = 0x71 };

enum rtc_register {
    RTC_SECOND = 0,
    RTC_MINUTE = 2,
    RTC_HOUR = 4,
    RTC_DAY = 7,
    RTC_MONTH = 8,
    RTC_YEAR = 9,
    RTC_A = 10,
    RTC_B = 11,
    RTC_LAST = 0x7f,
};

enum {
    A_UPDATING = BIT(7),
    B_24_HOURS = BIT(1),
    B_BINARY = BIT(2),
    HOUR_PM = BIT(7),
    ABSENT = 0xff,
    TRIES = 5,
    PIVOT = 70, // without a century: years before this are of the 21st
};

#define UPDATE_NS 3000000ull // an update takes 2 ms, and is announced 0.25 ms before

struct raw { // as the registers are
    uint8_t second, minute, hour, day, month, year, century, b;
};

static struct lock lock; // around index and data

// Bit 7 of the index would keep NMIs out.
static uint8_t read_register(uint8_t index)
{
    port_write8(INDEX_PORT, index & RTC_LAST);
    return port_read8(DATA_PORT);
}

static uint8_t read_alone(uint8_t index)
{
    uintptr_t state = lock_irqsave(&lock);
    uint8_t value = read_register(index);
    unlock_irqrestore(&lock, state);
    return value;
}

static bool wait_idle(void)
{
    uint64_t start = clock_ns();
    while (read_alone(RTC_A) & A_UPDATING) {
        if (clock_ns() - start > UPDATE_NS)
            return false;
        arch_pause();
    }
    return true;
}

static struct raw read_raw(void)
{
    return (struct raw){
        .second = read_register(RTC_SECOND),
        .minute = read_register(RTC_MINUTE),
        .hour = read_register(RTC_HOUR),
        .day = read_register(RTC_DAY),
        .month = read_register(RTC_MONTH),
        .year = read_register(RTC_YEAR),
        .century = platform.rtc_century ? read_register(platform.rtc_century) : 0,
        .b = read_register(RTC_B),
    };
}

static bool is_absent(void)
{
    return read_alone(RTC_A) == ABSENT && read_alone(RTC_B) == ABSENT;
}

// An update may begin while the registers are read, and then they belong to different times: the
// same must be read twice. False where that needs another try.
static bool read_twice(struct raw *raw)
{
    uintptr_t state = lock_irqsave(&lock);
    *raw = read_raw();
    struct raw again = read_raw();
    unlock_irqrestore(&lock, state);
    return memcmp(raw, &again, sizeof(again)) == 0;
}

static enum status read_at_rest(struct raw *raw)
{
    for (unsigned i = 0; i < TRIES; i++)
        if (wait_idle() && read_twice(raw))
            return OK;
    return TIMED_OUT;
}

enum { NO_NUMBER = 1000 };

static unsigned number(uint8_t value, bool is_binary)
{
    if (is_binary)
        return value;
    unsigned tens = value >> 4, ones = value & 15;
    return tens < 10 && ones < 10 ? tens * 10 + ones : NO_NUMBER;
}

// In 12 hours the day begins at 12 AM, and noon is 12 PM.
static unsigned hour_of(const struct raw *raw)
{
    bool is_binary = raw->b & B_BINARY;
    if (raw->b & B_24_HOURS)
        return number(raw->hour, is_binary);
    unsigned hour = number(raw->hour & (uint8_t)~HOUR_PM, is_binary);
    if (hour < 1 || hour > 12)
        return NO_NUMBER;
    return hour % 12 + (raw->hour & HOUR_PM ? 12 : 0);
}

static unsigned year_of(const struct raw *raw)
{
    bool is_binary = raw->b & B_BINARY;
    unsigned year = number(raw->year, is_binary), century = number(raw->century, is_binary);
    if (year > 99)
        return NO_NUMBER;
    if (century < 19 || century > 21) // none, or nobody has set it
        century = year < PIVOT ? 20 : 19;
    return century * 100 + year;
}

static unsigned days_in(unsigned month, unsigned year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static bool is_date(const struct rtc_time *time)
{
    return time->year != NO_NUMBER && time->month >= 1 && time->month <= 12 && time->day >= 1 &&
           time->day <= days_in(time->month, time->year) && time->hour < 24 && time->minute < 60 &&
           time->second < 60;
}

enum status rtc_read(struct rtc_time *time)
{
    struct raw raw;
    if (!platform.has_rtc || is_absent())
        return NOT_FOUND;
    enum status status = read_at_rest(&raw);
    if (status != OK)
        return status;
    bool is_binary = raw.b & B_BINARY;
    *time = (struct rtc_time){
        .year = year_of(&raw),
        .month = number(raw.month, is_binary),
        .day = number(raw.day, is_binary),
        .hour = hour_of(&raw),
        .minute = number(raw.minute, is_binary),
        .second = number(raw.second, is_binary),
    };
    return is_date(time) ? OK : MALFORMED;
}
