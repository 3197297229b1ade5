// A performance counter that raises an NMI while the processor runs: the watchdog's clock where
// interrupts are off.
//
// arch_watch_self() of arch/arch.h is how it is started. No emulator here has one: what is known of
// this code is what its host test shows.
#pragma once

#include "arch/x86_64/nmi.h"

// Takes the counter's NMIs. Once, at start, behind nmi_init().
void pmu_init(void);

// Switches this processor's counter off, for a panic: whoever shows one is busy for long. Any
// context.
void pmu_stop(void);
