// What threads wait for: nobody is forgotten, nobody comes in twice, and every wait ends as it
// should.

#include "kernel/clock.h"
#include "kernel/completion.h"
#include "kernel/condition.h"
#include "kernel/mutex.h"
#include "kernel/percpu.h"
#include "kernel/semaphore.h"
#include "kernel/test.h"
#include "kernel/thread.h"
#include "lib/compiler.h"

#define MS     1000000ull
#define LONG   (clock_ns() + 60000 * MS) // a deadline that is never met
#define LATEST (MS / 2)                  // that the best of several wake-ups may come late

static struct thread *start(thread_function *run, void *argument)
{
    struct thread *thread = thread_create("waiter", run, argument);
    if (thread)
        thread_start(thread);
    return thread;
}

static struct thread *start_on(uint32_t cpu, thread_function *run, void *argument)
{
    struct thread *thread = thread_create_on(cpu, "waiter", run, argument);
    if (thread)
        thread_start(thread);
    return thread;
}

// --- Wake-ups ------------------------------------------------------------------------------------

// Two semaphores, and a pause in between that is never the same, so that who waits is met at each
// of his instructions. Many pairs at once: a processor that waits for another has others to run.
enum { PAIRS = 16, ROUNDS = 1000000 / 2 / PAIRS }; // of two wake-ups each

struct race {
    struct semaphore to, fro;
};

static void hesitate(unsigned round)
{
    for (unsigned i = round * 2654435761u >> 27; i; i--)
        compiler_barrier();
}

static enum status ask(void *argument)
{
    struct race *race = argument;
    enum status status = OK;
    for (unsigned i = 0; i < ROUNDS && status == OK; i++) {
        semaphore_up(&race->to);
        hesitate(~i);
        status = semaphore_down_until(&race->fro, LONG);
    }
    return status;
}

static enum status answer(void *argument)
{
    struct race *race = argument;
    enum status status = OK;
    for (unsigned i = 0; i < ROUNDS && status == OK; i++) {
        status = semaphore_down_until(&race->to, LONG);
        hesitate(i);
        semaphore_up(&race->fro);
    }
    return status;
}

KTEST(waiting, loses_no_wakeup_in_a_million_races)
{
    static struct race races[PAIRS];
    struct thread *threads[2 * PAIRS];
    for (unsigned i = 0; i < PAIRS; i++) {
        races[i] = (struct race){0};
        KTEST_CHECK((threads[2 * i] = start_on(0, ask, &races[i])));
        KTEST_CHECK((threads[2 * i + 1] = start_on(percpu_count() - 1, answer, &races[i])));
    }
    unsigned finished = 0;
    for (unsigned i = 0; i < 2 * PAIRS; i++)
        finished += thread_join(threads[i]) == OK;
    KTEST_EQUAL(finished, 2 * PAIRS);
}

// --- Mutexes -------------------------------------------------------------------------------------

enum { THREADS = 8, TURNS = 20000 };

struct shared {
    struct mutex mutex;
    volatile uint64_t count; // not atomic
    volatile bool is_inside;
    uintptr_t left_by; // a thread's address, where another waited
    bool has_met, stop;
};

static void enter(struct shared *shared, unsigned turn)
{
    mutex_lock(&shared->mutex);
    shared->has_met |= shared->is_inside;
    shared->is_inside = true;
    shared->count++;
    if (turn % 64 == 0)
        thread_yield();
    shared->is_inside = false;
    mutex_unlock(&shared->mutex);
}

static enum status count_up(void *argument)
{
    for (unsigned i = 0; i < TURNS; i++)
        enter(argument, i);
    return OK;
}

KTEST(waiting, a_mutex_lets_one_in_at_a_time)
{
    static struct shared shared;
    struct thread *threads[THREADS];
    shared = (struct shared){0};
    for (unsigned i = 0; i < THREADS; i++)
        KTEST_CHECK((threads[i] = start(count_up, &shared)));
    for (unsigned i = 0; i < THREADS; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    KTEST_EQUAL(shared.count, THREADS * TURNS);
    KTEST_CHECK(!shared.has_met);
    KTEST_EQUAL(shared.mutex.owner, 0);
}

static enum status play(void *argument)
{
    struct shared *shared = argument;
    uintptr_t self = (uintptr_t)thread_self();
    while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
        mutex_lock(&shared->mutex);
        shared->has_met |= shared->left_by == self; // though another waited
        thread_yield();
        bool another_waits = __atomic_load_n(&shared->mutex.owner, __ATOMIC_RELAXED) != self;
        shared->left_by = another_waits ? self : 0;
        shared->count += another_waits;
        mutex_unlock(&shared->mutex);
    }
    return OK;
}

