// Work for later: functions that a thread of a processor's own calls, one after the other.
//
// For what an interrupt finds to do that takes longer than an interrupt may, and for what only
// threads may do. Two kinds: WORK_SOON, before any fair thread, for what is short and doesn't
// sleep; and WORK_NORMAL, which may sleep, and then keeps what is behind it waiting.
#pragma once

#include "kernel/timer.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

typedef void work_function(void *context);

enum work_kind { WORK_NORMAL, WORK_SOON, WORK_KINDS };

struct work_queue;

struct work { // kernel/work.c's
    struct work *next;
    work_function *run;
    void *context;
    enum work_kind kind;
    bool is_posted;
    uint64_t serial;
    struct work_queue *queue; // where it waits or runs, or did last
};

// Makes each processor's threads for it, "work/N" and "soon/N". Start-up only, when threads and
// processors are there. Without memory it says so in the log, and nothing can be posted to a
// processor that has none.
void work_init(void);

// Before the first use.
void work_prepare(struct work *work, enum work_kind kind, work_function *run, void *context);

// Runs it on this processor, or on `cpu`; but where it is running already, once more after that.
// Does nothing where it waits: returns whether it will run once more than it would have. It may be
// posted again while it runs, by itself too, and may be freed by its own function. Any context but
// NMI; false where that processor has no thread for it, too.
bool work_post(struct work *work);
bool work_post_on(uint32_t cpu, struct work *work);

// Takes it out. When this has returned it isn't running, and won't unless it is posted again.
// Returns whether it was waiting. Sleeps; not by the work itself.
bool work_cancel(struct work *work);

// Waits until it has run, if it was posted. Sleeps; not by the work itself.
void work_flush(struct work *work);

// --- Work at a time ------------------------------------------------------------------------------

// Work that a timer posts: once, or again and again. Periods are kept to: what comes late doesn't
// make what follows later; what is missed altogether is counted, and left out.
struct timed_work {
    struct work work;
    struct timer timer;
    uint64_t deadline_ns, period_ns; // 0: once
    uint64_t missed;
};

enum { TIMED_WORK_PERIOD_MIN_NS = 100000 };

// `name` of its timer, for people, not copied.
void timed_work_prepare(struct timed_work *work, enum work_kind kind, work_function *run,
                        void *context, const char *name);

// On this processor, at `deadline_ns` of clock_ns(), and then every `period_ns` (0: just once;
// shorter ones are TIMED_WORK_PERIOD_MIN_NS). What was set before is forgotten. Any context but
// NMI, and one at a time.
void timed_work_start(struct timed_work *work, uint64_t deadline_ns, uint64_t period_ns);

// From here on it doesn't begin to run; the work itself may call this. Any context but NMI.
void timed_work_stop(struct timed_work *work);

// Nor does it run any more when this has returned, as with work_cancel(). Sleeps.
bool timed_work_cancel(struct timed_work *work);
