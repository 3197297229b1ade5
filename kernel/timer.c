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

// Takes the lock of a timer's home. Interrupts are off.
static struct timer_cpu *lock_home(struct timer *timer)
{
    for (;;) {
        struct timer_cpu *home = __atomic_load_n(&timer->home, __ATOMIC_ACQUIRE);
        (void)!lock_irqsave(&home->lock);
        if (likely(__atomic_load_n(&timer->home, __ATOMIC_ACQUIRE) == home))
            return home;
        unlock_irqrestore(&home->lock, 0); // it has moved meanwhile
    }
}

static void note_first(struct timer_cpu *home)
{
    struct timer_node *first = home->queue.first;
    __atomic_store_n(&home->next_ns, first ? first->deadline_ns : 0, __ATOMIC_RELAXED);
}

static void take_out(struct timer_cpu *home, struct timer *timer)
{
    timer_queue_remove(&home->queue, &timer->node);
    timer->is_pending = false;
    home->count--;
    note_first(home);
}

static void put_in(struct timer_cpu *home, struct timer *timer, uint64_t deadline_ns)
{
    timer->node.deadline_ns = deadline_ns ? deadline_ns : 1;
    timer_queue_add(&home->queue, &timer->node);
    timer->is_pending = true;
    home->count++;
    note_first(home);
}

// Starts this processor's device if it isn't to interrupt by then anyway.
static void start_device(struct timer_cpu *own, uint64_t deadline_ns)
{
    if (own->started_ns - 1 <= deadline_ns - 1) // 0, which is none, becomes the latest
        return;
    own->started_ns = deadline_ns;
    arch_timer_start(deadline_ns);
}

// A home that runs the timer's function stays its home: no function runs twice at the same time.
// That processor starts its device when the function has returned.
static struct timer_cpu *lock_new_home(struct timer *timer, struct timer_cpu *own)
{
    for (;;) {
        struct timer_cpu *home = lock_home(timer);
        if (timer->is_pending)
            take_out(home, timer);
        if (likely(home == own) || home->running == timer)
            return home;
        __atomic_store_n(&timer->home, own, __ATOMIC_RELEASE);
        unlock_irqrestore(&home->lock, 0);
    }
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    uintptr_t state = arch_irq_save();
    struct timer_cpu *own = &this_cpu()->timer;
    struct timer_cpu *home = lock_new_home(timer, own);
    put_in(home, timer, deadline_ns);
    if (home == own && !own->running)
        start_device(own, own->next_ns);
    unlock_irqrestore(&home->lock, state);
}

// `home` may be gone to another timer when that runs: then this waits for a stranger, once.
static void wait_for(struct timer_cpu *home, struct timer *timer)
{
    while (__atomic_load_n(&home->running, __ATOMIC_ACQUIRE) == timer)
        arch_pause();
}

bool timer_cancel(struct timer *timer)
{
    bool was_pending = false, runs_elsewhere;
    do { // the function may arm it again before it returns
        uintptr_t state = arch_irq_save();
        struct timer_cpu *home = lock_home(timer);
        if (timer->is_pending) {
            take_out(home, timer);
            was_pending = true;
        }
        runs_elsewhere = home->running == timer && home != &this_cpu()->timer;
        unlock_irqrestore(&home->lock, state);
        if (unlikely(runs_elsewhere))
            wait_for(home, timer);
    } while (runs_elsewhere);
    return was_pending;
}

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
noinline static void run_until(struct timer_cpu *own, uint64_t now)
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

void timer_run_due(void)
{
    struct timer_cpu *own = &this_cpu()->timer;
    uint64_t now = clock_ns();
    own->started_ns = 0;
    if (__atomic_load_n(&own->next_ns, __ATOMIC_RELAXED) - 1 < now) // 0 is none
        run_until(own, now);
    uint64_t next = __atomic_load_n(&own->next_ns, __ATOMIC_RELAXED);
    if (next)
        start_device(own, next);
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

static void wake(void *context)
{
    __atomic_store_n((bool *)context, true, __ATOMIC_RELEASE);
}

void sleep_ns(uint64_t ns)
{
    struct timer timer;
    bool is_over = false;
    timer_init(&timer, wake, &is_over, "sleep");
    uintptr_t state = arch_irq_save();
    timer_arm(&timer, clock_ns() + ns);
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        if (arch_timer_name()) {
            arch_wait_for_interrupt();
            continue;
        }
        timer_poll();
        arch_pause();
    }
    arch_irq_restore(state);
    (void)timer_cancel(&timer); // it is gone when this returns
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
        count = home->count;
        unlock_irqrestore(&home->lock, state);
    }
    for (unsigned i = listed; i < max; i++)
        infos[i] = (struct timer_info){0};
    return count;
}
