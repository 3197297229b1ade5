// Processors with timers: their clock and devices are the test's.
#pragma once

#include "tests/host/lib.h"

#include "kernel/clock.h"

#include "kernel/timer.c"
#include "kernel/timer_queue.c"

enum { PROCESSORS = 3 };

static struct percpu processors[PROCESSORS];
static _Thread_local unsigned here; // the processor that code runs on
static uint64_t now_ns;
static const char *device = "test";
static uint64_t started_ns[PROCESSORS]; // what each device waits for; 0: nothing
static unsigned starts[PROCESSORS];

struct percpu *fake_percpu(void)
{
    return &processors[here];
}

unsigned percpu_count(void)
{
    return PROCESSORS;
}

struct percpu *percpu_get(uint32_t cpu)
{
    return cpu < PROCESSORS ? &processors[cpu] : NULL;
}

const char *arch_timer_name(void)
{
    return device;
}

void arch_timer_start(uint64_t deadline_ns, uint64_t at_ns)
{
    (void)at_ns;
    started_ns[here] = device ? deadline_ns : 0;
    starts[here]++;
}

uint64_t clock_ns(void)
{
    return __atomic_load_n(&now_ns, __ATOMIC_RELAXED);
}

static inline unsigned waiting_on(uint32_t cpu)
{
    return timer_list(cpu, NULL, 0);
}

static inline int machine_start(void **state)
{
    (void)state;
    memset(processors, 0, sizeof(processors));
    memset(started_ns, 0, sizeof(started_ns));
    memset(starts, 0, sizeof(starts));
    for (uint32_t i = 0; i < PROCESSORS; i++)
        processors[i].cpu = i;
    here = 0;
    now_ns = 1000;
    device = "test";
    return 0;
}
