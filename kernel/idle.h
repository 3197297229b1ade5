// What a processor does that has nothing to do.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

// An idle thread's body: runs others as soon as somebody wants to; does what is to be done when
// there is time; halts until an interrupt. Interrupts on or off.
void idle_run(void);

// Start-up only, on the boot processor, before anybody has threads to wake: whether a write really
// ends another processor's wait. Where it doesn't, all wait for interrupts alone.
void idle_check(void);

// Ends the halt of a processor. Any context but NMI and machine check, unless `cpu` is one's own.
void idle_wake(uint32_t cpu);
