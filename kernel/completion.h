// Completions: something that happens once, for as many as wait for it. Who comes later goes on at
// once. Signalled in any context but NMI; waiting sleeps.
#pragma once

#include "kernel/wait.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

struct completion { // all zero: it hasn't happened
    struct wait_queue queue;
    bool is_done;
};

void completion_signal(struct completion *completion);
void completion_wait(struct completion *completion);
bool completion_is_done(struct completion *completion); // any context but NMI

// TIMED_OUT when clock_ns() comes to `deadline_ns` (TIMER_NEVER: doesn't), INTERRUPTED by
// thread_interrupt().
must_use enum status completion_wait_until(struct completion *completion, uint64_t deadline_ns);

// It hasn't happened any more. Nobody may be waiting.
void completion_reset(struct completion *completion);
