// What the debug build checks about locks. A processor knows which it holds, and the kernel in
// which order they have been taken, by classes: a lock of the image is one of its own; others are
// of the class of those that the same function was the first to take.
//
// A panic: taking a lock that one holds, or releasing one that one doesn't.
// Reported in the log, each once, with both places: an order that the opposite of has been seen
// before, two of a class at once, holding one for longer than LOCK_HELD_NS, and, with a lock held,
// with interrupts off or in an interrupt, sleeping or waiting for other processors.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct lock;

enum lock_fault {
    LOCK_FAULT_ORDER,
    LOCK_FAULT_NESTED,
    LOCK_FAULT_SLEEP,
    LOCK_FAULT_CALL,
    LOCK_FAULT_LONG,
    LOCK_FAULTS,
};

#define LOCK_HELD_NS 250000000ull

#ifdef KEELSON_DEBUG

enum { LOCK_PLACES = 6, LOCKS_HELD_MAX = 8 };

struct lock_check {
    uint16_t class; // 0: none yet
};

struct lock_held {
    const struct lock *lock;
    uint64_t since_ns;
    uintptr_t places[LOCK_PLACES]; // where it was taken, innermost first
};

// A processor's, in its struct percpu.
struct lock_check_cpu {
    unsigned held_count;
    bool is_reporting;
    struct lock_held held[LOCKS_HELD_MAX];
};

// With interrupts off: wants to take it and may have to wait, has it, is about to let it go.
void lock_check_wants(struct lock *lock);
void lock_check_has(struct lock *lock);
void lock_check_releases(struct lock *lock);

// The caller may be about to sleep; and to wait for another processor's answer. Any context.
void lock_check_may_sleep(void);
void lock_check_may_call(void);

// This processor has stood still for a debugger: that isn't how long it holds its locks.
void lock_check_was_stopped(void);

// How often that was found out.
unsigned lock_check_count(enum lock_fault fault);

#else

struct lock_check {
};

static inline unsigned lock_check_count(enum lock_fault fault)
{
    (void)fault;
    return 0;
}

static inline void lock_check_wants(struct lock *lock)
{
    (void)lock;
}

static inline void lock_check_has(struct lock *lock)
{
    (void)lock;
}

static inline void lock_check_releases(struct lock *lock)
{
    (void)lock;
}

static inline void lock_check_may_sleep(void)
{
}

static inline void lock_check_may_call(void)
{
}

static inline void lock_check_was_stopped(void)
{
}

#endif
