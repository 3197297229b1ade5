// Which interrupt controllers are used.
#pragma once

// Finds and masks them, and says which ones lines come through: I/O APICs, the pair of 8259 where
// there are none, or nothing where there is no local APIC in use; then everything is polled.
// Start-up only, on the boot processor, interrupts off, after lapic_init() and the platform's
// tables.
void irq_controllers_init(void);
