// I/O APICs: what takes devices' lines to the processors' local APICs [82093AA] [SDM3 11.1].
#pragma once

// Masks all of them, and makes those that can be used controllers of interrupt lines
// (kernel/irq.h); returns how many. Says by name what is left out. Start-up only, after
// lapic_init().
unsigned ioapic_init(void);
