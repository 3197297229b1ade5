// Work for later: it runs where it should, in order, as often as it was posted, and not longer than
// it is wanted.

#include "kernel/work.h"
#include "kernel/clock.h"
#include "kernel/percpu.h"
#include "kernel/test.h"
#include "kernel/thread.h"
#include "lib/compiler.h"
#include "mm/slab.h"

#define MS 1000000ull

struct job {
    struct work work;
    unsigned number;
    volatile unsigned runs;
    unsigned cpu, place;
    bool is_inside, has_met;
    bool may_sleep;
    uint64_t takes_ns;
};

static unsigned places;

static void note(void *context)
{
    struct job *job = context;
    job->has_met |= __atomic_exchange_n(&job->is_inside, true, __ATOMIC_RELAXED);
    job->cpu = arch_own_percpu()->cpu;
    job->place = __atomic_fetch_add(&places, 1, __ATOMIC_RELAXED);
    job->may_sleep = thread_may_sleep();
    if (job->takes_ns)
        sleep_ns(job->takes_ns);
    __atomic_store_n(&job->is_inside, false, __ATOMIC_RELAXED);
    __atomic_fetch_add(&job->runs, 1, __ATOMIC_RELEASE);
}

KTEST(work, runs_in_order_on_every_processor)
{
    enum { JOBS = 16 };
    static struct job jobs[JOBS];
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++) {
        for (unsigned i = 0; i < JOBS; i++) {
            jobs[i] = (struct job){.number = i};
            work_prepare(&jobs[i].work, WORK_NORMAL, note, &jobs[i]);
            KTEST_CHECK(work_post_on(cpu, &jobs[i].work));
        }
        work_flush(&jobs[JOBS - 1].work);
        for (unsigned i = 0; i < JOBS; i++) {
            KTEST_EQUAL(jobs[i].runs, 1);
            KTEST_EQUAL(jobs[i].cpu, cpu);
            KTEST_CHECK(jobs[i].may_sleep);
            KTEST_CHECK(i == 0 || jobs[i].place > jobs[i - 1].place);
        }
    }
    KTEST_CHECK(!work_post_on(percpu_count(), &jobs[0].work));
}

static void post_it(void *context)
{
    (void)work_post(context);
}

KTEST(work, is_posted_by_interrupts)
{
    static struct job job;
    struct timer timer;
    for (enum work_kind kind = 0; kind < WORK_KINDS; kind++) {
        job = (struct job){0};
        work_prepare(&job.work, kind, note, &job);
        timer_init(&timer, post_it, &job.work, "post");
        timer_arm(&timer, clock_ns());
        for (uint64_t end_ns = clock_ns() + 5000 * MS; !job.runs && clock_ns() < end_ns;)
            sleep_ns(MS);
        (void)timer_cancel(&timer);
        work_flush(&job.work);
        KTEST_EQUAL(job.runs, 1);
    }
}

// One that is posted while it runs runs once more, there, when it is over.
KTEST(work, never_meets_itself)
{
    enum { POSTS = 200 };
    static struct job job;
    unsigned posted = 0;
    job = (struct job){.takes_ns = 300000};
    work_prepare(&job.work, WORK_NORMAL, note, &job);
    for (unsigned i = 0; i < POSTS; i++) {
        posted += work_post_on(i % percpu_count(), &job.work);
        sleep_ns(100000);
    }
    work_flush(&job.work);
    KTEST_EQUAL(job.runs, posted);
    KTEST_CHECK(posted > 10 && posted < POSTS); // some were posted already
    KTEST_CHECK(!job.has_met);
}

KTEST(work, is_cancelled)
{
    static struct job first, second;
    first = (struct job){.takes_ns = 20 * MS};
    second = (struct job){0};
    work_prepare(&first.work, WORK_NORMAL, note, &first);
    work_prepare(&second.work, WORK_NORMAL, note, &second);
    KTEST_CHECK(!work_cancel(&first.work));
    KTEST_CHECK(work_post_on(0, &first.work));
    KTEST_CHECK(work_post_on(0, &second.work));
    KTEST_CHECK(!work_post_on(0, &second.work));
    sleep_ns(5 * MS); // the first one runs
    KTEST_CHECK(work_cancel(&second.work));
    KTEST_CHECK(!work_cancel(&first.work)); // but waits for it
    KTEST_EQUAL(first.runs, 1);
    KTEST_CHECK(work_post_on(0, &second.work));
    work_flush(&second.work);
    KTEST_EQUAL(second.runs, 1);
}

