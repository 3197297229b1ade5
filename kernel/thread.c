// Threads come and go.
//
// A thread has one reference of whoever has created it, and one of its own while it lives. When the
// last one goes, what it was made of, the struct and the stack, is kept for the next: mapping and
// unmapping a stack costs more than all the rest.

#include "kernel/thread.h"
#include "kernel/idle.h"
#include "kernel/panic.h"
#include "kernel/run_queue.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vspace.h"

enum { KEPT_MAX = 16 };

static struct list all = LIST_EMPTY(all); // by id
static uint32_t last_id;
static struct list kept = LIST_EMPTY(kept); // not in use, with a stack
static unsigned kept_count;
static struct lock lock; // of all of these, and of `joiner` and `has_ended` of each thread

static struct thread boot_thread, boot_idle;
static uint8_t boot_idle_stack[THREAD_STACK_SIZE] __attribute__((aligned(16)));

// --- What it is made of --------------------------------------------------------------------------

static struct thread *take_kept(void)
{
    struct thread *thread = NULL;
    uintptr_t state = lock_irqsave(&lock);
    if (kept_count) {
        thread = LIST_FIRST(struct thread, &kept, all);
        list_remove(&thread->all);
        kept_count--;
    }
    unlock_irqrestore(&lock, state);
    return thread;
}

// The range of its stack is named by the thread's own name, whichever that is.
static struct thread *make_new(void)
{
    struct thread *thread = kmalloc(sizeof(*thread));
    if (!thread)
        return NULL;
    thread->name[0] = 0;
    thread->stack_top = vspace_stack_create(THREAD_STACK_SIZE, thread->name);
    if (thread->stack_top)
        return thread;
    kfree(thread);
    return NULL;
}

static void destroy(struct thread *thread)
{
    uintptr_t state = lock_irqsave(&lock);
    list_remove(&thread->all);
    list_add_first(&kept, &thread->all);
    kept_count++;
    unlock_irqrestore(&lock, state);
}

bool threads_reap(void)
{
    struct thread *threads[VSPACE_STACKS_MAX];
    void *stacks[VSPACE_STACKS_MAX];
    unsigned count = 0;
    while (count < VSPACE_STACKS_MAX && __atomic_load_n(&kept_count, __ATOMIC_RELAXED) > KEPT_MAX) {
        struct thread *thread = take_kept();
        if (!thread)
            break;
        stacks[count] = thread->stack_top;
        threads[count++] = thread;
    }
    vspace_stacks_destroy(stacks, count);
    for (unsigned i = 0; i < count; i++)
        kfree(threads[i]); // NOLINT(clang-analyzer-unix.Malloc): each was kept once
    return count;
}

// --- Coming --------------------------------------------------------------------------------------

static uintptr_t make_canary(void)
{
    const uint64_t golden = 0x9e3779b97f4a7c15;
    return (arch_own_percpu()->stack_canary ^ arch_ticks()) * golden & ~0xffull; // ends strings
}

static void set_name(struct thread *thread, const char *name)
{
    size_t length = strlen(name);
    (void)string_copy(thread->name, sizeof(thread->name), name,
                      length < THREAD_NAME_MAX ? length : THREAD_NAME_MAX);
}

static void prepare(struct thread *thread, const char *name)
{
    struct percpu *cpu = arch_percpu();
    *thread = (struct thread){
        .canary = make_canary(),
        .home = cpu,
        .schedule = SCHEDULE_DEFAULT,
        .cpus = cpu_set_all(),
        .is_plain = true,
        .turn_left = scheduler_times.turn,
        .references = 1,
        .stack_top = thread->stack_top,
    };
    set_name(thread, name);
    fair_set(&thread->fair, FAIR_WEIGHT, scheduler_slice(SLICE_US));
    uintptr_t state = lock_irqsave(&lock);
    thread->id = ++last_id;
    list_add_last(&all, &thread->all);
    unlock_irqrestore(&lock, state);
}

