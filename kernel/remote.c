// Remote calls: a list a processor, onto which anybody pushes and which its owner takes as a whole.
// Who finds the list empty sends the interrupt; who doesn't knows that one is on its way.

#include "kernel/remote.h"
#include "arch/arch.h"
#include "kernel/aside.h"
#include "kernel/clock.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

// Longer than any call may take, even where another machine runs this one by turns.
#define PATIENCE_NS 30000000000ull
#define GAP_NS      1000000000ull

static unsigned online = 1;
static struct percpu *broadcaster; // one at a time

unsigned remote_online(void)
{
    return __atomic_load_n(&online, __ATOMIC_RELAXED);
}

void remote_enter(void)
{
    __atomic_fetch_add(&online, 1, __ATOMIC_SEQ_CST); // first: who sees one online counts it, too
    __atomic_store_n(&this_cpu()->is_online, true, __ATOMIC_RELEASE);
}

bool remote_is_pending(const struct remote_work *work)
{
    return __atomic_load_n(&work->is_pending, __ATOMIC_ACQUIRE);
}

// In the order in which they were pushed.
static struct remote_work *reverse(struct remote_work *work)
{
    struct remote_work *reversed = NULL;
    while (work) {
        struct remote_work *next = work->next;
        work->next = reversed;
        reversed = work;
        work = next;
    }
    return reversed;
}

static struct remote_work *take(struct remote_queue *queue)
{
    if (!queue->taken)
        queue->taken = reverse(__atomic_exchange_n(&queue->first, NULL, __ATOMIC_ACQUIRE));
    struct remote_work *work = queue->taken;
    if (work)
        queue->taken = work->next;
    return work;
}

// One call at a time: a function that calls others comes back here while it waits, and must find
// those behind its own.
void remote_run(void)
{
    struct remote_queue *queue = &this_cpu()->remote;
    for (struct remote_work *work; (work = take(queue));) {
        work->run(work->argument);
        queue->calls++;
        __atomic_store_n(&work->is_pending, false, __ATOMIC_RELEASE); // the caller's from here on
    }
}

bool remote_is_called(const struct percpu *cpu)
{
    return cpu->remote.taken || __atomic_load_n(&cpu->remote.first, __ATOMIC_SEQ_CST);
}

// A waiting processor does others' work, or two that wait for each other would for ever.
static void run_for_others(void)
{
    uintptr_t state = arch_irq_save();
    if (remote_is_called(this_cpu()))
        remote_run();
    arch_irq_restore(state);
    arch_pause();
}

// Time in which this processor hasn't run, as a part of a paused machine, doesn't count.
static void wait(const struct percpu *cpu, const struct remote_work *work)
{
    enum { SPINS_A_LOOK = 4096 };
    uint64_t waited = 0, last = 0;
    for (unsigned spins = 1; remote_is_pending(work); spins++) {
        run_for_others();
        if (spins % SPINS_A_LOOK)
            continue;
        uint64_t now = clock_ns();
        waited += last && now - last < GAP_NS ? now - last : 0;
        last = now;
        if (aside_gives_up(waited))
            return;
        if (waited > PATIENCE_NS)
            panic("CPU %u doesn't answer a remote call", cpu->cpu);
    }
}

static void push(struct percpu *cpu, struct remote_work *work, remote_function *run, void *argument)
{
    struct remote_work **first = &cpu->remote.first;
    struct remote_work *before = __atomic_load_n(first, __ATOMIC_RELAXED);
    work->run = run;
    work->argument = argument;
    work->is_pending = true;
    do
        work->next = before;
    while (!__atomic_compare_exchange_n(first, &before, work, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
    if (!before) // `work` is the other processor's by now
        arch_send_call(cpu);
}

static struct percpu *find_online(uint32_t cpu)
{
    struct percpu *found = percpu_get(cpu);
    return found && __atomic_load_n(&found->is_online, __ATOMIC_ACQUIRE) ? found : NULL;
}

enum status remote_call(uint32_t cpu, remote_function *run, void *argument)
{
    struct remote_work work;
    uintptr_t state = arch_irq_save();
    struct percpu *called = find_online(cpu);
    bool is_own = called == this_cpu();
    if (is_own)
        run(argument);
    else if (called)
        push(called, &work, run, argument);
    arch_irq_restore(state);
    if (!called || is_own)
        return called ? OK : NOT_FOUND;
    lock_check_may_call();
    wait(called, &work);
    return OK;
}

bool remote_post(uint32_t cpu, struct remote_work *work, remote_function *run, void *argument)
{
    struct percpu *called = find_online(cpu);
    if (!called || remote_is_pending(work))
        return false;
    uintptr_t state = arch_irq_save(); // whoever finds the list not empty relies on the interrupt
    push(called, work, run, argument);
    arch_irq_restore(state);
    return true;
}

static void begin_broadcast(void)
{
    struct percpu *own = this_cpu(), *nobody = NULL;
    while (!__atomic_compare_exchange_n(&broadcaster, &nobody, own, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        ASSERT(nobody != own); // a call that came while it waits for its own broadcast
        nobody = NULL;
        run_for_others();
    }
}

void remote_call_all(remote_function *run, void *argument)
{
    lock_check_may_call();
    if (remote_online() == 1)
        return;
    uintptr_t state = arch_irq_save(); // nobody else's broadcast begins in an interrupt meanwhile
    begin_broadcast();
    uint32_t own = this_cpu()->cpu, count = percpu_count();
    for (uint32_t cpu = 0; cpu < count; cpu++) {
        struct percpu *called = cpu == own ? NULL : find_online(cpu);
        if (called)
            push(called, &called->remote.broadcast, run, argument);
    }
    for (uint32_t cpu = 0; cpu < count; cpu++)
        if (cpu != own)
            wait(percpu_get(cpu), &percpu_get(cpu)->remote.broadcast);
    __atomic_store_n(&broadcaster, NULL, __ATOMIC_RELEASE);
    arch_irq_restore(state);
}
