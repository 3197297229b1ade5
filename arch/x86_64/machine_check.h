// Machine checks: errors that the hardware has found, read from its banks [SDM3 16] [APM2 9].
//
// What the hardware has corrected itself is logged; what it couldn't is a panic with the banks on
// the screen, unless nothing has used the lost data yet.
#pragma once

#include "arch/arch.h"
#include "lib/types.h"

// Takes the exception from now on, has all processors look for errors once a minute, and says in
// the log what the processor has. Once, at start.
void machine_check_init(void);

// Switches this processor's banks on, once, with interrupts off, before anything that may go wrong
// matters. Errors that the banks hold from before are logged, and cleared.
void machine_check_cpu_init(void);

// Looks for errors in this processor's banks that no exception has come for, and logs all that
// has been found, on this processor or another. A thread or an interrupt; not NMI or #MC.
void machine_check_poll(void);

// Makes all processors that are online do that soon. Any context.
void machine_check_poll_all(void);

// How many banks this processor has; 0 where it has none.
unsigned machine_check_banks(void);

// For the panic screen of a machine check: what was found, on MACHINE_CHECK_LINES lines at most.
enum { MACHINE_CHECK_LINES = 3 };
void machine_check_print(arch_printer *print);
