// What a processor does that has nothing to do.
#pragma once

#include "lib/types.h"

// Halts until an interrupt has been handled; interrupts are on meanwhile, whatever they were
// before, and as before when it returns. Returns at once where there is something to do: remote
// calls, or lines of the log for the boot processor.
void idle(void);

// Ends idle() of a processor. Any context.
void idle_wake(uint32_t cpu);
