// Time since start: the processor's counter of ticks, made into nanoseconds by kernel/clock.c. The
// architecture finds the counter's rate (arch/x86_64/tsc.c).
//
// Ticks are those of the boot processor: on every other, struct percpu's tick_offset is added.
#pragma once

#include "arch/arch.h"
#include "kernel/percpu.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define NS_PER_SECOND 1000000000ull

// Makes now the beginning of time. The first thing that the kernel does.
void clock_start(void);

// Finds the clock's frequency, says in the log where it comes from, and starts the boot processor's
// timer. Before this a nominal 1 GHz is assumed. By the architecture, at start-up only, when
// memory, the platform and the local APIC are known.
void clock_init(void);

// Nanoseconds since entry, the same on all processors, never backwards (but for clock_init(), which
// makes right what was said before it). Any context.
uint64_t clock_ns(void);

// Now, in ticks, after all loads that come before.
static inline uint64_t clock_ticks(void)
{
    return arch_ticks_in_order() + (uint64_t)arch_own_percpu()->tick_offset;
}

// What clock_ns() was or will be at that tick; 0 for one before entry. Any context.
uint64_t clock_ticks_to_ns(uint64_t ticks);

// The tick at which clock_ns() comes to `ns`, or one that is earlier by less than a millionth of
// the time until then; for one that is too far, one years away. Any context.
uint64_t clock_ns_to_ticks(uint64_t ns);

// Ticks per second, and the name of the source of that figure.
uint64_t clock_frequency(void);
const char *clock_source(void);

// For the architecture: time has passed at this rate since entry, and goes on so. Start-up only.
void clock_set_frequency(uint64_t hz, const char *name);

// The same when time is in use already: it doesn't jump. What it is off by is worked off over the
// next second, or over longer where it would have to run by more than CLOCK_SLEW_PPM faster or
// slower than the new rate. BAD_ARGUMENT where the new rate differs by more than a hundredth,
// NOT_SUPPORTED while the last change goes on or when there were too many; nothing is changed then.
// One caller at a time.
enum { CLOCK_SLEW_PPM = 500 };
must_use enum status clock_refine(uint64_t hz);

// Busy waits. Any context; for waits of microseconds that hardware asks for.
void clock_delay_ns(uint64_t delay_ns);
