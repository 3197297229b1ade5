// What the time-stamp counter is measured against: a counter in the chipset whose rate is known.
#pragma once

#include "lib/types.h"

struct reference {
    const char *name;   // with its article: "the PIT"
    uint64_t period_fs; // of one count
    uint64_t mask;      // of the bits that count; those above read as anything
    uint64_t (*read)(void);
    void (*stop)(void); // when it isn't needed any more; NULL: nothing to be done
};

// Each makes its device count, and returns it; NULL where there is none. One that can't be used is
// told in the log. That they count is for the caller to see.
const struct reference *hpet_start(void);
const struct reference *pm_timer_start(void);
const struct reference *pit_start(void);