// Where each begins, with interrupts off.
static void thread_begin(void)
{
    scheduler_begin();
    struct thread *self = thread_self();
    thread_exit(self->run(self->argument));
}

struct thread *thread_create(const char *name, thread_function *run, void *argument)
{
    struct thread *thread = take_kept();
    if (!thread)
        thread = make_new();
    if (!thread)
        return NULL;
    prepare(thread, name);
    thread->run = run;
    thread->argument = argument;
    thread->stack_pointer = arch_thread_prepare(thread->stack_top, thread_begin);
    return thread;
}

struct thread *thread_create_on(uint32_t cpu, const char *name, thread_function *run,
                                void *argument)
{
    struct cpu_set cpus = cpu_set_one(cpu);
    struct thread *thread = thread_create(name, run, argument);
    if (thread && thread_set_cpus(thread, &cpus) != OK)
        panic("thread %s can't run on CPU %u", name, cpu);
    return thread;
}

void thread_start(struct thread *thread)
{
    ASSERT(thread->state == THREAD_NEW);
    thread_get(thread);
    thread->started = thread->cap_start = scheduler_ticks();
    uintptr_t state;
    struct percpu *home = scheduler_lock_home_irqsave(thread, &state);
    thread->fair.time = home->scheduler.fair.average;
    scheduler_move(thread, placement_choose(thread, home));
    thread->moves = 0;
    unlock_irqrestore(&home->scheduler.lock, state);
    scheduler_arrive(thread);
    thread_preempt();
}

// --- Going ---------------------------------------------------------------------------------------

void thread_exit(enum status result)
{
    struct thread *self = thread_self();
    ASSERT(self->schedule.class != SCHEDULE_IDLE && self != &boot_thread);
    self->result = result;
    uintptr_t state = lock_irqsave(&lock);
    self->has_ended = true;
    if (self->joiner)
        thread_unpark_locked(self->joiner);
    unlock_irqrestore(&lock, state);
    (void)arch_irq_save();
    struct percpu *cpu = this_cpu();
    lock_acquire(&cpu->scheduler.lock);
    uint64_t now = scheduler_ticks();
    (void)queue_charge(&cpu->scheduler, self, now);
    self->state = THREAD_DEAD;
    scheduler_stop_running(cpu, now);
    panic("thread %s has come back", self->name);
}

// Returns whether it has ended already.
static bool enter_as_joiner(struct thread *thread)
{
    uintptr_t state = lock_irqsave(&lock);
    bool has_ended = thread->has_ended;
    ASSERT(!thread->joiner || has_ended); // one at a time
    thread->joiner = has_ended ? NULL : thread_self();
    unlock_irqrestore(&lock, state);
    return has_ended;
}

static bool leave_as_joiner(struct thread *thread)
{
    uintptr_t state = lock_irqsave(&lock);
    bool has_ended = thread->has_ended;
    thread->joiner = NULL;
    unlock_irqrestore(&lock, state);
    return has_ended;
}

static bool has_ended(const struct thread *thread)
{
    return __atomic_load_n(&thread->has_ended, __ATOMIC_ACQUIRE);
}

enum status thread_join(struct thread *thread)
{
    if (!enter_as_joiner(thread)) {
        while (!has_ended(thread))
            (void)thread_park(TIMER_NEVER);
        (void)leave_as_joiner(thread); // whoever unparks this thread has done so then
    }
    enum status result = thread->result;
    thread_put(thread);
    return result;
}

enum status thread_join_until(struct thread *thread, uint64_t deadline_ns, enum status *result)
{
    enum status status = OK;
    if (!enter_as_joiner(thread)) {
        while (status == OK && !has_ended(thread))
            status = thread_is_interrupted() ? INTERRUPTED : thread_park(deadline_ns);
        if (leave_as_joiner(thread))
            status = OK;
    }
    if (status != OK)
        return status;
    *result = thread->result;
    thread_put(thread);
    return OK;
}

