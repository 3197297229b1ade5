// The programmable interval timer: whether there is one that counts.
#pragma once

enum pit_state {
    PIT_ABSENT,
    PIT_STOPPED, // it answers, but its channel 0 stands still: gated off, or never started
    PIT_COUNTING,
};

// Looks at channel 0 and leaves it as it is. Takes a millisecond where it stands still. Not for use
// while an interrupt handler reads the counter.
enum pit_state pit_probe(void);
