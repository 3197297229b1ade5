// Where the time goes, live: a bar for each processor, and threads by their share of the last
// second.

#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "monitor/command.h"
#include "monitor/input.h"
#include "monitor/key.h"
#include "monitor/output.h"
#include "monitor/thread_text.h"

#define PERIOD_NS 1000000000ull

enum { THREADS_MAX = 1024, CPUS_MAX = 256, BAR_MAX = 40, HEADINGS = 3 };

// What was true when it was looked at last.
struct thread_sample {
    uint32_t id;
    uint64_t ran_ns, before_ns;
    struct thread_info info;
};

struct top {
    uint64_t now_ns, before_ns;
    unsigned threads, others;                  // that are shown, and for which there is no room
    struct thread_sample samples[THREADS_MAX]; // by id
    uint16_t order[THREADS_MAX];
    struct {
        uint64_t fair_ns, real_time_ns;
    } cpus[CPUS_MAX];
    unsigned rows, columns;
};

static uint64_t period_ns(const struct top *top)
{
    return top->now_ns > top->before_ns ? top->now_ns - top->before_ns : 1;
}

// --- Looking -------------------------------------------------------------------------------------

static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static uint64_t used_ns(const struct thread_sample *sample)
{
    return grown(sample->ran_ns, sample->before_ns);
}

