// Spin locks: nobody gets past one, in whatever context and from whatever processor; who waits is
// counted; and in the debug build each misuse is reported, with the places of both.

#include "kernel/lock.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"
#include "kernel/test.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "mm/slab.h"

#define MS 1000000ull

// --- Torture -------------------------------------------------------------------------------------

enum { TORTURERS_A_CPU = 2, CPUS_MAX = 8, ROUNDS = 20000 };

static struct {
    struct lock outer, inner;
    unsigned by_outer, by_inner; // not atomic: the locks are what protects them
    unsigned expected_outer, expected_inner;
} torture;

static void count(unsigned *counter, unsigned *expected)
{
    *(volatile unsigned *)counter = *(volatile unsigned *)counter + 1;
    __atomic_fetch_add(expected, 1, __ATOMIC_RELAXED);
}

static void take_inner(void)
{
    uintptr_t state = lock_irqsave(&torture.inner);
    count(&torture.by_inner, &torture.expected_inner);
    unlock_irqrestore(&torture.inner, state);
}

static void take_both(void)
{
    uintptr_t state = lock_irqsave(&torture.outer);
    count(&torture.by_outer, &torture.expected_outer);
    take_inner();
    unlock_irqrestore(&torture.outer, state);
}

static void try_outer(void)
{
    uintptr_t state;
    if (!lock_try_irqsave(&torture.outer, &state))
        return;
    count(&torture.by_outer, &torture.expected_outer);
    unlock_irqrestore(&torture.outer, state);
}

static void take_inner_and_rearm(void *timer)
{
    take_inner();
    timer_arm(timer, clock_ns() + MS / 2);
}

// With a timer that takes the lock whenever it finds interrupts on.
static enum status torment(void *argument)
{
    struct timer timer;
    (void)argument;
    timer_init(&timer, take_inner_and_rearm, &timer, "torture");
    timer_arm(&timer, clock_ns());
    for (unsigned i = 0; i < ROUNDS; i++) {
        take_both();
        take_inner();
        try_outer();
    }
    timer_cancel(&timer);
    return OK;
}

