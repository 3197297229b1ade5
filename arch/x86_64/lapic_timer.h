// Each processor's timer: its local APIC's, which waits for a value of the TSC where it can, and
// else counts down. It serves kernel/timer.h by arch_timer_start().
#pragma once

// For the boot processor, around the measurement of the TSC's rate, which the counter's is measured
// at the same time as: after lapic_init(), and when clock_ns() is right.
void lapic_timer_begin(void);
void lapic_timer_init(void);

// When more is known of the TSC's rate.
void lapic_timer_refine(void);

// For every other processor, after lapic_cpu_init().
void lapic_timer_cpu_init(void);
