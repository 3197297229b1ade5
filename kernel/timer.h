// One-shot timers: each processor has a queue of them, and a device that interrupts it when the
// earliest is due. Nothing ticks while nothing is due.
//
//   static struct timer timer;
//   timer_init(&timer, blink, NULL, "cursor");
//   timer_arm(&timer, clock_ns() + 500000000);
//
// Where there is no such device, whoever has nothing else to do runs what is due: timer_poll().
#pragma once

#include "kernel/lock.h"
#include "kernel/timer_queue.h"
#include "lib/types.h"

// Runs once, when its time has come: interrupts off, no lock held, on the processor that has armed
// the timer. May arm it again, or free it. Is short, and waits for no other processor.
typedef void timer_function(void *context);

struct timer {
    struct timer_node node; // first
    timer_function *run;
    void *context;
    const char *name;
    struct timer_cpu *home; // the processor in whose queue it is, or was
};

// What a processor has, as a part of its struct percpu. All zero is an empty queue.
struct timer_cpu {
    struct lock lock;
    struct timer_queue queue;
    uint64_t next_ns;      // the earliest deadline; 0: none. Written under the lock
    uint64_t started_ns;   // what the device has been told to wait for; 0: nothing. Its own alone
    struct timer *running; // whose function runs now
};

#define TIMER_NEVER UINT64_MAX

// Before the first use; `name` for people, not copied. Any context but NMI.
void timer_init(struct timer *timer, timer_function *run, void *context, const char *name);

// Makes it run on this processor when clock_ns() has come to `deadline_ns`, at once where that has
// passed. If it is waiting already, wherever, that is forgotten. Where its function is running
// right now on another processor, it will run there again. Any context but NMI.
void timer_arm(struct timer *timer, uint64_t deadline_ns);

// Makes it not run. Returns whether it was waiting. Once this has returned, its function isn't
// running on another processor: so don't call it with a lock that the function takes. The function
// itself may call it, too. Any context but NMI.
bool timer_cancel(struct timer *timer);

// Runs what is due on this processor, and starts its device for what is next. For the device's
// interrupt, and for when a processor has got its device: interrupts off.
void timer_run_due(void);

// The same where there is no device; otherwise it does nothing. For loops that wait. Any context
// with interrupts on, or where no timer's function minds.
void timer_poll(void);

// The earliest deadline on this processor; TIMER_NEVER: none.
uint64_t timer_next_deadline(void);

// Waits, halting the processor between interrupts: not in an interrupt or under a lock.
void sleep_ns(uint64_t ns);

// What processor `cpu` has, for people: the earliest timers, at most `max` of them. Returns how
// many there are in all.
struct timer_info {
    const char *name; // NULL: no more
    uint64_t deadline_ns;
};
unsigned timer_list(uint32_t cpu, struct timer_info *infos, unsigned max);
