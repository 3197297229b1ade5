// Switching between threads, and what makes that happen: who yields, parks or ends; a turn that is
// over; and somebody better who wants to run.
//
// A processor's lock is held across the switch: whoever goes on lets it go. So a thread that is in
// no queue and isn't `current` has all that it needs on its stack, and may go on anywhere.
//
// Nothing ticks. The processor's timer is armed only when somebody waits, and stays armed when the
// one that it was armed for stops early: an interrupt that finds nothing to do is cheaper than
// arming it for each switch.

#include "kernel/clock.h"
#include "kernel/idle.h"
#include "kernel/run_queue.h"

struct percpu *scheduler_lock_home_irqsave(const struct thread *thread, uintptr_t *state)
{
    for (;;) {
        struct percpu *home = __atomic_load_n(&thread->home, __ATOMIC_ACQUIRE);
        *state = lock_irqsave(&home->scheduler.lock);
        if (likely(__atomic_load_n(&thread->home, __ATOMIC_ACQUIRE) == home))
            return home;
        unlock_irqrestore(&home->scheduler.lock, *state); // it has moved meanwhile
    }
}

// --- Switching -----------------------------------------------------------------------------------

// Returns `cpu`, so that whoever calls needn't keep it.
noinline static struct percpu *arm(struct percpu *cpu, uint64_t end)
{
    cpu->scheduler.timer_ticks = end;
    timer_arm(&cpu->scheduler.timer, clock_ticks_to_ns(end));
    return cpu;
}

static inline void watch_turn(struct percpu *cpu, const struct thread *thread, uint64_t now)
{
    uint64_t end = queue_turn_end(&cpu->scheduler, thread, now);
    if (unlikely(end < cpu->scheduler.timer_ticks))
        (void)arm(cpu, end);
}

static void end_throttling(void *context)
{
    struct thread *thread = context;
    uint64_t now = scheduler_ticks();
    if (cap_is_used_up(thread, now)) {
        timer_arm(&thread->cap_timer, clock_ticks_to_ns(cap_period_end(thread)));
        return;
    }
    thread_note_blocked(thread, now);
    scheduler_arrive(thread);
}

// What can be done only when it no longer runs. With no lock held, interrupts off.
noinline static void settle(struct percpu *cpu, struct thread *left)
{
    cpu->scheduler.left = NULL;
    switch (left->state) {
    case THREAD_DEAD:
        thread_put(left);
        break;
    case THREAD_THROTTLED:
        timer_init(&left->cap_timer, end_throttling, left, "cap");
        timer_arm(&left->cap_timer, clock_ticks_to_ns(cap_period_end(left)));
        break;
    default:
        scheduler_arrive(left);
        if (cpu->needs_schedule)
            arch_send_call(cpu); // when interrupts are on
    }
}

// In the name of the one that goes on, or begins.
static inline void finish_switch(void)
{
    struct percpu *cpu = this_cpu();
    struct thread *left = cpu->scheduler.left;
    lock_release(&cpu->scheduler.lock);
    if (unlikely(left))
        settle(cpu, left);
}

// With the timer armed for whenever it is the next one's end.
static inline void change_stacks(struct percpu *cpu, struct thread *from, struct thread *to,
                                 uint64_t now)
{
    cpu->needs_schedule = SCHEDULE_NOT;
    cpu->current = to;
    cpu->scheduler.switches++;
    to->since = now;
    arch_switch(&from->stack_pointer, to->stack_pointer, to->canary);
    finish_switch();
}

static inline void switch_to(struct percpu *cpu, struct thread *from, struct thread *to,
                             uint64_t now)
{
    watch_turn(cpu, to, now);
    if (from != to) {
        change_stacks(cpu, from, to, now);
        return;
    }
    cpu->needs_schedule = SCHEDULE_NOT;
    lock_release(&cpu->scheduler.lock);
}

void scheduler_stop_running(struct percpu *cpu, uint64_t now)
{
    struct thread *self = cpu->current;
    queue_leave(&cpu->scheduler, self);
    if (self->state != THREAD_BLOCKED)
        cpu->scheduler.left = self;
    switch_to(cpu, self, queue_take(&cpu->scheduler, now), now);
}

