// What can be done about jobs.

#include "kernel/console.h"
#include "kernel/thread.h"
#include "monitor/command.h"
#include "monitor/job.h"

static void show(const struct job_info *job)
{
    const char *state = job->is_interrupted  ? "is to end"
                        : job->is_background ? "background"
                                             : "foreground";
    print("[%u] %-10s %5lu.%lu s  thread %-4u %s\n", job->number, state, job->age_ns / 1000000000,
          job->age_ns / 100000000 % 10, job->thread, job->text);
}

COMMAND(jobs, "", "list the lines that are being run", "jobs")
{
    struct job_info job;
    if (argc != 1)
        return BAD_ARGUMENT;
    for (unsigned number = 1; job_next(number, &job) && !command_interrupted();
         number = job.number + 1)
        if (job.thread != thread_id(thread_self()))
            show(&job);
    return OK;
}

// A job's number, or a complaint. It may be written as `jobs` shows it.
static bool take_number(const char *word, unsigned *number)
{
    uint64_t value;
    if (!command_number(word + (*word == '%'), &value))
        return false;
    *number = value <= JOBS_MAX ? (unsigned)value : JOBS_MAX + 1;
    return true;
}

COMMAND(fg, "[JOB]", "give the keys to a job in the background", "fg 1")
{
    unsigned number = 0;
    if (argc > 2)
        return BAD_ARGUMENT;
    if (argc == 2 && !take_number(argv[1], &number))
        return FAILED;
    struct output *self = output_of_self();
    if (self && self->is_background) {
        print("the keys are not this job's to give\n");
        return FAILED;
    }
    if (job_bring_to_foreground(number) == OK)
        return OK;
    print("no such job in the background\n");
    return NOT_FOUND;
}

COMMAND(kill, "JOB", "ask a job to end, as Ctrl-C does", "kill 1")
{
    unsigned number;
    if (argc != 2)
        return BAD_ARGUMENT;
    if (!take_number(argv[1], &number))
        return FAILED;
    if (job_interrupt(number) == OK)
        return OK;
    print("no such job\n");
    return NOT_FOUND;
}
