// One-shot timers: a queue for each processor, and its device.
//
// A timer's home is where it waits, or was armed last; it changes under the lock of the one before.
// Only a processor itself starts its device. Whoever takes its earliest timer away leaves that as
// it is: an interrupt with nothing due is cheaper than starting the device for every timer that
// never runs.

#include "kernel/timer.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/percpu.h"
#include "lib/compiler.h"

enum { RUN_MAX = 64 }; // in a row, with interrupts off

void timer_init(struct timer *timer, timer_function *run, void *context, const char *name)
{
    *timer =
        (struct timer){.run = run, .context = context, .name = name, .home = &arch_percpu()->timer};
}

// Takes the lock of a timer's home, interrupts off from then on.
static struct timer_cpu *lock_home_irqsave(struct timer *timer, uintptr_t *state)
{
    for (;;) {
        struct timer_cpu *home = __atomic_load_n(&timer->home, __ATOMIC_ACQUIRE);
        *state = lock_irqsave(&home->lock);
        if (likely(__atomic_load_n(&timer->home, __ATOMIC_ACQUIRE) == home))
            return home;
        unlock_irqrestore(&home->lock, *state); // it has moved meanwhile
    }
}

static bool is_pending(const struct timer *timer)
{
    return timer_queue_has(&timer->node);
}

// 0 is none, so a deadline of 0 becomes 1.
static void note_first(struct timer_cpu *home)
{
    struct timer_node *first = home->queue.first;
    uint64_t next_ns = first ? first->deadline_ns + !first->deadline_ns : 0;
    __atomic_store_n(&home->next_ns, next_ns, __ATOMIC_RELAXED);
}

static inline void take_out(struct timer_cpu *home, struct timer *timer)
{
    bool was_first = home->queue.first == &timer->node;
    timer_queue_remove(&home->queue, &timer->node);
    if (was_first)
        note_first(home);
}

// Starts this processor's device if it isn't to interrupt by then anyway.
static void start_device(struct timer_cpu *own, uint64_t deadline_ns)
{
    if (own->started_ns - 1 <= deadline_ns - 1) // 0, which is none, becomes the latest
        return;
    own->started_ns = deadline_ns;
    arch_timer_start(deadline_ns, clock_ns());
}

// --- Arming --------------------------------------------------------------------------------------

// Takes the timer out, and makes its new home this processor. But a home that runs its function
// stays: no function runs twice at the same time.
static struct timer_cpu *move_home(struct timer *timer, struct timer_cpu *home)
{
    struct timer_cpu *own = &this_cpu()->timer;
    uintptr_t state; // interrupts are off already
    for (;;) {
        if (is_pending(timer))
            take_out(home, timer);
        if (home == own || home->running == timer)
            return home;
        __atomic_store_n(&timer->home, own, __ATOMIC_RELEASE);
        unlock_irqrestore(&home->lock, 0);
        home = lock_home_irqsave(timer, &state); // others may have come before
    }
}

static inline void put_in(struct timer_cpu *home, struct timer *timer, uint64_t deadline_ns)
{
    timer->node.deadline_ns = deadline_ns;
    timer_queue_add(&home->queue, &timer->node);
}

// The device of a processor that runs a function is started when that has returned.
noinline static void arm_first(struct timer_cpu *home, uintptr_t state)
{
    note_first(home);
    if (home == &this_cpu()->timer && !home->running)
        start_device(home, home->next_ns);
    unlock_irqrestore(&home->lock, state);
}

noinline static void arm_elsewhere(struct timer *timer, uint64_t deadline_ns)
{
    uintptr_t state;
    struct timer_cpu *home = move_home(timer, lock_home_irqsave(timer, &state));
    put_in(home, timer, deadline_ns);
    arm_first(home, state);
}

// One that is waiting already, or was armed by another processor last, takes the long way.
void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    struct timer_cpu *home = __atomic_load_n(&timer->home, __ATOMIC_ACQUIRE);
    uintptr_t state = lock_irqsave(&home->lock);
    if (unlikely(__atomic_load_n(&timer->home, __ATOMIC_ACQUIRE) != home ||
                 home != &this_cpu()->timer || is_pending(timer))) {
        unlock_irqrestore(&home->lock, state);
        arm_elsewhere(timer, deadline_ns);
        return;
    }
    put_in(home, timer, deadline_ns);
    if (home->queue.first == &timer->node) {
        arm_first(home, state);
        return;
    }
    unlock_irqrestore(&home->lock, state);
}

// --- Cancelling ----------------------------------------------------------------------------------

// `home` may be gone to another timer when that runs: then this waits for a stranger, once.
static void wait_for(struct timer_cpu *home, struct timer *timer)
{
    while (__atomic_load_n(&home->running, __ATOMIC_ACQUIRE) == timer)
        arch_pause();
}

