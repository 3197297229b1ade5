// The real-time clock: the date and time of day that the machine keeps while it is off.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

struct rtc_time { // as the clock shows it: UTC where whoever has set it keeps to that
    unsigned year, month, day, hour, minute, second;
};

// Reads it, between two of its changes: takes up to 3 ms, and 15 where it never comes to rest,
// which is TIMED_OUT. NOT_FOUND where there is none, MALFORMED where it shows what is no date. Any
// context but NMI, on any processor.
must_use enum status rtc_read(struct rtc_time *time);
