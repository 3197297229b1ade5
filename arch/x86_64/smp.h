// Starting the other processors.
#pragma once

// Starts all that the platform has and that maxcpus= allows, at the same time, and returns when
// they are online or have had their time; says who isn't. From here on, interrupts are on. Once, on
// the boot processor, after lapic_init().
void processors_start(void);
