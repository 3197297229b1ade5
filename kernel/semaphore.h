// Counting semaphores. Up in any context but NMI; down sleeps. Who waits first gets it first.
#pragma once

#include "kernel/wait.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

struct semaphore { // all zero: down waits until somebody has said up
    struct wait_queue queue;
    uint64_t count;
};

void semaphore_init(struct semaphore *semaphore, uint64_t count);
void semaphore_up(struct semaphore *semaphore);
void semaphore_down(struct semaphore *semaphore);
must_use bool semaphore_try_down(struct semaphore *semaphore); // any context but NMI

// TIMED_OUT when clock_ns() comes to `deadline_ns` (TIMER_NEVER: doesn't), INTERRUPTED by
// thread_interrupt().
must_use enum status semaphore_down_until(struct semaphore *semaphore, uint64_t deadline_ns);