// What it had run when it was looked at last; of one that is new, nothing. Ids only grow.
static uint64_t ran_before(const struct thread_sample *old, unsigned count, uint32_t id)
{
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (old[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && old[low].id == id ? old[low].ran_ns : 0;
}

static void take_sample(struct top *top, const struct top *last, const struct thread_info *info)
{
    if (top->threads == THREADS_MAX) {
        top->others++;
        return;
    }
    top->samples[top->threads++] = (struct thread_sample){
        .id = info->id,
        .ran_ns = info->ran_ns,
        .before_ns = ran_before(last->samples, last->threads, info->id),
        .info = *info,
    };
}

// Idle threads are what bars are empty for.
static void look_at_threads(struct top *top, const struct top *last)
{
    struct thread_info info;
    uint32_t id = 1;
    top->threads = top->others = 0;
    for (struct thread *thread; (thread = thread_next(id)); thread_put(thread)) {
        id = thread_id(thread) + 1;
        thread_inform(thread, &info);
        if (info.schedule.class != SCHEDULE_IDLE && info.state != THREAD_DEAD)
            take_sample(top, last, &info);
    }
}

// By what they have used, most first; of equals, by id. A heap's way: there may be many.
static bool is_behind(const struct top *top, uint16_t a, uint16_t b)
{
    uint64_t a_ns = used_ns(&top->samples[a]), b_ns = used_ns(&top->samples[b]);
    return a_ns != b_ns ? a_ns < b_ns : a > b;
}

static void sift(struct top *top, unsigned at, unsigned count)
{
    for (unsigned child; (child = 2 * at + 1) < count; at = child) {
        uint16_t *order = top->order;
        if (child + 1 < count && is_behind(top, order[child + 1], order[child]))
            child++;
        if (!is_behind(top, order[child], order[at]))
            return;
        uint16_t moved = order[at];
        order[at] = order[child];
        order[child] = moved;
    }
}

static void sort(struct top *top)
{
    for (unsigned i = 0; i < top->threads; i++)
        top->order[i] = (uint16_t)i;
    for (unsigned i = top->threads / 2; i > 0; i--)
        sift(top, i - 1, top->threads);
    for (unsigned count = top->threads; count > 1; count--) {
        uint16_t last = top->order[count - 1];
        top->order[count - 1] = top->order[0];
        top->order[0] = last;
        sift(top, 0, count - 1);
    }
}

static void look(struct top *top, const struct top *last)
{
    struct scheduler_info info;
    top->before_ns = last->now_ns;
    top->now_ns = clock_ns();
    look_at_threads(top, last);
    sort(top);
    for (uint32_t cpu = 0; cpu < percpu_count() && cpu < CPUS_MAX; cpu++) {
        if (scheduler_inform(cpu, &info) != OK)
            continue;
        top->cpus[cpu].fair_ns = info.fair_ns;
        top->cpus[cpu].real_time_ns = info.real_time_ns;
    }
}

// --- Showing -------------------------------------------------------------------------------------

static unsigned per_mille(const struct top *top, uint64_t ns)
{
    uint64_t share = ns * 1000 / period_ns(top);
    return share < 1000 ? (unsigned)share : 1000;
}

// Fair threads' time as `|`, real-time threads' as `#`.
static void show_bar(const struct top *top, const struct top *last, uint32_t cpu)
{
    unsigned fair = per_mille(top, grown(top->cpus[cpu].fair_ns, last->cpus[cpu].fair_ns));
    unsigned real =
        per_mille(top, grown(top->cpus[cpu].real_time_ns, last->cpus[cpu].real_time_ns));
    unsigned sum = fair + real < 1000 ? fair + real : 1000;
    char bar[BAR_MAX + 1];
    for (unsigned i = 0; i < BAR_MAX; i++) {
        unsigned at = i * 1000 / BAR_MAX;
        bar[i] = at < real ? '#' : at < sum ? '|' : ' ';
    }
    bar[BAR_MAX] = 0;
    print("CPU %-3u [%s] %3u.%u %%\033[K\n", cpu, bar, sum / 10, sum % 10);
}

static void show_thread(const struct top *top, const struct thread_sample *sample)
{
    char schedule[THREAD_TEXT_MAX], line[160];
    unsigned share = per_mille(top, used_ns(sample));
    (void)snprintf(line, sizeof(line), "%3u.%u  %5u %4u  %-9s %-18s %s", share / 10, share % 10,
                   sample->id, sample->info.cpu, thread_state_name(&sample->info),
                   thread_schedule_text(schedule, &sample->info.schedule), sample->info.name);
    print("%.*s\033[K\n", (int)(top->columns - 1), line);
}

static unsigned show_processors(const struct top *top, const struct top *last)
{
    unsigned most = top->rows / 2, shown = 0;
    for (uint32_t cpu = 0; cpu < percpu_count() && cpu < CPUS_MAX && shown < most; cpu++, shown++)
        show_bar(top, last, cpu);
    return shown;
}

static void show(const struct top *top, const struct top *last)
{
    uint64_t up = top->now_ns / 1000000000;
    print("\033[Hup %lu:%02lu:%02lu, %u threads, %u processors; any key ends this\033[K\n",
          up / 3600, up / 60 % 60, up % 60, top->threads + top->others, percpu_count());
    unsigned used = show_processors(top, last) + HEADINGS;
    print("\033[7mCPU %%     id  cpu  state     scheduled          name\033[K\033[0m\n");
    for (unsigned i = 0; i < top->threads && used + i < top->rows; i++)
        show_thread(top, &top->samples[top->order[i]]);
    print("\033[J");
}

// Until a key, or Ctrl-C; not from the background, which has no keys.
static void run(struct top *top, struct top *last)
{
    const struct output *output = output_of_self();
    unsigned key = KEY_NONE;
    look(last, top);
    print("\033[2J");
    for (uint64_t pause_ns = PERIOD_NS / 5; key == KEY_NONE; pause_ns = PERIOD_NS) {
        key = input_key(clock_ns() + pause_ns);
        if (command_interrupted() || (output && output->is_background))
            break;
        look(top, last);
        show(top, last);
        struct top *oldest = last;
        last = top;
        top = oldest;
    }
}

COMMAND(top, "", "where the time goes, live, until a key", "top")
{
    const struct output *output = output_of_self();
    struct console_size size = console_size();
    if (argc != 1)
        return BAD_ARGUMENT;
    if (output && output->is_background) {
        print("top needs the keys: bring it to the foreground\n");
        return FAILED;
    }
    struct top *tops = kcalloc(2, sizeof(*tops));
    if (!tops) {
        print("no memory\n");
        return NO_MEMORY;
    }
    tops[0].rows = tops[1].rows = size.rows - 1;
    tops[0].columns = tops[1].columns = size.columns;
    run(&tops[0], &tops[1]);
    kfree(tops);
    return OK;
}