void thread_detach(struct thread *thread)
{
    thread_put(thread);
}

struct thread *thread_get(struct thread *thread)
{
    __atomic_fetch_add(&thread->references, 1, __ATOMIC_RELAXED);
    return thread;
}

void thread_put(struct thread *thread)
{
    if (__atomic_sub_fetch(&thread->references, 1, __ATOMIC_ACQ_REL) == 0)
        destroy(thread);
}

// --- Finding -------------------------------------------------------------------------------------

// One whose last reference is gone is about to leave the list.
static bool try_get(struct thread *thread)
{
    uint32_t count = __atomic_load_n(&thread->references, __ATOMIC_RELAXED);
    while (count && !__atomic_compare_exchange_n(&thread->references, &count, count + 1, true,
                                                 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        ;
    return count;
}

struct thread *thread_next(uint32_t id)
{
    struct thread *found = NULL;
    uintptr_t state = lock_irqsave(&lock);
    LIST_FOREACH(struct thread, thread, &all, all)
    {
        if (thread->id < id || !try_get(thread))
            continue;
        found = thread;
        break;
    }
    unlock_irqrestore(&lock, state);
    return found;
}

const struct thread *thread_peek(const struct thread *before)
{
    const struct list *next = before ? before->all.next : all.next;
    return next == &all ? NULL : LIST_ENTRY(struct thread, all, next);
}

struct thread *thread_self(void)
{
    return arch_own_percpu()->current;
}

const char *thread_name(const struct thread *thread)
{
    return thread->name;
}

uint32_t thread_id(const struct thread *thread)
{
    return thread->id;
}

// --- Start ---------------------------------------------------------------------------------------

// What runs already, on its processor's first stack, whose canary it keeps.
static void adopt(struct thread *thread, struct percpu *cpu)
{
    thread->canary = cpu->stack_canary;
    thread->home = cpu;
    thread->state = THREAD_RUNNABLE;
    thread->since = thread->started = scheduler_ticks();
    cpu->current = thread;
}

void thread_boot(void)
{
    prepare(&boot_thread, "main");
    adopt(&boot_thread, this_cpu());
    scheduler_queue_init(this_cpu());
    boot_thread.cpus = cpu_set_one(0);
    queue_add(&this_cpu()->scheduler, &boot_thread);
    (void)queue_take(&this_cpu()->scheduler, boot_thread.since);
}

// Its first time on a queue is like any other's.
static void make_idle(struct thread *thread, struct percpu *cpu)
{
    char name[THREAD_NAME_MAX + 1];
    snprintf(name, sizeof(name), "idle/%u", cpu->cpu);
    prepare(thread, name);
    thread->schedule.class = SCHEDULE_IDLE;
    thread->is_plain = false;
    thread->started = scheduler_ticks();
    thread->home = cpu;
    thread->cpus = cpu_set_one(cpu->cpu);
    thread->state = THREAD_RUNNABLE;
    cpu->scheduler.idle = thread;
}

enum status scheduler_cpu_init(struct percpu *cpu)
{
    struct thread *idle = kcalloc(1, sizeof(*idle));
    if (!idle)
        return NO_MEMORY;
    scheduler_queue_init(cpu);
    make_idle(idle, cpu);
    adopt(idle, cpu);
    return OK;
}

void threads_init(void)
{
    scheduler_set_times();
    fair_set(&boot_thread.fair, FAIR_WEIGHT, scheduler_slice(SLICE_US));
    struct thread *idle = make_new();
    if (!idle) { // nothing goes without this one
        idle = &boot_idle;
        idle->stack_top = boot_idle_stack + sizeof(boot_idle_stack);
    }
    make_idle(idle, this_cpu());
    idle->stack_pointer = arch_thread_prepare(idle->stack_top, idle_run);
}
