// Kernel threads.
//
//   struct thread *worker = thread_create("worker", work, &argument);
//   if (!worker)
//       return NO_MEMORY;
//   thread_start(worker);
//   ...
//   enum status result = thread_join(worker);
//
// Whoever may sleep has interrupts on, holds no spin lock and is in no interrupt: what is said to
// sleep here may be called then only.
#pragma once

#include "kernel/cpu_set.h"
#include "kernel/fair_queue.h"
#include "kernel/timer.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/status.h"
#include "lib/types.h"

struct percpu;
struct thread;

enum { THREAD_NAME_MAX = 23, THREAD_STACK_SIZE = 16384 };

// How a thread is scheduled. Real-time threads run before fair ones, which get a twentieth of a
// processor's time all the same. SCHEDULE_IDLE is for each processor's own idle thread.
enum schedule_class { SCHEDULE_FAIR, SCHEDULE_REAL_TIME, SCHEDULE_IDLE, SCHEDULE_CLASSES };
struct schedule {
    enum schedule_class class;
    uint32_t weight;   // fair: its share against others'. FAIR_WEIGHT_MIN to FAIR_WEIGHT_MAX
    uint32_t slice_us; // fair: how long it runs in a row; who has short ones waits less. SLICE_US_*
    uint32_t priority; // real-time: the highest first, equal ones by turns. 0 to PRIORITY_MAX
    uint32_t cap;      // at most so many per cent of a processor, 1 to 100; 0: as much as it gets
};
enum { SLICE_US_MIN = 100, SLICE_US = 3000, SLICE_US_MAX = 100000, PRIORITY_MAX = 31 };

#define SCHEDULE_DEFAULT ((struct schedule){SCHEDULE_FAIR, FAIR_WEIGHT, SLICE_US, 0, 0})

enum thread_state {
    THREAD_NEW,       // not started
    THREAD_RUNNABLE,  // runs, or waits for a processor
    THREAD_BLOCKED,   // parked
    THREAD_THROTTLED, // has had what its cap allows
    THREAD_MOVING,    // on its way to another processor
    THREAD_DEAD,
};

// What a thread ends with is its result.
typedef enum status thread_function(void *argument);

// A thread that doesn't run before thread_start(), with a stack of its own, guarded on both sides.
// The name is copied, and cut at THREAD_NAME_MAX. NULL without memory. Who creates it has a
// reference, which thread_join(), thread_detach() or thread_put() ends. Context: no spin lock held.
must_use struct thread *thread_create(const char *name, thread_function *run, void *argument);

// One that runs on processor `cpu` alone, which must be online and below CPU_SET_MAX.
must_use struct thread *thread_create_on(uint32_t cpu, const char *name, thread_function *run,
                                         void *argument);
void thread_start(struct thread *thread);

// Ends the thread that calls it.
noreturn void thread_exit(enum status result);

// Waits until it has ended, and gives one's reference back. Sleeps. Returns its result.
enum status thread_join(struct thread *thread);

// The same, not beyond `deadline_ns` (of clock_ns()): TIMED_OUT or INTERRUPTED, with the reference
// kept; OK with its result in `result`.
must_use enum status thread_join_until(struct thread *thread, uint64_t deadline_ns,
                                       enum status *result);

// Nobody will join it: gives the reference back. What becomes of it then is the thread's own.
void thread_detach(struct thread *thread);

// References: a thread that has ended stays as long as there is one. Any context but NMI.
struct thread *thread_get(struct thread *thread);
void thread_put(struct thread *thread);

// The one that calls.
struct thread *thread_self(void);
const char *thread_name(const struct thread *thread);
uint32_t thread_id(const struct thread *thread); // from 1 on; never used again

// --- Scheduling ----------------------------------------------------------------------------------

// In force at once, whatever the thread does. BAD_ARGUMENT for what is out of range, or a set
// without any processor that is online: nothing is changed. A thread that runs where it no longer
// may moves before it runs on. Any context but NMI, with no scheduler's lock held.
must_use enum status thread_set_schedule(struct thread *thread, const struct schedule *schedule);
must_use enum status thread_set_cpus(struct thread *thread, const struct cpu_set *cpus);
struct schedule thread_schedule(const struct thread *thread);
struct cpu_set thread_cpus(const struct thread *thread);

// Lets others run that wait for this processor, if there are any of its class or better.
void thread_yield(void);