static void change(struct percpu *cpu, struct thread *self, uint64_t now)
{
    struct scheduler_cpu *queue = &cpu->scheduler;
    queue_leave(queue, self);
    schedule_apply(self, &self->wanted);
    queue_add(queue, self);
    switch_to(cpu, self, queue_take(queue, now), now);
}

// One that has a cap, may not stay here, or becomes another kind. True: the lock is free.
noinline static bool stop_special(struct percpu *cpu, struct thread *self, uint64_t now)
{
    if (self->must_change) {
        change(cpu, self, now);
        return true;
    }
    if (self->must_move)
        self->state = THREAD_MOVING;
    else if (cap_is_used_up(self, now))
        self->state = THREAD_THROTTLED;
    else
        return false;
    self->must_move = false;
    schedule_note_running(&cpu->scheduler, self);
    scheduler_stop_running(cpu, now);
    return true;
}

void scheduler_go_on(void)
{
    finish_switch();
}

void scheduler_begin(void)
{
    finish_switch();
    arch_irq_enable();
}

// The short way: all who want to run are plain, and somebody waits.
static inline void yield_plain(struct percpu *cpu, struct thread *self)
{
    struct scheduler_cpu *queue = &cpu->scheduler;
    uint64_t now = scheduler_ticks(), ticks = now - self->since;
    self->ran += ticks;
    fair_advance(&queue->fair, &self->fair, ticks);
    struct thread *next = thread_of(fair_yield(&queue->fair, &self->fair));
    uint64_t end = now + fair_left(&next->fair);
    if (unlikely(end < queue->timer_ticks))
        cpu = arm(cpu, end);
    change_stacks(cpu, self, next, now);
}

noinline static void yield_special(struct percpu *cpu, struct thread *self)
{
    struct scheduler_cpu *queue = &cpu->scheduler;
    uint64_t now = scheduler_ticks();
    if (queue->aside) {
        lock_release(&queue->lock);
        return;
    }
    (void)queue_charge(queue, self, now);
    if (!self->is_plain && stop_special(cpu, self, now))
        return;
    struct thread *next = queue->runnable > 1 ? queue_take_other(queue, self, now) : NULL;
    if (next)
        queue_return(queue, self, true);
    switch_to(cpu, self, next ? next : self, now);
}

void thread_yield(void)
{
    arch_irq_disable();
    struct percpu *cpu = this_cpu();
    struct scheduler_cpu *queue = &cpu->scheduler;
    struct thread *self = cpu->current;
    lock_acquire(&queue->lock);
    if (likely(!queue->special && fair_may_yield(&queue->fair)))
        yield_plain(cpu, self);
    else
        yield_special(cpu, self);
    arch_irq_enable();
}

// --- Being told to -------------------------------------------------------------------------------

// What it is told about is written before: an idle processor first forgets what it was told, and
// then looks. So where it was told already, it hasn't looked yet.
void scheduler_kick(struct percpu *cpu, uint8_t need)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (cpu->needs_schedule >= need)
        return;
    __atomic_store_n(&cpu->needs_schedule, need, __ATOMIC_SEQ_CST);
    if (cpu != this_cpu() && !__atomic_load_n(&cpu->is_watching, __ATOMIC_SEQ_CST))
        arch_send_call(cpu);
}

static void end_turn(void *context)
{
    struct percpu *cpu = context;
    cpu->scheduler.timer_ticks = UINT64_MAX;
    scheduler_kick(cpu, SCHEDULE_LOOK);
}

static void balance(struct percpu *cpu, uint64_t now)
{
    cpu->scheduler.next_balance = now + scheduler_times.balance;
    struct thread *moving = placement_push(cpu);
    if (!moving)
        return;
    lock_release(&cpu->scheduler.lock);
    scheduler_arrive(moving);
    lock_acquire(&cpu->scheduler.lock);
}

static void preempt_running(struct percpu *cpu, struct thread *self, uint64_t now, bool is_over)
{
    struct scheduler_cpu *queue = &cpu->scheduler;
    queue_return(queue, self, is_over);
    struct thread *next = queue_take(queue, now);
    self->preemptions += next != self;
    queue->preemptions += next != self;
    switch_to(cpu, self, next, now);
}

