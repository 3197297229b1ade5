// Work for later.
//
// Whoever sets `is_posted` owns the work's link and chooses its queue: the one where it runs, if it
// does, so that it never runs twice at a time; whoever takes it out of a queue clears it. All else
// is under the queue's lock. Serial numbers grow along a queue: so it is known what is over.

#include "kernel/work.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"
#include "kernel/wait.h"
#include "lib/format.h"
#include "mm/slab.h"

enum { SOON_PRIORITY = 16 };

struct work_queue {
    struct wait_queue over; // who waits for something to be over; its lock is the queue's
    struct thread *thread;
    struct work *first, *last; // that wait
    struct work *running;
    uint64_t running_serial, last_serial;
};

static struct work_queue *queues; // of processor 0: WORK_KINDS of them, then those of 1
static unsigned queue_cpus;

static struct work_queue *queue_of(uint32_t cpu, enum work_kind kind)
{
    struct work_queue *queue = &queues[cpu * WORK_KINDS + kind];
    return cpu < queue_cpus && queue->thread ? queue : NULL;
}

// --- Running it ----------------------------------------------------------------------------------

// The work isn't looked at any more when its function has been called: it may be gone.
static void run_first(struct work_queue *queue, uintptr_t *state)
{
    struct work *work = queue->first;
    queue->first = work->next;
    queue->running = work;
    queue->running_serial = work->serial;
    __atomic_store_n(&work->is_posted, false, __ATOMIC_RELEASE);
    unlock_irqrestore(&queue->over.lock, *state);
    work->run(work->context);
    *state = lock_irqsave(&queue->over.lock);
    queue->running = NULL;
    wait_grant_all(&queue->over);
}

noreturn static enum status serve(void *argument)
{
    struct work_queue *queue = argument;
    for (;;) {
        uintptr_t state = lock_irqsave(&queue->over.lock);
        while (queue->first)
            run_first(queue, &state);
        unlock_irqrestore(&queue->over.lock, state);
        (void)thread_park(TIMER_NEVER);
    }
}

// --- Posting -------------------------------------------------------------------------------------

void work_prepare(struct work *work, enum work_kind kind, work_function *run, void *context)
{
    *work = (struct work){.kind = kind, .run = run, .context = context};
}

static void append(struct work_queue *queue, struct work *work)
{
    work->next = NULL;
    work->serial = ++queue->last_serial;
    *(queue->first ? &queue->last->next : &queue->first) = work;
    queue->last = work;
    __atomic_store_n(&work->queue, queue, __ATOMIC_RELEASE);
    thread_unpark_locked(queue->thread);
}

// Where it runs, if it does.
static bool append_where_it_runs(struct work *work)
{
    struct work_queue *queue = __atomic_load_n(&work->queue, __ATOMIC_ACQUIRE);
    if (!queue)
        return false;
    uintptr_t state = lock_irqsave(&queue->over.lock);
    bool runs = queue->running == work;
    if (runs)
        append(queue, work);
    unlock_irqrestore(&queue->over.lock, state);
    return runs;
}

bool work_post_on(uint32_t cpu, struct work *work)
{
    struct work_queue *queue = queue_of(cpu, work->kind);
    if (!queue || __atomic_exchange_n(&work->is_posted, true, __ATOMIC_ACQ_REL))
        return false;
    if (!append_where_it_runs(work)) {
        uintptr_t state = lock_irqsave(&queue->over.lock);
        append(queue, work);
        unlock_irqrestore(&queue->over.lock, state);
    }
    thread_preempt();
    return true;
}

bool work_post(struct work *work)
{
    return work_post_on(arch_own_percpu()->cpu, work);
}

// --- Waiting for it ------------------------------------------------------------------------------

// Locks the queue that it is in, or was last; NULL: it has never been posted.
static struct work_queue *lock_queue(struct work *work, uintptr_t *state)
{
    for (;;) {
        struct work_queue *queue = __atomic_load_n(&work->queue, __ATOMIC_ACQUIRE);
        if (!queue)
            return NULL;
        *state = lock_irqsave(&queue->over.lock);
        if (__atomic_load_n(&work->queue, __ATOMIC_RELAXED) == queue)
            return queue;
        unlock_irqrestore(&queue->over.lock, *state);
    }
}

static bool take_out(struct work_queue *queue, struct work *work)
{
    struct work *before = NULL;
    for (struct work *at = queue->first; at; before = at, at = at->next) {
        if (at != work)
            continue;
        *(before ? &before->next : &queue->first) = work->next;
        if (queue->last == work)
            queue->last = before;
        __atomic_store_n(&work->is_posted, false, __ATOMIC_RELEASE);
        wait_grant_all(&queue->over); // it may be what they wait for
        return true;
    }
    return false;
}

