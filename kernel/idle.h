// What a processor does that has nothing to do.
#pragma once

#include "lib/types.h"

// Halts until an interrupt has been handled; interrupts are on meanwhile, whatever they were
// before, and as before when it returns. Returns at once where there is something to do: remote
// calls, or lines of the log for the boot processor.
void idle(void);

// Waits for what an interrupt may bring: take a mark, look for it, and idle if it isn't there. Does
// nothing where an interrupt has come since the mark, and ends when clock_ns() has come to
// `deadline_ns` (TIMER_NEVER: doesn't). Where nothing can end it at that time, it only takes a
// breath: so call it in a loop. Not in an interrupt or under a lock.
uint64_t idle_mark(void);
void idle_since(uint64_t mark, uint64_t deadline_ns);

// Ends idle() of a processor. Any context but NMI and machine check, unless `cpu` is one's own.
void idle_wake(uint32_t cpu);