void scheduler_preempt(void)
{
    struct percpu *cpu = this_cpu();
    struct scheduler_cpu *queue = &cpu->scheduler;
    struct thread *self = cpu->current;
    if (cpu->is_idle)
        return; // it looks itself
    lock_acquire(&queue->lock);
    uint64_t now = scheduler_ticks();
    if (queue->runnable > 1 && now >= queue->next_balance)
        balance(cpu, now);
    bool is_over = queue_charge(queue, self, now);
    if (!self->is_plain && stop_special(cpu, self, now))
        return;
    if (is_over || cpu->needs_schedule == SCHEDULE_SWITCH || queue_must_give_way(queue, self, now))
        preempt_running(cpu, self, now, is_over);
    else
        switch_to(cpu, self, self, now);
}

void thread_preempt(void)
{
    if (likely(!arch_own_percpu()->needs_schedule))
        return;
    uintptr_t state = arch_irq_save();
    struct percpu *cpu = this_cpu();
    if (cpu->interrupted) {
        // at its end
    } else if (!arch_irq_is_on(state)) {
        arch_send_call(cpu); // when they are on
    } else if (cpu->needs_schedule) {
        scheduler_preempt();
    }
    arch_irq_restore(state);
}

// --- Coming --------------------------------------------------------------------------------------

void scheduler_move(struct thread *thread, struct percpu *target)
{
    thread->state = THREAD_MOVING;
    thread->moves++;
    fair_move(&thread->home->scheduler.fair, &target->scheduler.fair, &thread->fair);
    __atomic_store_n(&thread->home, target, __ATOMIC_RELEASE);
}

void scheduler_make_ready(struct percpu *home, struct thread *thread)
{
    struct scheduler_cpu *queue = &home->scheduler;
    uint64_t now = scheduler_ticks();
    bool is_own = home == this_cpu(), is_over = false;
    if (is_own && is_fair(thread) && is_fair(home->current)) // so that it comes to where they are
        is_over = queue_charge(queue, home->current, now);
    queue_add(queue, thread);
    if (is_over || queue_is_better(queue, thread, home->current))
        scheduler_kick(home, SCHEDULE_SWITCH);
    else if (is_own)
        watch_turn(home, home->current, now);
    else
        scheduler_kick(home, SCHEDULE_LOOK);
}

// The only one of real time is better than all others: it needn't wait first.
bool scheduler_hand_over(struct percpu *cpu, struct thread *thread, uint64_t now)
{
    struct scheduler_cpu *queue = &cpu->scheduler;
    struct thread *self = cpu->current;
    if (cpu->needs_schedule || queue->priorities || !is_real_time(thread) ||
        !real_time_may_run(queue, now))
        return false;
    (void)queue_charge(queue, self, now);
    queue_enter(queue, thread);
    fair_put(&queue->fair, &self->fair);
    self->preemptions++;
    queue->preemptions++;
    switch_to(cpu, self, thread, now);
    return true;
}

void scheduler_arrive(struct thread *thread)
{
    uintptr_t state;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    while (!cpu_set_has(&thread->cpus, home->cpu)) {
        struct percpu *target = placement_choose(thread, home);
        if (target == home)
            break; // nowhere else either
        scheduler_move(thread, target);
        unlock_irqrestore(&home->scheduler.lock, state);
        home = scheduler_lock_home_irqsave(thread, &state);
    }
    scheduler_make_ready(home, thread);
    unlock_irqrestore(&home->scheduler.lock, state);
}

// --- Start ---------------------------------------------------------------------------------------

void scheduler_queue_init(struct percpu *cpu)
{
    struct scheduler_cpu *queue = &cpu->scheduler;
    for (unsigned i = 0; i <= PRIORITY_MAX; i++)
        list_init(&queue->real_time[i]);
    queue->timer_ticks = UINT64_MAX;
    timer_init(&queue->timer, end_turn, cpu, "turn");
    queue->timer.home = &cpu->timer;
}

void scheduler_enter(void)
{
    lock_acquire(&this_cpu()->scheduler.lock); // as behind a switch
    idle_run();
    __builtin_unreachable();
}
