// Condition variables: wait for something that a mutex guards to change.
//
//   mutex_lock(&mutex);
//   while (!is_there)
//       condition_wait(&changed, &mutex);
//   ...
//   mutex_unlock(&mutex);
#pragma once

#include "kernel/mutex.h"
#include "kernel/wait.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

struct condition { // all zero: nobody waits
    struct wait_queue queue;
};

// Wakes one, and all, that wait now. With the mutex held or not; any context but NMI.
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);

// With the mutex held, which is free while it waits, and held again when this returns. Sleeps.
void condition_wait(struct condition *condition, struct mutex *mutex);

// TIMED_OUT when clock_ns() comes to `deadline_ns` (TIMER_NEVER: doesn't), INTERRUPTED by
// thread_interrupt(); the mutex is held all the same.
must_use enum status condition_wait_until(struct condition *condition, struct mutex *mutex,
                                          uint64_t deadline_ns);
