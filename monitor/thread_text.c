// How threads are shown to people.

#include "monitor/thread_text.h"
#include "kernel/percpu.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"

const char *thread_state_name(const struct thread_info *info)
{
    static const char *const names[] = {
        [THREAD_NEW] = "new",       [THREAD_RUNNABLE] = "ready",
        [THREAD_BLOCKED] = "waits", [THREAD_THROTTLED] = "throttled",
        [THREAD_MOVING] = "moves",  [THREAD_DEAD] = "ended",
    };
    return info->is_running ? "runs" : names[info->state];
}

char *thread_schedule_text(char text[THREAD_TEXT_MAX], const struct schedule *schedule)
{
    size_t length = 0;
    switch (schedule->class) {
    case SCHEDULE_FAIR:
        length = snprintf(text, THREAD_TEXT_MAX, "fair %u", schedule->weight);
        break;
    case SCHEDULE_REAL_TIME:
        length = snprintf(text, THREAD_TEXT_MAX, "real time %u", schedule->priority);
        break;
    default:
        length = snprintf(text, THREAD_TEXT_MAX, "idle");
    }
    if (schedule->cap)
        snprintf(text + length, THREAD_TEXT_MAX - length, ", %u %%", schedule->cap);
    return text;
}

static uint32_t last_processor(void)
{
    return (percpu_count() < CPU_SET_MAX ? percpu_count() : CPU_SET_MAX) - 1;
}

// The end of the run of members, or of those that aren't, that begins at `cpu`.
static uint32_t run_end(const struct cpu_set *set, uint32_t cpu)
{
    bool is_member = cpu_set_has(set, cpu);
    while (cpu <= last_processor() && cpu_set_has(set, cpu) == is_member)
        cpu++;
    return cpu;
}

char *cpu_set_text(char text[THREAD_TEXT_MAX], const struct cpu_set *set)
{
    enum { RUN_MAX = sizeof("1023-1024,...") };
    size_t length = 0;
    if (cpu_set_has(set, 0) && run_end(set, 0) > last_processor()) {
        snprintf(text, THREAD_TEXT_MAX, "all");
        return text;
    }
    snprintf(text, THREAD_TEXT_MAX, "none");
    for (uint32_t cpu = 0, end; cpu <= last_processor(); cpu = end) {
        end = run_end(set, cpu);
        if (!cpu_set_has(set, cpu))
            continue;
        const char *comma = length ? "," : "";
        if (length + RUN_MAX > THREAD_TEXT_MAX) {
            snprintf(text + length, THREAD_TEXT_MAX - length, ",...");
            break;
        }
        length += end - cpu > 1 ? snprintf(text + length, RUN_MAX, "%s%u-%u", comma, cpu, end - 1)
                                : snprintf(text + length, RUN_MAX, "%s%u", comma, cpu);
    }
    return text;
}

static bool take_processor(const char **text, uint32_t *cpu)
{
    uint32_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint32_t)(*at - '0');
        if (value > last_processor())
            return false;
    }
    bool is_number = at != *text;
    *text = at;
    *cpu = value;
    return is_number;
}

bool cpu_set_parse(struct cpu_set *set, const char *text)
{
    struct cpu_set parsed = {0};
    if (string_equal(text, "all")) {
        *set = cpu_set_all();
        return true;
    }
    for (;; text++) {
        uint32_t first, last;
        if (!take_processor(&text, &first))
            return false;
        last = first;
        if (*text == '-' && (text++, !take_processor(&text, &last)))
            return false;
        for (uint32_t cpu = first; cpu <= last; cpu++)
            cpu_set_add(&parsed, cpu);
        if (*text != ',')
            break;
    }
    if (*text)
        return false;
    *set = parsed;
    return true;
}