// Whoever lets a mutex go for which others wait doesn't get it again before them.
KTEST(waiting, a_mutex_goes_from_one_to_the_other)
{
    static struct shared shared;
    struct thread *threads[2];
    shared = (struct shared){0};
    for (unsigned i = 0; i < 2; i++)
        KTEST_CHECK((threads[i] = start(play, &shared)));
    for (uint64_t end_ns = LONG; shared.count < 1000 && clock_ns() < end_ns;)
        sleep_ns(10 * MS);
    __atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 2; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    KTEST_CHECK(shared.count >= 1000);
    KTEST_CHECK(!shared.has_met);
}

static enum status hold_it(void *argument)
{
    struct shared *shared = argument;
    mutex_lock(&shared->mutex);
    while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
        sleep_ns(MS);
    mutex_unlock(&shared->mutex);
    return OK;
}

// Who has the mutex until `stop`.
static struct thread *start_holder(struct shared *shared)
{
    *shared = (struct shared){0};
    struct thread *holder = start(hold_it, shared);
    while (holder && !__atomic_load_n(&shared->mutex.owner, __ATOMIC_RELAXED))
        sleep_ns(MS);
    return holder;
}

KTEST(waiting, a_mutex_forgets_who_gave_up)
{
    static struct shared shared;
    struct thread *holder = start_holder(&shared);
    KTEST_CHECK(holder);
    KTEST_CHECK(!mutex_try_lock(&shared.mutex));
    KTEST_EQUAL(mutex_lock_until(&shared.mutex, clock_ns() + MS), TIMED_OUT);
    KTEST_EQUAL(shared.mutex.owner, (uintptr_t)holder);
    __atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
    KTEST_EQUAL(mutex_lock_until(&shared.mutex, LONG), OK);
    KTEST_CHECK(mutex_is_own(&shared.mutex));
    mutex_unlock(&shared.mutex);
    KTEST_EQUAL(thread_join(holder), OK);
    KTEST_EQUAL(shared.mutex.owner, 0);
}

// --- How waits end -------------------------------------------------------------------------------

// All the kinds of waiting, each for what doesn't come.
enum { KINDS = 5 };

struct patient {
    unsigned kind;
    uint64_t deadline_ns;
    struct shared *shared;
    struct semaphore semaphore;
    struct completion completion;
    struct condition condition;
    struct mutex own;
    enum status again;
};

static enum status wait_with_a_deadline(struct patient *patient, uint64_t deadline_ns)
{
    enum status status = OK;
    switch (patient->kind) {
    case 0:
        return mutex_lock_until(&patient->shared->mutex, deadline_ns);
    case 1:
        return semaphore_down_until(&patient->semaphore, deadline_ns);
    case 2:
        return completion_wait_until(&patient->completion, deadline_ns);
    case 3:
        mutex_lock(&patient->own);
        status = condition_wait_until(&patient->condition, &patient->own, deadline_ns);
        if (!mutex_is_own(&patient->own))
            return FAILED;
        mutex_unlock(&patient->own);
        return status;
    default:
        while (status == OK)
            status = thread_park(deadline_ns);
        return status;
    }
}

KTEST(waiting, ends_in_time)
{
    static struct shared shared;
    struct thread *holder = start_holder(&shared);
    KTEST_CHECK(holder);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct patient patient = {.kind = kind, .shared = &shared};
        uint64_t best = UINT64_MAX;
        for (unsigned i = 0; i < 10; i++) {
            uint64_t deadline_ns = clock_ns() + 2 * MS;
            KTEST_EQUAL(wait_with_a_deadline(&patient, deadline_ns), TIMED_OUT);
            uint64_t now = clock_ns();
            KTEST_CHECK(now >= deadline_ns);
            best = now - deadline_ns < best ? now - deadline_ns : best;
        }
        KTEST_CHECK(best < LATEST);
        KTEST_EQUAL(wait_with_a_deadline(&patient, 0), TIMED_OUT); // long past
    }
    __atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
    KTEST_EQUAL(thread_join(holder), OK);
}

static enum status be_interrupted(void *argument)
{
    struct patient *patient = argument;
    enum status first = wait_with_a_deadline(patient, LONG);
    enum status second = wait_with_a_deadline(patient, LONG); // it holds on
    thread_clear_interrupt();
    patient->again = wait_with_a_deadline(patient, clock_ns() + MS);
    return first == second ? first : FAILED;
}

KTEST(waiting, is_interrupted)
{
    static struct shared shared;
    struct thread *holder = start_holder(&shared);
    KTEST_CHECK(holder);
    for (unsigned kind = 0; kind + 1 < KINDS; kind++) { // who parks looks himself
        struct patient patient = {.kind = kind, .shared = &shared};
        struct thread *thread = start(be_interrupted, &patient);
        KTEST_CHECK(thread);
        sleep_ns(kind % 2 * 5 * MS); // when it waits, or before it does
        thread_interrupt(thread);
        KTEST_EQUAL(thread_join(thread), INTERRUPTED);
        KTEST_EQUAL(patient.again, TIMED_OUT);
    }
    __atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
    KTEST_EQUAL(thread_join(holder), OK);
}

