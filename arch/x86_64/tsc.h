// The time-stamp counter. Its rate is found by clock_init() (kernel/clock.h).
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

// The rate by whoever knows it without measuring: Hz, and the name of who says so. 0: nobody does.
// Not checked.
must_use uint64_t tsc_told(const char **source);

bool tsc_is_invariant(void);

// For every processor, before it asks for the time: makes arch_ticks_in_order() wait its turn, and
// sets the counter as firmware has set the boot processor's.
void tsc_cpu_init(void);

// Compares the counters of all processors that are online with the boot processor's: what one is
// off by becomes its tick_offset, if it is more than the comparison's error, and the log tells. For
// the boot processor, once, with interrupts on. Takes a few microseconds for each, two milliseconds
// where processors share a host's, and a second and no more where one doesn't answer.
void tsc_sync_all(void);
