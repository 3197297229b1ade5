// The time-stamp counter's rate, by measurement. Also compiled for host tests.
#pragma once

#include "arch/x86_64/reference.h"
#include "lib/compiler.h"
#include "lib/types.h"

// A reading of a reference, between two of the time-stamp counter.
struct reading {
    uint64_t ticks; // in the middle
    uint64_t width; // from the one to the other
    uint64_t count;
};

struct calibration {
    uint64_t hz;
    uint64_t error_ppm;   // by how much that may be off
    struct reading start; // the measurement's first reading
};

// Measures for about 2 ms; a few times as long where readings have taken long (the firmware's
// interrupts, a host that is busy elsewhere). Returns NULL, or what is wrong with the reference, to
// be put behind its name. Ends whatever the reference does, and the counter too.
must_use const char *calibrate(const struct reference *reference, struct calibration *result);

// Goes on from an earlier measurement with the same reference to now, and returns the same. How
// often the reference has wrapped meanwhile is known as long as a hundredth of the time isn't half
// a turn. A rate that differs by more than a hundredth isn't believed.
must_use const char *calibrate_further(const struct reference *reference,
                                       const struct calibration *before,
                                       struct calibration *result);
