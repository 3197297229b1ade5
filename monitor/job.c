// Jobs.
//
// The session starts them and takes their places back when they have ended. All that others look at
// is under the lock.

#include "monitor/job.h"
#include "kernel/clock.h"
#include "kernel/mutex.h"
#include "kernel/thread.h"
#include "lib/format.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/input.h"

#define PATIENCE_NS 1000000000ull // that Ctrl-C has with a command

struct job {
    unsigned number;       // from 1; 0: free
    struct thread *thread; // NULL: the session's own
    char text[COMMAND_LINE_MAX + 1],
        line[COMMAND_LINE_MAX + 1]; // as typed, and as it is taken apart
    struct output output;
    uint64_t started_ns;
    bool has_ended;
};

static struct job jobs[JOBS_MAX];
static struct mutex lock;
static unsigned last_in_background; // its number
static struct job *wanted;          // in the foreground

// --- In its thread -------------------------------------------------------------------------------

static void end(struct job *job)
{
    char text[80];
    mutex_lock(&lock);
    output_end(&job->output);
    if (job->output.is_background) {
        size_t length =
            snprintf(text, sizeof(text), "[%u] has ended: %.50s\n", job->number, job->text);
        console_write_above(text, length);
    }
    __atomic_store_n(&job->has_ended, true, __ATOMIC_RELEASE);
    mutex_unlock(&lock);
    console_notify();
}

static enum status run_job(void *context)
{
    struct job *job = context;
    output_begin(&job->output);
    enum status status = command_line_run(job->line);
    end(job);
    return status;
}

// --- The session's -------------------------------------------------------------------------------

static bool has_ended(const struct job *job)
{
    return __atomic_load_n(&job->has_ended, __ATOMIC_ACQUIRE);
}

static void reap(void)
{
    mutex_lock(&lock);
    for (unsigned i = 0; i < JOBS_MAX; i++) {
        if (!jobs[i].number || !has_ended(&jobs[i]))
            continue;
        if (jobs[i].thread)
            (void)thread_join(jobs[i].thread);
        jobs[i].number = 0;
    }
    mutex_unlock(&lock);
}

static struct job *find_free(void)
{
    for (unsigned i = 0; i < JOBS_MAX; i++)
        if (!jobs[i].number)
            return &jobs[i];
    return NULL;
}

static struct thread *make_thread(struct job *job)
{
    char name[THREAD_NAME_MAX + 1];
    snprintf(name, sizeof(name), "job/%u", job->number);
    return thread_create_on(0, name, run_job, job);
}

static void go_to_background(struct job *job)
{
    job->output.is_background = true;
    last_in_background = job->number;
}

static void prepare(struct job *job, const char *line, enum output_origin origin,
                    bool in_background)
{
    mutex_lock(&lock);
    *job = (struct job){.number = (unsigned)(job - jobs) + 1, .started_ns = clock_ns()};
    (void)string_copy(job->text, sizeof(job->text), line, strlen(line));
    memcpy(job->line, job->text, sizeof(job->line));
    output_prepare(&job->output, origin);
    job->thread = make_thread(job);
    job->output.is_attended = job->thread;
    if (in_background && job->thread)
        go_to_background(job);
    mutex_unlock(&lock);
}

// Unless it has just ended.
static void suspend(struct job *job, const char *why)
{
    char text[80];
    mutex_lock(&lock);
    if (!has_ended(job)) {
        size_t length = snprintf(text, sizeof(text), "%s[%u] %s: %.40s\n",
                                 job->output.column ? "\n" : "", job->number, why, job->text);
        go_to_background(job);
        console_write(text, length);
    }
    mutex_unlock(&lock);
}

// As soon as it looks, or waits, it ends.
static void interrupt(struct job *job)
{
    __atomic_store_n(&job->output.is_interrupted, true, __ATOMIC_RELAXED);
    thread_interrupt(job->thread);
}

// While the job has the keys: what interrupts it comes here.
static void attend(struct job *job)
{
    uint64_t end_ns = TIMER_NEVER;
    input_watch(true);
    while (!has_ended(job) && !job->output.is_background) {
        uint64_t seen = console_notified();
        input_poll();
        if (input_is_interrupted() && end_ns == TIMER_NEVER) {
            interrupt(job);
            end_ns = clock_ns() + PATIENCE_NS;
        }
        if (input_is_suspended())
            suspend(job, "goes on in the background");
        else if (end_ns != TIMER_NEVER && clock_ns() >= end_ns)
            suspend(job, "doesn't end, and goes on in the background");
        else if (!has_ended(job))
            input_wait(seen, end_ns);
    }
    input_watch(false);
}

static struct job *take_wanted(void)
{
    mutex_lock(&lock);
    struct job *job = wanted && !has_ended(wanted) ? wanted : NULL;
    wanted = NULL;
    if (job) {
        job->output.row = job->output.column = 0;
        __atomic_store_n(&job->output.is_background, false, __ATOMIC_RELAXED);
    }
    mutex_unlock(&lock);
    return job;
}

// A line that is run here has nobody who could attend to it: it looks for Ctrl-C itself.
static void run_here(struct job *job)
{
    input_watch(true);
    (void)run_job(job);
    input_watch(false);
}

void job_run(const char *line, enum output_origin origin, bool in_background)
{
    reap();
    struct job *job = find_free();
    if (!job) {
        print("%d jobs are running already; `jobs` lists them\n", JOBS_MAX);
        return;
    }
    prepare(job, line, origin, in_background);
    if (!job->thread) {
        run_here(job);
    } else {
        thread_start(job->thread);
        if (in_background)
            print("[%u] %s\n", job->number, job->text);
        while (job && !in_background) {
            attend(job);
            job = take_wanted();
        }
    }
    reap();
}

// --- Commands' -----------------------------------------------------------------------------------

// With the lock held.
static struct job *find(unsigned number)
{
    if (!number || number > JOBS_MAX)
        return NULL;
    struct job *job = &jobs[number - 1];
    return job->number && job->thread && !has_ended(job) ? job : NULL;
}

enum status job_bring_to_foreground(unsigned number)
{
    mutex_lock(&lock);
    struct job *job = find(number ? number : last_in_background);
    bool is_there = job && job->output.is_background;
    if (is_there)
        wanted = job;
    mutex_unlock(&lock);
    return is_there ? OK : NOT_FOUND;
}

enum status job_interrupt(unsigned number)
{
    mutex_lock(&lock);
    struct job *job = find(number);
    if (job)
        interrupt(job);
    mutex_unlock(&lock);
    return job ? OK : NOT_FOUND;
}

static void inform(const struct job *job, struct job_info *info)
{
    *info = (struct job_info){
        .number = job->number,
        .thread = thread_id(job->thread),
        .is_background = job->output.is_background,
        .is_interrupted = job->output.is_interrupted,
        .age_ns = clock_ns() - job->started_ns,
    };
    memcpy(info->text, job->text, sizeof(info->text));
}

bool job_next(unsigned number, struct job_info *info)
{
    struct job *job = NULL;
    mutex_lock(&lock);
    for (; number <= JOBS_MAX && !job; number++)
        job = find(number);
    if (job)
        inform(job, info);
    mutex_unlock(&lock);
    return job;
}