static bool is_over(const struct work_queue *queue, uint64_t serial)
{
    return (!queue->running || queue->running_serial > serial) &&
           (!queue->first || queue->first->serial > serial);
}

static void wait_until_over(struct work_queue *queue, uint64_t serial, uintptr_t *state)
{
    ASSERT(thread_self() != queue->thread);
    while (!is_over(queue, serial))
        (void)wait_on(&queue->over, state, WAIT_FOR_EVER);
}

bool work_cancel(struct work *work)
{
    uintptr_t state;
    struct work_queue *queue = lock_queue(work, &state);
    if (!queue)
        return false;
    bool was_waiting = take_out(queue, work);
    if (queue->running == work)
        wait_until_over(queue, queue->running_serial, &state);
    unlock_irqrestore(&queue->over.lock, state);
    return was_waiting;
}

void work_flush(struct work *work)
{
    uintptr_t state;
    struct work_queue *queue = lock_queue(work, &state);
    if (!queue)
        return;
    wait_until_over(queue, work->serial, &state);
    unlock_irqrestore(&queue->over.lock, state);
}

// --- Work at a time ------------------------------------------------------------------------------

// Behind what is missed already.
static uint64_t next_deadline(struct timed_work *work, uint64_t period_ns)
{
    uint64_t missed = (clock_ns() - work->deadline_ns) / period_ns;
    work->missed += missed;
    work->deadline_ns += (missed + 1) * period_ns;
    return work->deadline_ns;
}

static void run_timer(void *context)
{
    struct timed_work *work = context;
    uint64_t period_ns = __atomic_load_n(&work->period_ns, __ATOMIC_RELAXED);
    if (period_ns)
        timer_arm(&work->timer, next_deadline(work, period_ns));
    (void)work_post(&work->work);
}

void timed_work_prepare(struct timed_work *work, enum work_kind kind, work_function *run,
                        void *context, const char *name)
{
    *work = (struct timed_work){0};
    work_prepare(&work->work, kind, run, context);
    timer_init(&work->timer, run_timer, work, name);
}

void timed_work_start(struct timed_work *work, uint64_t deadline_ns, uint64_t period_ns)
{
    timed_work_stop(work);
    bool is_short = period_ns && period_ns < TIMED_WORK_PERIOD_MIN_NS;
    work->period_ns = is_short ? TIMED_WORK_PERIOD_MIN_NS : period_ns;
    work->deadline_ns = deadline_ns;
    timer_arm(&work->timer, deadline_ns);
}

static void stop_timer(struct timed_work *work)
{
    __atomic_store_n(&work->period_ns, 0, __ATOMIC_RELAXED);
    (void)timer_cancel(&work->timer);
}

void timed_work_stop(struct timed_work *work)
{
    uintptr_t state;
    stop_timer(work);
    struct work_queue *queue = lock_queue(&work->work, &state);
    if (!queue)
        return;
    (void)take_out(queue, &work->work);
    unlock_irqrestore(&queue->over.lock, state);
}

bool timed_work_cancel(struct timed_work *work)
{
    stop_timer(work);
    return work_cancel(&work->work);
}

// --- Start ---------------------------------------------------------------------------------------

static enum status start_thread(uint32_t cpu, enum work_kind kind)
{
    static const char *const names[WORK_KINDS] = {"work", "soon"};
    struct work_queue *queue = &queues[cpu * WORK_KINDS + kind];
    struct schedule schedule = SCHEDULE_DEFAULT;
    char name[THREAD_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s/%u", names[kind], cpu);
    struct thread *thread = thread_create_on(cpu, name, serve, queue);
    if (!thread)
        return NO_MEMORY;
    schedule.class = kind == WORK_SOON ? SCHEDULE_REAL_TIME : SCHEDULE_FAIR;
    schedule.priority = SOON_PRIORITY;
    enum status status = thread_set_schedule(thread, &schedule);
    ASSERT(status == OK);
    thread_start(thread);
    queue->thread = thread;
    return OK;
}

void work_init(void)
{
    unsigned count = percpu_count() < CPU_SET_MAX ? percpu_count() : CPU_SET_MAX;
    enum status status = OK;
    queues = kcalloc(count, WORK_KINDS * sizeof(*queues));
    queue_cpus = queues ? count : 0;
    for (uint32_t cpu = 0; status == OK && cpu < queue_cpus; cpu++)
        for (enum work_kind kind = 0; kind < WORK_KINDS; kind++)
            if (status == OK && percpu_get(cpu)->is_online)
                status = start_thread(cpu, kind);
    if (!queues || status != OK)
        log_error("work: no memory for the threads of all processors");
}