noinline static bool cancel_running(struct timer *timer)
{
    bool was_pending = false, runs_elsewhere;
    do { // the function may arm it again before it returns
        uintptr_t state;
        struct timer_cpu *home = lock_home_irqsave(timer, &state);
        if (is_pending(timer)) {
            take_out(home, timer);
            was_pending = true;
        }
        runs_elsewhere = home->running == timer && home != &this_cpu()->timer;
        unlock_irqrestore(&home->lock, state);
        if (runs_elsewhere)
            wait_for(home, timer);
    } while (runs_elsewhere);
    return was_pending;
}

noinline static bool cancel_in_the_middle(struct timer_cpu *home, struct timer *timer,
                                          uintptr_t state)
{
    take_out(home, timer);
    unlock_irqrestore(&home->lock, state);
    return true;
}

// One that isn't waiting may be running, and takes the long way.
bool timer_cancel(struct timer *timer)
{
    struct timer_cpu *home = __atomic_load_n(&timer->home, __ATOMIC_ACQUIRE);
    uintptr_t state = lock_irqsave(&home->lock);
    if (unlikely(__atomic_load_n(&timer->home, __ATOMIC_ACQUIRE) != home || !is_pending(timer) ||
                 home->running == timer)) {
        unlock_irqrestore(&home->lock, state);
        return cancel_running(timer);
    }
    if (timer->node.right)
        return cancel_in_the_middle(home, timer, state);
    take_out(home, timer);
    unlock_irqrestore(&home->lock, state);
    return true;
}

// --- Running -------------------------------------------------------------------------------------

// The timer may be gone when its function has returned.
static void run_one(struct timer_cpu *own, struct timer *timer)
{
    timer_function *run = timer->run;
    void *context = timer->context;
    take_out(own, timer);
    __atomic_store_n(&own->running, timer, __ATOMIC_RELAXED);
    unlock_irqrestore(&own->lock, 0);
    run(context);
    (void)!lock_irqsave(&own->lock);
    __atomic_store_n(&own->running, NULL, __ATOMIC_RELEASE);
}

// What functions arm for before `now` waits for the next time, so that this ends.
static void run_until(struct timer_cpu *own, uint64_t now)
{
    (void)!lock_irqsave(&own->lock);
    for (unsigned i = 0; i < RUN_MAX; i++) {
        struct timer *timer = (struct timer *)own->queue.first;
        if (!timer || timer->node.deadline_ns > now)
            break;
        run_one(own, timer);
    }
    unlock_irqrestore(&own->lock, 0);
}

static uint64_t next_of(const struct timer_cpu *own)
{
    return __atomic_load_n(&own->next_ns, __ATOMIC_RELAXED);
}

noinline static void run_and_start(uint64_t now)
{
    struct timer_cpu *own = &this_cpu()->timer;
    own->started_ns = 0;
    run_until(own, now);
    uint64_t next_ns = next_of(own);
    if (next_ns)
        start_device(own, next_ns);
}

// The clock comes first: whatever else is needed then doesn't have to be kept across that call.
void timer_run_due(void)
{
    uint64_t now = clock_ns();
    struct timer_cpu *own = &this_cpu()->timer;
    uint64_t next_ns = next_of(own);
    own->started_ns = next_ns;
    if (next_ns > now)
        arch_timer_start(next_ns, now);
    else if (next_ns)
        run_and_start(now);
}

void timer_poll(void)
{
    if (arch_timer_name())
        return;
    uintptr_t state = arch_irq_save();
    timer_run_due();
    arch_irq_restore(state);
}

uint64_t timer_next_deadline(void)
{
    uint64_t next = arch_own_percpu()->timer.next_ns;
    return next ? next : TIMER_NEVER;
}

unsigned timer_list(uint32_t cpu, struct timer_info *infos, unsigned max)
{
    const struct timer_node *nodes[TIMER_QUEUE_LIST_MAX];
    struct percpu *percpu = percpu_get(cpu);
    unsigned listed = 0, count = 0;
    if (percpu) {
        struct timer_cpu *home = &percpu->timer;
        uintptr_t state = lock_irqsave(&home->lock);
        listed = timer_queue_list(&home->queue, nodes, max);
        for (unsigned i = 0; i < listed; i++)
            infos[i] =
                (struct timer_info){((const struct timer *)nodes[i])->name, nodes[i]->deadline_ns};
        count = timer_queue_count(&home->queue);
        unlock_irqrestore(&home->lock, state);
    }
    for (unsigned i = listed; i < max; i++)
        infos[i] = (struct timer_info){0};
    return count;
}