static void free_itself(void *context)
{
    kfree(context);
}

KTEST(work, may_free_itself)
{
    static struct job last;
    last = (struct job){0};
    for (unsigned i = 0; i < 64; i++) {
        struct work *work = kmalloc(sizeof(*work));
        KTEST_CHECK(work);
        work_prepare(work, WORK_NORMAL, free_itself, work);
        KTEST_CHECK(work_post_on(0, work));
    }
    work_prepare(&last.work, WORK_NORMAL, note, &last);
    KTEST_CHECK(work_post_on(0, &last.work));
    work_flush(&last.work);
    KTEST_EQUAL(last.runs, 1);
}

// --- At a time -----------------------------------------------------------------------------------

static struct timed_work timed;

KTEST(work, runs_when_it_is_time)
{
    static struct job job;
    job = (struct job){0};
    timed_work_prepare(&timed, WORK_SOON, note, &job, "timed");
    uint64_t start_ns = clock_ns();
    timed_work_start(&timed, start_ns + 20 * MS, 0);
    while (!job.runs && clock_ns() - start_ns < 5000 * MS)
        sleep_ns(MS);
    KTEST_CHECK(clock_ns() - start_ns >= 20 * MS);
    sleep_ns(30 * MS);
    KTEST_EQUAL(job.runs, 1);
    KTEST_CHECK(!timed_work_cancel(&timed));
}

KTEST(work, keeps_to_its_period)
{
    enum { PERIODS = 40 };
    static struct job job;
    job = (struct job){0};
    timed_work_prepare(&timed, WORK_SOON, note, &job, "timed");
    uint64_t start_ns = clock_ns();
    timed_work_start(&timed, start_ns + 5 * MS, 5 * MS);
    sleep_ns(PERIODS * 5 * MS);
    (void)timed_work_cancel(&timed);
    uint64_t periods = (clock_ns() - start_ns) / (5 * MS), runs = job.runs;
    KTEST_CHECK(runs + timed.missed + 2 >= periods && runs + timed.missed <= periods);
    KTEST_CHECK(runs >= PERIODS / 2);
    sleep_ns(20 * MS);
    KTEST_EQUAL(job.runs, runs); // cancelled is cancelled
}

static void run_three_times(void *context)
{
    struct job *job = context;
    if (++job->runs == 3)
        timed_work_stop(&timed);
}

KTEST(work, ends_itself)
{
    static struct job job;
    job = (struct job){0};
    timed_work_prepare(&timed, WORK_NORMAL, run_three_times, &job, "timed");
    timed_work_start(&timed, clock_ns(), MS);
    sleep_ns(50 * MS);
    KTEST_CHECK(!timed_work_cancel(&timed));
    KTEST_EQUAL(job.runs, 3);
}

static enum status flush(void *work)
{
    work_flush(work);
    return OK;
}

// The second of two is taken away while somebody waits for it.
KTEST(work, who_waits_for_what_is_cancelled_goes_on)
{
    static struct job jobs[2];
    for (unsigned i = 0; i < 2; i++) {
        jobs[i] = (struct job){.takes_ns = 20 * MS};
        work_prepare(&jobs[i].work, WORK_NORMAL, note, &jobs[i]);
        KTEST_CHECK(work_post_on(0, &jobs[i].work));
    }
    struct thread *waiter = thread_create("waiter", flush, &jobs[1].work);
    KTEST_CHECK(waiter);
    thread_start(waiter);
    sleep_ns(5 * MS);
    KTEST_CHECK(work_cancel(&jobs[1].work));
    KTEST_EQUAL(thread_join(waiter), OK);
    KTEST_EQUAL(jobs[1].runs, 0);
    work_flush(&jobs[0].work);
}
