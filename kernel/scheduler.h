// Which thread runs on a processor: what the rest of the kernel needs to know of that.
// docs/threads.md says how it works.
#pragma once

#include "kernel/fair_queue.h"
#include "kernel/lock.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "lib/list.h"
#include "lib/status.h"
#include "lib/types.h"

// A processor's own, as a part of its struct percpu. Under `lock`, but for what is said to be
// others' to read.
struct scheduler_cpu {
    struct lock lock;
    uint32_t runnable; // threads that run or wait, the idle one left out. Others read it
    uint32_t special;  // those of them that aren't plain
    struct thread *idle;
    struct fair_queue fair;
    uint32_t priorities;                     // bit p: somebody of that priority waits
    struct list real_time[PRIORITY_MAX + 1]; // who waits, by priority
    uint64_t window_start, window_used;      // ticks: what real-time threads may have of a window
    struct timer timer;                      // the end of a slice, a turn, a cap or a window
    uint64_t timer_ticks;                    // when it is to run; UINT64_MAX: never
    struct aside
        *aside; // whoever runs does so aside, and isn't in the queue; NULL: all is as usual
    struct thread *left;            // whom the one that runs now was switched from
    uint64_t next_balance;          // ticks
    uint64_t ran[SCHEDULE_CLASSES]; // ticks
    uint64_t switches, preemptions, wakeups, pulls, pushes;
};

// Gives a processor that isn't online yet its idle thread. NO_MEMORY.
struct percpu;
must_use enum status scheduler_cpu_init(struct percpu *cpu);

// What a processor does that has come up, on the stack that it came up on, interrupts off: it
// becomes its idle thread.
noreturn void scheduler_enter(void);

// At an interrupt's end, with interrupts off: runs somebody else where that is better. Called where
// struct percpu's needs_schedule is set.
void scheduler_preempt(void);

// For people: of processor `cpu`.
struct scheduler_info {
    char running[THREAD_NAME_MAX + 1]; // its name
    unsigned waiting;
    uint64_t fair_ns, real_time_ns, idle_ns; // that have been run
    uint64_t switches, preemptions, wakeups, pulls, pushes;
};
must_use enum status scheduler_inform(uint32_t cpu, struct scheduler_info *info);
