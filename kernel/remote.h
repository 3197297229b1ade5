// Remote calls: a function that runs on another processor, at once.
//
// It runs there with interrupts off, as a part of an interrupt, and should be as short as one. It
// takes no lock that anybody holds while calling. Whoever waits for others does meanwhile what
// others ask of him, so two processors may call each other at the same time.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

typedef void remote_function(void *argument);

// One call on its way. The caller's until it is pending, and again when it no longer is.
struct remote_work {
    struct remote_work *next;
    remote_function *run;
    void *argument;
    bool is_pending;
};

// A processor's own: what others want of it, the latest first.
struct remote_queue {
    struct remote_work *first;
    struct remote_work *taken;    // by its owner, in the order in which they came
    struct remote_work broadcast; // for remote_call_all()
    uint64_t calls;               // that have run
};

// Calls processor `cpu`, and returns when the function has. One's own processor is called directly.
// NOT_FOUND where there is no such processor, or it isn't online. Any context but NMI and machine
// check; with no lock held that another processor may wait for with interrupts off.
must_use enum status remote_call(uint32_t cpu, remote_function *run, void *argument);

// Calls all other processors that are online, at the same time, and returns when all are done.
// The same contexts; and not by a function that another processor may call while this one waits in
// here: that is a panic.
void remote_call_all(remote_function *run, void *argument);

// Calls processor `cpu` and doesn't wait: `work` has to stay until it isn't pending any more. Does
// nothing where it still is, or the processor isn't online: returns whether it will run.
bool remote_post(uint32_t cpu, struct remote_work *work, remote_function *run, void *argument);

// Whether it hasn't run to its end yet.
bool remote_is_pending(const struct remote_work *work);

// Does what others want of this processor: its interrupt's body, with interrupts off.
void remote_run(void);

// Whether it would do something on `cpu`, which is one's own.
struct percpu;
bool remote_is_called(const struct percpu *cpu);

// How many processors are online.
unsigned remote_online(void);

// For a processor that comes up: from here on it can be called.
void remote_enter(void);
