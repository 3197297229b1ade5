// What locks and remote calls cost.

#include "kernel/bench.h"
#include "kernel/lock.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"

BENCH(processors, lock_irqsave)
{
    static struct lock lock;
    uintptr_t state = lock_irqsave(&lock);
    unlock_irqrestore(&lock, state);
}

static void nothing(void *argument)
{
    (void)argument;
}

// The other processor's work is counted too, as everything is. With one processor there is none.
BENCH(processors, remote_call)
{
    (void)!remote_call(percpu_count() - 1, nothing, NULL);
}