// Waits until somebody has called thread_unpark() for this thread since it was parked last, or
// clock_ns() comes to `deadline_ns` (TIMER_NEVER: doesn't): TIMED_OUT. So nothing is lost between a
// look at what is waited for and this call; but OK may be an answer to an earlier question: call it
// in a loop. What is below, in kernel/mutex.h and its neighbours, is made of these two.
enum status thread_park(uint64_t deadline_ns);

// Any context but NMI. With a spin lock held, use thread_unpark_locked(), and thread_preempt() when
// it is no longer: so that who is woken may run at once.
void thread_unpark(struct thread *thread);
void thread_unpark_locked(struct thread *thread);

// Lets whoever was woken run, if that is better than the caller. Any context: where the caller may
// not be interrupted, it happens as soon as he may.
void thread_preempt(void);

// sleep_ns() is in kernel/timer.h.

// Asks a thread to end what it does: whatever waits with a deadline (..._until()) returns
// INTERRUPTED, now or the next time, until thread_clear_interrupt(). Any context but NMI.
void thread_interrupt(struct thread *thread);
bool thread_is_interrupted(void);
void thread_clear_interrupt(void);

// Whether the caller may sleep: interrupts on, and not in one.
bool thread_may_sleep(void);

// --- Seeing --------------------------------------------------------------------------------------

struct thread_info {
    uint32_t id;
    char name[THREAD_NAME_MAX + 1];
    enum thread_state state;
    bool is_running; // on `cpu`, now
    uint32_t cpu;
    struct schedule schedule;
    uint64_t ran_ns, waited_ns;         // on processors; for one, being runnable
    uint64_t waits, preemptions, moves; // how often it has parked, had to stop, changed processors
    uintptr_t stack_low, stack_top;     // 0: not known
};

// The first thread whose id is at least `id`, with a reference; NULL: none. For going through all.
struct thread *thread_next(uint32_t id);
void thread_inform(struct thread *thread, struct thread_info *info);

// For who has stopped everybody else, without a lock: the first one (NULL), and the one behind
// another; NULL: no more.
const struct thread *thread_peek(const struct thread *before);

// Where it is, innermost first; how many addresses there are. Of one that runs on another processor
// that is asked for it. 0 where it can't tell. Sleeps.
unsigned thread_backtrace(struct thread *thread, uintptr_t *addresses, unsigned max);

// --- For those who know threads from inside ------------------------------------------------------

// The scheduler's (kernel/scheduler.c), but where said otherwise.
struct thread {
    struct fair_entity fair; // first
    uintptr_t stack_pointer; // while it doesn't run
    uintptr_t canary;        // the stack protector's
    struct percpu *home; // in whose queue it is, was or will be; changes under the lock of the old
    enum thread_state state;
    bool is_woken; // thread_unpark() has come before thread_park()
    bool is_interrupted;
    bool is_plain; // fair, without a cap, and neither of the following
    bool must_move;
    bool must_change; // to `wanted`
    bool has_ended;
    bool is_resting; // kernel/aside.h
    struct schedule schedule, wanted;
    struct list waiting; // in the real-time class
    uint64_t since;      // ticks: since when it runs, as far as that hasn't been charged
    uint64_t ran;        // ticks
    uint64_t started;    // ticks: when
    uint64_t blocked;    // ticks: for how long it hasn't been runnable since
    uint64_t waits, preemptions, moves;
    uint64_t turn_left;          // ticks, of a real-time turn
    uint64_t cap_start, cap_ran; // ticks: when the period of its cap began, and `ran` then
    struct timer timer;          // ends a wait
    struct timer cap_timer;      // ends a throttling
    struct cpu_set cpus;
    thread_function *run;
    void *argument;
    enum status result;
    struct thread *joiner; // waits for the end
    void *stack_top;       // NULL: not from vspace_stack_create()
    uint32_t id, references;
    struct list all;
    struct console_stream *stream; // where print() goes (kernel/console.h); NULL: the consoles
    struct mutex *waits_for;       // kernel/mutex.c's
    char name[THREAD_NAME_MAX + 1];
};

// Start-up, in this order: the boot processor's flow becomes a thread, "main", the first thing that
// the kernel does; and others can be made when there is memory and the clock's frequency is known.
void thread_boot(void);
void threads_init(void);

// What threads that have ended leave to those that come is given back, but for a few. By idle
// processors. Returns whether there was something.
bool threads_reap(void);
