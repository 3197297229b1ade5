// Time since start. Implemented by the architecture (arch/x86_64/tsc.c).
#pragma once

#include "lib/types.h"

// Makes now the beginning of time. The first thing that the kernel does.
void clock_start(void);

// Finds the clock's frequency and says in the log where it comes from. Before this a nominal
// 1 GHz is assumed.
void clock_init(void);

// Nanoseconds since entry, monotonic. Any context.
uint64_t clock_ns(void);

// The same for a value that arch_ticks() has returned.
uint64_t clock_ticks_to_ns(uint64_t ticks);

// Ticks per second, and the name of the source of that figure.
uint64_t clock_frequency(void);
const char *clock_source(void);

// Busy waits. Any context; for waits of microseconds that hardware asks for.
void clock_delay_ns(uint64_t delay_ns);
