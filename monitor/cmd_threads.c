// Commands about threads and how they are scheduled.

#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/completion.h"
#include "monitor/thread_text.h"

// --- All -----------------------------------------------------------------------------------------

static void show_row(const struct thread_info *info)
{
    char schedule[THREAD_TEXT_MAX];
    print("%5u %4u  %-9s %-16s %5lu.%06lu %9lu %9lu  %s\n", info->id, info->cpu,
          thread_state_name(info), thread_schedule_text(schedule, &info->schedule),
          info->ran_ns / 1000000000, info->ran_ns / 1000 % 1000000, info->waits, info->preemptions,
          info->name);
}

static enum status show_all(void)
{
    print("   id  cpu  state     scheduled            ran, s     waits preempted  name\n");
    uint32_t id = 1;
    for (struct thread *thread; !command_interrupted() && (thread = thread_next(id));) {
        struct thread_info info;
        thread_inform(thread, &info);
        thread_put(thread);
        show_row(&info);
        id = info.id + 1;
    }
    return OK;
}

// --- One -----------------------------------------------------------------------------------------

static void show_backtrace(struct thread *thread)
{
    enum { PLACES_MAX = 24 };
    uintptr_t addresses[PLACES_MAX];
    unsigned count = thread_backtrace(thread, addresses, PLACES_MAX);
    for (unsigned i = 0; i < count; i++)
        print("  %p %pS\n", (void *)addresses[i], (void *)addresses[i]);
    if (count == 0)
        print("  (it doesn't tell where it is)\n");
}

static void show_one(struct thread *thread, void *context)
{
    (void)context;
    char schedule[THREAD_TEXT_MAX], cpus[THREAD_TEXT_MAX];
    struct thread_info info;
    struct cpu_set set = thread_cpus(thread);
    thread_inform(thread, &info);
    print("thread %u, %s: %s, on CPU %u\n", info.id, info.name, thread_state_name(&info), info.cpu);
    print("  %s; slice %u us; may run on CPUs %s\n", thread_schedule_text(schedule, &info.schedule),
          info.schedule.slice_us, cpu_set_text(cpus, &set));
    print("  ran for %lu us, waited for a CPU for %lu us\n", info.ran_ns / 1000,
          info.waited_ns / 1000);
    print("  parked %lu times, preempted %lu times, moved %lu times\n", info.waits,
          info.preemptions, info.moves);
    if (info.stack_top)
        print("  stack from %p to %p\n", (void *)info.stack_low, (void *)info.stack_top);
    show_backtrace(thread);
}

// Calls `act` for all whose name or number that is. Returns how many.
static unsigned for_matching(const char *word, void (*act)(struct thread *thread, void *context),
                             void *context)
{
    uint64_t number;
    unsigned count = 0;
    uint32_t id = 1;
    bool is_number = parse_u64(word, &number);
    for (struct thread *thread; !command_interrupted() && (thread = thread_next(id));) {
        id = thread_id(thread) + 1;
        if (is_number ? thread_id(thread) == number : string_matches(thread_name(thread), word)) {
            act(thread, context);
            count++;
        }
        thread_put(thread);
    }
    return count;
}

static enum status complain(const char *word)
{
    print("%.40s: no such thread; `threads` lists them\n", word);
    return NOT_FOUND;
}

COMPLETER(THREAD)
{
    enum { OFFERED_MAX = 64 };
    static char names[OFFERED_MAX][THREAD_NAME_MAX + 1]; // what is offered must stay
    unsigned count = 0;
    uint32_t id = 1;
    for (struct thread *thread; count < OFFERED_MAX && (thread = thread_next(id));) {
        id = thread_id(thread) + 1;
        memcpy(names[count], thread_name(thread), sizeof(names[count]));
        thread_put(thread);
        completion_offer(completion, names[count++]);
    }
}

COMMAND(threads, "[THREAD]", "all threads, or where one is, by name or number", "threads idle/*")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    if (argc == 1)
        return show_all();
    return for_matching(argv[1], show_one, NULL) ? OK : complain(argv[1]);
}

