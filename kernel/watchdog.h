// The watchdog: notices a processor that is stuck, and says where.
//
// A processor that isn't idle takes an interrupt now and then, if only because it is sent one. The
// boot processor looks after all others, the lowest of those after it. Where processors have
// counters that can raise an NMI, each looks after itself.
#pragma once

#include "kernel/remote.h"
#include "lib/types.h"

struct trap_frame;

enum { WATCHDOG_PLACES = 8 };

// A processor's own. What isn't said to be shared belongs to whoever looks after it.
struct watchdog_cpu {
    uint64_t seen;     // its heartbeat at the last look
    unsigned still;    // looks since it has moved
    uint64_t since_ns; // when that was
    bool is_accused;
    bool looks_itself; // shared: counters do
    bool has_reported; // shared: that it is stuck
    struct remote_work ping, trial;
    unsigned request;                  // shared: what the next NMI is for
    unsigned place_count;              // shared: written last
    uintptr_t places[WATCHDOG_PLACES]; // where it was, innermost first
};

// Starts looking. Once, on the boot processor, when the others are started.
void watchdog_init(void);

// For NMIs: whether this one is the watchdog's. Then what was wanted is done.
bool watchdog_on_nmi(struct trap_frame *frame);

// For the NMI of this processor's own counter, about every watchdog_interval_ns().
void watchdog_look_at_self(const struct trap_frame *frame);

// 0: nobody looks (watchdog=off).
uint64_t watchdog_interval_ns(void);
