// Mutexes: one thread at a time, the others sleep, and get it in the order in which they came.
//
// Not in interrupts, and with no spin lock held. A thread that takes one that it holds, or waits
// for one whose owner waits for another, and so on, until one that it holds itself, is a panic that
// names the threads.
#pragma once

#include "kernel/lock_check.h"
#include "kernel/wait.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

#define MUTEX_CONTENDED 1u

struct mutex {       // all zero is free
    uintptr_t owner; // the address of its thread; with MUTEX_CONTENDED, others wait for it
    struct wait_queue queue;
};

void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex); // by its owner
must_use bool mutex_try_lock(struct mutex *mutex);

// TIMED_OUT when clock_ns() comes to `deadline_ns` (TIMER_NEVER: doesn't), INTERRUPTED by
// thread_interrupt(): then it isn't held.
must_use enum status mutex_lock_until(struct mutex *mutex, uint64_t deadline_ns);

// Whether the caller holds it.
bool mutex_is_own(const struct mutex *mutex);