// --- Scheduling ----------------------------------------------------------------------------------

static bool take_setting(const char *word, const char *name, uint32_t *value)
{
    uint64_t number;
    if (!string_starts_with(word, name) || !parse_u64(word + strlen(name), &number) ||
        number > UINT32_MAX)
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool apply_word(const char *word, struct schedule *schedule, struct cpu_set *cpus)
{
    if (string_equal(word, "fair") || take_setting(word, "weight=", &schedule->weight) ||
        take_setting(word, "slice=", &schedule->slice_us)) {
        schedule->class = SCHEDULE_FAIR;
        return true;
    }
    if (take_setting(word, "priority=", &schedule->priority)) {
        schedule->class = SCHEDULE_REAL_TIME;
        return true;
    }
    return take_setting(word, "cap=", &schedule->cap) ||
           (string_starts_with(word, "cpus=") && cpu_set_parse(cpus, strchr(word, '=') + 1));
}

static void remember(struct thread *thread, void *context)
{
    struct thread **first = context;
    if (!*first)
        *first = thread_get(thread);
}

static enum status apply(struct thread *thread, int argc, char **argv)
{
    struct schedule schedule = thread_schedule(thread);
    struct cpu_set cpus = thread_cpus(thread);
    for (int i = 2; i < argc; i++) {
        if (!apply_word(argv[i], &schedule, &cpus)) {
            print("%.40s: what is that to say?\n", argv[i]);
            return BAD_ARGUMENT;
        }
    }
    if (thread_set_schedule(thread, &schedule) == OK && thread_set_cpus(thread, &cpus) == OK)
        return OK;
    print("%s can't be scheduled like that; see `help schedule`\n", thread_name(thread));
    return FAILED;
}

// Weights go from 16 to 65536, slices are in microseconds, priorities are real time's, from 0 to
// 31, caps are in per cent of a processor (0: none).
COMMAND(schedule, "THREAD [fair|weight=|slice=|priority=|cap=|cpus=]...",
        "how a thread is scheduled", "schedule log weight=4096 cap=50 cpus=0")
{
    struct thread *thread = NULL;
    enum status status = FAILED;
    if (argc < 3)
        return BAD_ARGUMENT;
    unsigned count = for_matching(argv[1], remember, &thread);
    if (!thread)
        return complain(argv[1]);
    if (count == 1)
        status = apply(thread, argc, argv);
    else
        print("%.40s: %u threads are called that; say which by its number\n", argv[1], count);
    thread_put(thread);
    return status;
}

// --- Processors ----------------------------------------------------------------------------------

static void show_seconds(uint64_t ns)
{
    print(" %7lu.%03lu", ns / 1000000000, ns / 1000000 % 1000);
}

static void show_processor(uint32_t cpu, const struct scheduler_info *info)
{
    print("%5u", cpu);
    show_seconds(info->fair_ns);
    show_seconds(info->real_time_ns);
    show_seconds(info->idle_ns);
    print(" %9lu %9lu %8lu %5lu %5lu %4u  %s\n", info->switches, info->wakeups, info->preemptions,
          info->pulls, info->pushes, info->waiting, info->running);
}

COMMAND(schedstat, "", "what each processor's scheduler has done, times in seconds", "schedstat")
{
    struct scheduler_info info;
    if (argc != 1)
        return BAD_ARGUMENT;
    print("  cpu        fair   real time        idle  switches   wakeups preempts pulls pushs wait "
          " runs\n");
    for (uint32_t cpu = 0; cpu < percpu_count() && !command_interrupted(); cpu++)
        if (scheduler_inform(cpu, &info) == OK)
            show_processor(cpu, &info);
    return OK;
}

COMMAND(spin, "SECONDS", "keep a processor busy, whatever is typed", "spin 10 &")
{
    uint64_t ns;
    if (argc != 2)
        return BAD_ARGUMENT;
    if (!command_seconds(argv[1], &ns))
        return FAILED;
    for (uint64_t start = clock_ns(); clock_ns() - start < ns;)
        arch_pause();
    return OK;
}
