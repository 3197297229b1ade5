// What time costs.

#include "arch/arch.h"
#include "arch/x86_64/vector.h"
#include "kernel/bench.h"
#include "kernel/clock.h"
#include "kernel/timer.h"

BENCH(time, clock_ns)
{
    (void)clock_ns();
}

static void nothing(void *context)
{
    (void)context;
}

// The device is started by the first pass alone: the others' deadlines are later.
BENCH(time, arm_cancel)
{
    static struct timer timer;
    static uint64_t deadline_ns;
    if (!deadline_ns) {
        timer_init(&timer, nothing, NULL, "bench");
        deadline_ns = clock_ns() + 1000 * NS_PER_SECOND;
    }
    timer_arm(&timer, ++deadline_ns);
    (void)timer_cancel(&timer);
}

// Lets pass what waits since the start.
static void wait_until_nothing_waits(void)
{
    for (unsigned i = 0; i < 16 && timer_next_deadline() != TIMER_NEVER; i++)
        sleep_ns(timer_next_deadline() - clock_ns() + 1000);
}

// By an instruction: vector to IRET, with nothing due. (The local APIC takes an acknowledgement
// that it doesn't wait for.)
BENCH(time, interrupt)
{
    static bool is_quiet;
    if (!arch_timer_name())
        return;
    if (!is_quiet)
        wait_until_nothing_waits();
    is_quiet = true;
    __asm__ volatile("int %0" : : "i"(VECTOR_TIMER) : "memory");
}
