// What each processor has for itself, found through its GS base.
#pragma once

#include "arch/arch.h"
#include "kernel/lock_check.h"
#include "kernel/remote.h"
#include "kernel/scheduler.h"
#include "kernel/timer.h"
#include "kernel/watchdog.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/percpu.h"

struct percpu {
    struct percpu *self;
    uint32_t cpu; // index, 0 for the boot processor
    uint32_t reserved[7];
    uintptr_t stack_canary; // the compiler reads it at GS + 40
    struct page_cpu page;
    struct slab_cpu slab;
    struct thread *current; // the thread that runs
    uint8_t needs_schedule; // whether somebody else should run: kernel/scheduler_priv.h
    bool is_online;
    bool is_watching;                     // while it is idle: a write to needs_schedule ends that
    bool is_idle;                         // halted, or about to be: an interrupt would wake it
    uintptr_t stopped_at;                 // by arch_stop_others(); 0: it isn't, or doesn't answer
    uint64_t heartbeat;                   // interrupts taken
    const struct trap_frame *interrupted; // by the interrupt that is being handled; NULL: by none
    struct remote_queue remote;
    struct remote_work log_wake; // kernel/log.c's
    int64_t tick_offset;         // from arch_ticks() to the boot processor's: kernel/clock.h
    struct timer_cpu timer;
    struct watchdog_cpu watchdog;
    struct scheduler_cpu scheduler;
#ifdef KEELSON_DEBUG
    struct lock_check_cpu lock_check;
#endif
    struct arch_percpu arch;
};

_Static_assert(offsetof(struct percpu, cpu) == 8, "arch_cpu()");
_Static_assert(offsetof(struct percpu, stack_canary) == 40, "the compiler's stack protector ABI");

extern struct percpu boot_percpu;

// Valid as long as the caller can't be moved to another processor: with interrupts off.
static inline struct percpu *this_cpu(void)
{
    return arch_percpu();
}

// Areas that exist, of processors started or not: their indexes are 0 to percpu_count() - 1, 0 is
// the boot processor's.
unsigned percpu_count(void);

// NULL past the last. Any context.
struct percpu *percpu_get(uint32_t cpu);

// Makes room for this many areas, and then one after the other, for good; NULL when there is no
// memory. The architecture's share is the caller's to fill. Start-up only.
must_use enum status percpu_reserve(unsigned processors);
must_use struct percpu *percpu_create(void);
