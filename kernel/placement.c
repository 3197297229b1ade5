// On which processor a thread runs.
//
// One that wants to run goes back to where it ran last, whose caches know it, unless that is busy
// and another is idle. A processor that has nothing to do takes from others; and one where threads
// wait looks from time to time whether another has less to do. So what can't be moved, because it
// runs or may run nowhere else, stays uneven.

#include "kernel/run_queue.h"

static struct cpu_set idle_cpus; // hints: a processor looks for itself before it believes them

void placement_note_idle(const struct percpu *cpu, bool is_idle)
{
    if (cpu->cpu >= CPU_SET_MAX)
        return;
    uint64_t *word = &idle_cpus.words[cpu->cpu / 64], bit = 1ull << cpu->cpu % 64;
    if (is_idle)
        __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED);
}

static bool is_online(const struct percpu *cpu)
{
    return __atomic_load_n(&cpu->is_online, __ATOMIC_ACQUIRE);
}

static struct percpu *first_of(const struct cpu_set *set, const struct cpu_set *among)
{
    uint32_t last = percpu_count() - 1;
    for (uint32_t i = 0; i <= last / 64 && i < CPU_SET_MAX / 64; i++) {
        uint64_t both = set->words[i] & __atomic_load_n(&among->words[i], __ATOMIC_RELAXED);
        for (; both; both &= both - 1) {
            struct percpu *cpu = percpu_get(i * 64 + (unsigned)__builtin_ctzll(both));
            if (cpu && is_online(cpu))
                return cpu;
        }
    }
    return NULL;
}

static bool is_busy(const struct percpu *cpu)
{
    return __atomic_load_n(&cpu->scheduler.runnable, __ATOMIC_RELAXED);
}

struct percpu *placement_choose(const struct thread *thread, struct percpu *home)
{
    bool may_stay = cpu_set_has(&thread->cpus, home->cpu);
    if (may_stay && !is_busy(home))
        return home;
    struct percpu *idle = first_of(&thread->cpus, &idle_cpus);
    if (idle && !is_busy(idle))
        return idle;
    if (may_stay)
        return home;
    struct percpu *any = first_of(&thread->cpus, &thread->cpus);
    return any ? any : home;
}

// --- Evening out ---------------------------------------------------------------------------------

static bool may_go(const struct fair_entity *fair, void *context)
{
    const struct percpu *target = context;
    return cpu_set_has(&thread_of((struct fair_entity *)fair)->cpus, target->cpu);
}

static struct thread *find_real_time(const struct scheduler_cpu *queue, struct percpu *target)
{
    for (uint32_t left = queue->priorities; left; left &= left - 1) {
        const struct list *waiting = &queue->real_time[__builtin_ctz(left)];
        LIST_FOREACH(struct thread, thread, waiting, waiting)
        if (cpu_set_has(&thread->cpus, target->cpu))
            return thread;
    }
    return NULL;
}

static struct thread *find_movable(const struct scheduler_cpu *queue, struct percpu *target)
{
    struct thread *thread = find_real_time(queue, target);
    if (thread)
        return thread;
    struct fair_entity *fair = fair_find(&queue->fair, may_go, target);
    return fair ? thread_of(fair) : NULL;
}

// True: one has been taken from there.
static bool pull_from(struct percpu *victim, struct percpu *cpu)
{
    uintptr_t state = lock_irqsave(&victim->scheduler.lock);
    struct thread *thread = find_movable(&victim->scheduler, cpu);
    if (thread) {
        queue_remove(&victim->scheduler, thread);
        scheduler_move(thread, cpu);
    }
    unlock_irqrestore(&victim->scheduler.lock, state);
    if (thread)
        scheduler_arrive(thread);
    return thread;
}

void placement_pull(struct percpu *cpu)
{
    unsigned count = percpu_count();
    for (unsigned i = 1; i < count; i++) {
        struct percpu *victim = percpu_get((cpu->cpu + i) % count);
        if (__atomic_load_n(&victim->scheduler.runnable, __ATOMIC_RELAXED) < 2 ||
            !pull_from(victim, cpu))
            continue;
        cpu->scheduler.pulls++;
        return;
    }
}

static uint64_t load_of(const struct percpu *cpu)
{
    return __atomic_load_n(&cpu->scheduler.fair.weight, __ATOMIC_RELAXED);
}

static struct percpu *least_loaded(const struct percpu *cpu)
{
    struct percpu *least = NULL;
    for (unsigned i = 0, count = percpu_count(); i < count && i < CPU_SET_MAX; i++) {
        struct percpu *other = percpu_get(i);
        if (other != cpu && is_online(other) && (!least || load_of(other) < load_of(least)))
            least = other;
    }
    return least;
}

struct comparison {
    struct percpu *target;
    uint64_t more; // by so much this processor has more to do
};

// Whether both are closer to each other then.
static bool evens_out(const struct fair_entity *fair, void *context)
{
    const struct comparison *comparison = context;
    return fair->weight < comparison->more && may_go(fair, comparison->target);
}

struct thread *placement_push(struct percpu *cpu)
{
    struct comparison comparison = {.target = least_loaded(cpu)};
    if (!comparison.target || load_of(cpu) <= load_of(comparison.target))
        return NULL;
    comparison.more = load_of(cpu) - load_of(comparison.target);
    struct fair_entity *fair = fair_find(&cpu->scheduler.fair, evens_out, &comparison);
    if (!fair)
        return NULL;
    queue_remove(&cpu->scheduler, thread_of(fair));
    scheduler_move(thread_of(fair), comparison.target);
    cpu->scheduler.pushes++;
    return thread_of(fair);
}
