// What round trips between two processors tell about their counters. Also compiled for host tests.
#pragma once

#include "lib/types.h"

// By how much the one that answers is ahead: no less than `low`, no more than `high`.
struct tsc_bounds {
    int64_t low, high;
};

#define TSC_BOUNDS_NONE ((struct tsc_bounds){INT64_MIN, INT64_MAX})

// A round trip: asked and heard by one counter, and answered in between by the other.
void tsc_bounds_narrow(struct tsc_bounds *bounds, uint64_t asked, uint64_t answered,
                       uint64_t heard);

// What to add to the one that asks; 0 where both may be equal.
int64_t tsc_bounds_offset(const struct tsc_bounds *bounds);
