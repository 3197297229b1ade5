// Commands about time.

#include "arch/arch.h"
#include "drivers/rtc.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"
#include "lib/parse.h"
#include "monitor/command.h"

COMMAND(uptime, "", "how long Keelson has been running", "uptime")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    uint64_t ms = clock_ns() / 1000000, minutes = ms / 60000;
    print("up %lu days, %02lu:%02lu:%02lu.%03lu\n", minutes / (24 * 60), minutes / 60 % 24,
          minutes % 60, ms / 1000 % 60, ms % 1000);
    return OK;
}

COMMAND(date, "", "date and time of the machine's clock, UTC", "date")
{
    struct rtc_time now;
    if (argc > 1)
        return BAD_ARGUMENT;
    enum status status = rtc_read(&now);
    if (status == OK)
        print("%04u-%02u-%02uT%02u:%02u:%02uZ\n", now.year, now.month, now.day, now.hour,
              now.minute, now.second);
    else if (status == NOT_FOUND)
        print("there is no real-time clock\n");
    else
        print("the real-time clock shows no date: %s\n", status_name(status));
    return status;
}

enum { TIMERS_SHOWN = 8 };

static void show_timer(const struct timer_info *timer)
{
    int64_t us = (int64_t)(timer->deadline_ns - clock_ns()) / 1000;
    uint64_t distance = (uint64_t)(us < 0 ? -us : us);
    print("    %s %lu.%06lu s  %s\n", us < 0 ? "since" : "in   ", distance / 1000000,
          distance % 1000000, timer->name);
}

static void show_timers(uint32_t cpu)
{
    struct timer_info infos[TIMERS_SHOWN];
    unsigned count = timer_list(cpu, infos, TIMERS_SHOWN);
    print("  c%u: %u waiting\n", cpu, count);
    for (unsigned i = 0; i < TIMERS_SHOWN && infos[i].name; i++)
        show_timer(&infos[i]);
    if (count > TIMERS_SHOWN)
        print("    ...\n");
}

COMMAND(timers, "", "what each processor waits for", "timers")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    const char *device = arch_timer_name();
    print("  device: %s\n", device ? device : "none, they are polled");
    for (uint32_t cpu = 0; cpu < percpu_count() && !command_interrupted(); cpu++)
        show_timers(cpu);
    return OK;
}

COMMAND(sleep, "SECONDS", "wait, until Ctrl-C", "sleep 1.5")
{
    uint64_t ns;
    if (argc != 2)
        return BAD_ARGUMENT;
    if (!command_seconds(argv[1], &ns))
        return FAILED;
    uint64_t now = clock_ns(), longest = TIMER_NEVER - 1 - now;
    (void)!command_wait(now + (ns < longest ? ns : longest));
    return OK;
}