KTEST(lock, lets_nobody_past)
{
    enum { ALL_MAX = TORTURERS_A_CPU * CPUS_MAX };
    struct thread *threads[ALL_MAX];
    unsigned cpus = percpu_count() < CPUS_MAX ? percpu_count() : CPUS_MAX;
    memset(&torture, 0, sizeof(torture));
    for (unsigned i = 0; i < cpus * TORTURERS_A_CPU; i++) {
        threads[i] = thread_create_on(i % cpus, "torture", torment, NULL);
        KTEST_CHECK(threads[i]);
        thread_start(threads[i]);
    }
    for (unsigned i = 0; i < cpus * TORTURERS_A_CPU; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    KTEST_EQUAL(torture.by_outer, torture.expected_outer);
    KTEST_EQUAL(torture.by_inner, torture.expected_inner);
    KTEST_CHECK(torture.by_outer >= cpus * TORTURERS_A_CPU * ROUNDS);
}

// --- Contention ----------------------------------------------------------------------------------

static struct lock held_up;
static volatile bool is_held;

static void spin(uint64_t ns)
{
    for (uint64_t start = clock_ns(); clock_ns() - start < ns;)
        arch_pause();
}

// Until somebody has waited for a while.
static void hold(void *unused_argument)
{
    (void)unused_argument;
    uintptr_t state = lock_irqsave(&held_up);
    is_held = true;
    while (*(volatile uint32_t *)&held_up.next == held_up.serving + 1)
        arch_pause();
    spin(5 * MS);
    unlock_irqrestore(&held_up, state);
}

static bool find_contention(const void *lock, struct lock_contention *found)
{
    for (unsigned i = 0; lock_contention_get(i, found); i++)
        if (found->lock == lock)
            return true;
    return false;
}

KTEST(lock, tells_who_has_waited)
{
    static struct remote_work work;
    struct lock_contention before = {0}, after;
    uint32_t other = arch_own_percpu()->cpu == 0;
    if (percpu_count() < 2)
        KTEST_SKIP("one processor never waits");
    if (!find_contention(&held_up, &before))
        before = (struct lock_contention){0};
    is_held = false;
    KTEST_CHECK(remote_post(other, &work, hold, NULL));
    while (!is_held)
        arch_pause();
    uintptr_t state = lock_irqsave(&held_up);
    unlock_irqrestore(&held_up, state);
    KTEST_CHECK(find_contention(&held_up, &after));
    KTEST_EQUAL(after.waits, before.waits + 1);
    KTEST_CHECK(after.waited_ns - before.waited_ns >= MS);
    KTEST_CHECK(after.most_ns >= MS && after.place);
}

// --- Misuse --------------------------------------------------------------------------------------

#ifdef KEELSON_DEBUG

struct search {
    const char *words;
    bool is_there;
};

static bool look(void *context, const char *line, size_t length)
{
    struct search *search = context;
    size_t words = strlen(search->words);
    for (size_t i = 0; i + words <= length && !search->is_there; i++)
        search->is_there = memcmp(line + i, search->words, words) == 0;
    return !search->is_there;
}

static bool log_names(const char *function)
{
    struct search search = {.words = function};
    log_replay(LOG_WARN, look, &search);
    return search.is_there;
}

// What each does wrong is told once, ever.
#define PROVOKE(fault, misuse)                            \
    do {                                                  \
        unsigned before = lock_check_count(fault);        \
        if (before && log_names(#misuse))                 \
            KTEST_SKIP("that has been told before");      \
        misuse();                                         \
        ktest_provoked(lock_check_count(fault) - before); \
        KTEST_EQUAL(lock_check_count(fault), before + 1); \
        KTEST_CHECK(log_names(#misuse));                  \
    } while (0)

static struct lock first, second, held;

noinline static void take_second_inside_first(void)
{
    uintptr_t state = lock_irqsave(&first);
    lock_acquire(&second);
    lock_release(&second);
    unlock_irqrestore(&first, state);
}

noinline static void take_first_inside_second(void)
{
    uintptr_t state = lock_irqsave(&second);
    lock_acquire(&first);
    lock_release(&first);
    unlock_irqrestore(&second, state);
}

KTEST(lock, opposite_orders_are_reported)
{
    take_second_inside_first();
    PROVOKE(LOCK_FAULT_ORDER, take_first_inside_second);
    KTEST_CHECK(log_names("take_second_inside_first"));
}

// Of one kind are locks on the heap that the same function was the first to take.
noinline static void take_two_of_a_kind(void)
{
    struct lock *pair = kcalloc(2, sizeof(*pair));
    if (!pair)
        return;
    uintptr_t state = lock_irqsave(&pair[0]);
    lock_acquire(&pair[1]);
    lock_release(&pair[1]);
    unlock_irqrestore(&pair[0], state);
    kfree(pair);
}

KTEST(lock, two_of_a_kind_are_reported)
{
    PROVOKE(LOCK_FAULT_NESTED, take_two_of_a_kind);
}

noinline static void sleep_with_a_lock(void)
{
    static struct mutex mutex;
    uintptr_t state = lock_irqsave(&held);
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
    unlock_irqrestore(&held, state);
}

noinline static void sleep_with_interrupts_off(void)
{
    static struct mutex mutex;
    uintptr_t state = arch_irq_save();
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
    arch_irq_restore(state);
}

KTEST(lock, sleeping_with_one_held_is_reported)
{
    PROVOKE(LOCK_FAULT_SLEEP, sleep_with_a_lock);
}

KTEST(lock, sleeping_with_interrupts_off_is_reported)
{
    PROVOKE(LOCK_FAULT_SLEEP, sleep_with_interrupts_off);
}

static void nothing(void *unused_argument)
{
    (void)unused_argument;
}

noinline static void call_with_a_lock(void)
{
    uintptr_t state = lock_irqsave(&held);
    remote_call_all(nothing, NULL);
    unlock_irqrestore(&held, state);
}

KTEST(lock, calling_with_one_held_is_reported)
{
    PROVOKE(LOCK_FAULT_CALL, call_with_a_lock);
}

noinline static void hold_for_long(void)
{
    uintptr_t state = lock_irqsave(&held);
    spin(LOCK_HELD_NS + MS);
    unlock_irqrestore(&held, state);
}

KTEST(lock, holding_one_for_long_is_reported)
{
    PROVOKE(LOCK_FAULT_LONG, hold_for_long);
}

#endif
