// What the parts of the scheduler share: kernel/scheduler.c switches between threads,
// kernel/run_queue.c knows who comes next, kernel/placement.c on which processor.
//
// Locks: a processor's `scheduler.lock`, never two of them at once; under it only timers' locks.
// A thread on its way from one to another is THREAD_MOVING, and in nobody's queue.
#pragma once

#include "kernel/percpu.h"
#include "kernel/scheduler.h"
#include "kernel/thread.h"
#include "lib/compiler.h"

// What struct percpu's needs_schedule says.
enum {
    SCHEDULE_NOT,
    SCHEDULE_LOOK,   // whether the turn of the one that runs is over
    SCHEDULE_SWITCH, // somebody better waits
};

// In ticks. Start-up only: when the clock's frequency is known.
struct scheduler_times {
    uint64_t turn;       // of a real-time thread, where others have its priority
    uint64_t window;     // of which real-time threads get all but a twentieth
    uint64_t real_time;  // what they get
    uint64_t cap_period; // in which a cap is kept to
    uint64_t balance;    // between two looks at how others are doing
};
extern struct scheduler_times scheduler_times;
void scheduler_set_times(void);
uint64_t scheduler_slice(uint32_t us); // in ticks

// Now. Of two processors, one may be ahead by a little.
static inline uint64_t scheduler_ticks(void)
{
    return arch_ticks() + (uint64_t)arch_own_percpu()->tick_offset;
}

// The periods of its cap that are over by now take what they allowed along.
void cap_refresh(struct thread *thread, uint64_t now);

// One that has blocked, or been throttled, no longer is.
static inline void thread_note_blocked(struct thread *thread, uint64_t now)
{
    if (unlikely(thread->schedule.cap)) // it hasn't saved anything meanwhile
        cap_refresh(thread, now);
    int64_t ticks = (int64_t)(now - thread->since); // another processor's clock may be ahead
    thread->blocked += ticks > 0 ? (uint64_t)ticks : 0;
}

static inline struct thread *thread_of(struct fair_entity *fair)
{
    return LIST_ENTRY(struct thread, fair, fair);
}

// Whether somebody waits for a processor, which runs `thread` or another.
static inline bool somebody_waits(const struct scheduler_cpu *queue, const struct thread *running)
{
    return queue->runnable > (running->schedule.class != SCHEDULE_IDLE);
}

// --- kernel/schedule.c: with the lock of the thread's home held
// -----------------------------------

// It is in no queue, and is scheduled like that from now on.
void schedule_apply(struct thread *thread, const struct schedule *schedule);

// One that runs has got other marks: whether it is still plain.
void schedule_note_running(struct scheduler_cpu *queue, struct thread *thread);

// --- kernel/placement.c --------------------------------------------------------------------------

// Where a thread is to run that wants to: `home` if it isn't better elsewhere.
struct percpu *placement_choose(const struct thread *thread, struct percpu *home);

// A processor is idle, and no longer.
void placement_note_idle(const struct percpu *cpu, bool is_idle);

// With no lock held, interrupts off: takes a thread from a processor that has several.
void placement_pull(struct percpu *cpu);

// With the processor's lock held: one that waits here and should run elsewhere, out of the queue
// and THREAD_MOVING; NULL: all is well.
struct thread *placement_push(struct percpu *cpu);

// --- kernel/scheduler.c --------------------------------------------------------------------------

// Takes the lock of a thread's home, which is returned, interrupts off.
struct percpu *scheduler_lock_home_irqsave(const struct thread *thread, uintptr_t *state);

// With the lock of its home held: one that is in no queue is on its way to another home.
void scheduler_move(struct thread *thread, struct percpu *target);

// With no scheduler's lock held: one that is THREAD_MOVING or throttled waits for its home from now
// on, or for another processor where it may not run there.
void scheduler_arrive(struct thread *thread);

// With the lock of its home held: one that is in no queue waits for it from now on.
void scheduler_make_ready(struct percpu *home, struct thread *thread);

// With the lock of its own home held, by a plain thread there that may be interrupted: whether one
// that is woken, and in no queue, goes on at once in its place. Then the lock is free.
bool scheduler_hand_over(struct percpu *cpu, struct thread *thread, uint64_t now);

// With the processor's lock held: it looks again, soon.
void scheduler_kick(struct percpu *cpu, uint8_t need);

// The running thread, which has charged its time, stops; its state says how. The next one runs.
// Interrupts off, the lock held, which is free when this returns, on whatever processor.
void scheduler_stop_running(struct percpu *cpu, uint64_t now);

// What somebody does first that has been switched to: the lock is free when this returns.
void scheduler_go_on(void);

// What a new thread does first, interrupts off: they are on when this returns.
void scheduler_begin(void);

// All of a processor's queue but the idle thread.
void scheduler_queue_init(struct percpu *cpu);