// --- Completions and conditions ------------------------------------------------------------------

static enum status wait_for_completion(void *argument)
{
    completion_wait(argument);
    return OK;
}

KTEST(waiting, a_completion_is_for_all)
{
    static struct completion completion;
    struct thread *threads[THREADS];
    completion = (struct completion){0};
    KTEST_CHECK(!completion_is_done(&completion));
    for (unsigned i = 0; i < THREADS; i++)
        KTEST_CHECK((threads[i] = start(wait_for_completion, &completion)));
    sleep_ns(5 * MS);
    completion_signal(&completion);
    for (unsigned i = 0; i < THREADS; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    KTEST_CHECK(completion_is_done(&completion));
    completion_wait(&completion); // is over at once
    completion_reset(&completion);
    KTEST_EQUAL(completion_wait_until(&completion, clock_ns() + MS), TIMED_OUT);
}

struct box {
    struct mutex mutex;
    struct condition changed;
    unsigned tickets, waiting, served;
};

static enum status take_ticket(void *argument)
{
    struct box *box = argument;
    mutex_lock(&box->mutex);
    box->waiting++;
    while (!box->tickets)
        condition_wait(&box->changed, &box->mutex);
    box->tickets--;
    box->served++;
    mutex_unlock(&box->mutex);
    return OK;
}

static unsigned served(struct box *box)
{
    sleep_ns(10 * MS);
    mutex_lock(&box->mutex);
    unsigned count = box->served;
    mutex_unlock(&box->mutex);
    return count;
}

static void add_tickets(struct box *box, unsigned count)
{
    mutex_lock(&box->mutex);
    box->tickets += count;
    mutex_unlock(&box->mutex);
}

KTEST(waiting, a_condition_wakes_one_or_all)
{
    static struct box box;
    struct thread *threads[THREADS];
    box = (struct box){0};
    for (unsigned i = 0; i < THREADS; i++)
        KTEST_CHECK((threads[i] = start(take_ticket, &box)));
    while (__atomic_load_n(&box.waiting, __ATOMIC_RELAXED) < THREADS)
        sleep_ns(MS);
    KTEST_EQUAL(served(&box), 0);
    add_tickets(&box, THREADS);
    KTEST_EQUAL(served(&box), 0); // nobody has been told
    condition_signal(&box.changed);
    KTEST_EQUAL(served(&box), 1);
    condition_broadcast(&box.changed);
    for (unsigned i = 0; i < THREADS; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    KTEST_EQUAL(box.served, THREADS);
}

static enum status signal_once_it_is_free(void *argument)
{
    struct box *box = argument;
    mutex_lock(&box->mutex);
    condition_signal(&box->changed);
    mutex_unlock(&box->mutex);
    return OK;
}

// The one that signals is of real time, on the same processor, and has waited for the mutex: it
// runs as soon as that is let go.
KTEST(waiting, a_condition_hears_from_the_unlock_on)
{
    static struct box box;
    struct schedule real_time = SCHEDULE_DEFAULT;
    struct thread *signaller =
        thread_create_on(arch_own_percpu()->cpu, "signaller", signal_once_it_is_free, &box);
    real_time.class = SCHEDULE_REAL_TIME;
    box = (struct box){0};
    KTEST_CHECK(signaller);
    KTEST_EQUAL(thread_set_schedule(signaller, &real_time), OK);
    mutex_lock(&box.mutex);
    thread_start(signaller);
    while (!__atomic_load_n(&box.mutex.queue.first, __ATOMIC_RELAXED))
        sleep_ns(MS);
    enum status status = condition_wait_until(&box.changed, &box.mutex, clock_ns() + 2000 * MS);
    mutex_unlock(&box.mutex);
    KTEST_EQUAL(thread_join(signaller), OK);
    KTEST_EQUAL(status, OK);
}

KTEST(waiting, a_semaphore_counts)
{
    struct semaphore semaphore;
    semaphore_init(&semaphore, 2);
    KTEST_CHECK(semaphore_try_down(&semaphore));
    semaphore_down(&semaphore);
    KTEST_CHECK(!semaphore_try_down(&semaphore));
    semaphore_up(&semaphore);
    KTEST_EQUAL(semaphore_down_until(&semaphore, LONG), OK);
    KTEST_EQUAL(semaphore_down_until(&semaphore, clock_ns() + MS), TIMED_OUT);
    semaphore_up(&semaphore); // who gave up has taken nothing along
    semaphore_up(&semaphore);
    KTEST_CHECK(semaphore_try_down(&semaphore));
    KTEST_CHECK(semaphore_try_down(&semaphore));
    KTEST_CHECK(!semaphore_try_down(&semaphore));
}
