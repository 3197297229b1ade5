// The log. A line reads `[    s.uuuuuu] cN level subsystem: text`; the ring keeps its parts, so
// that times are right even for lines from before the clock's frequency was known.
//
// Any processor writes, in any context; only the boot processor shows, and not in an interrupt.
// What others have written it shows when it comes to that: when it writes a line itself, prints, or
// waits for keys.

#include "kernel/log.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/idle.h"
#include "kernel/lock.h"
#include "kernel/log_ring.h"
#include "kernel/option.h"
#include "kernel/percpu.h"
#include "lib/format.h"
#include "lib/string.h"

enum { PREFIX_MAX = 48, LINE_MAX = PREFIX_MAX + LOG_TEXT_MAX + 2 };

static struct log_ring ring;
static struct lock lock; // of the ring
static uint64_t shown;   // up to here it is on the consoles
static bool is_showing;
static enum log_level console_level = LOG_INFO;

static const char *const level_names[LOG_LEVELS] = {"error", "warn", "info", "debug"};

OPTION(loglevel, "error|warn|info|debug", "what of the log is shown on the consoles")
{
    return log_level_parse(value, &console_level) ? OK : BAD_ARGUMENT;
}

static size_t format_line(char *line, const struct log_record *record, const char *text)
{
    uint64_t us = clock_ticks_to_ns(record->ticks) / 1000;
    size_t length = snprintf(line, PREFIX_MAX, "[%5lu.%06lu] c%u %s ", us / 1000000, us % 1000000,
                             record->cpu, level_names[record->level]);
    memcpy(line + length, text, record->length);
    length += record->length;
    line[length++] = '\n';
    return length;
}

// An NMI may have interrupted whoever holds the ring, and a panic stopped him: it isn't waited for
// without an end.
static bool enter(uintptr_t *state)
{
    enum { TRIES = 1 << 20 };
    for (unsigned i = 0; i < TRIES; i++) {
        if (lock_try_irqsave(&lock, state))
            return true;
        arch_pause();
    }
    return false;
}

static bool put(const struct log_record *record, const char *text)
{
    uintptr_t state;
    if (!enter(&state))
        return false;
    log_ring_put(&ring, record, text);
    unlock_irqrestore(&lock, state);
    return true;
}

static bool get(uint64_t *position, struct log_record *record, char *text)
{
    uintptr_t state;
    if (!enter(&state))
        return false;
    bool is_there = log_ring_get(&ring, position, record, text);
    unlock_irqrestore(&lock, state);
    return is_there;
}

bool log_is_pending(void)
{
    return __atomic_load_n(&ring.head, __ATOMIC_SEQ_CST) != shown;
}

static bool may_show(void)
{
    return this_cpu()->cpu == 0 && !this_cpu()->interrupted && !is_showing;
}

static void show_pending(void)
{
    struct log_record record;
    char text[LOG_TEXT_MAX + 1], line[LINE_MAX];
    while (get(&shown, &record, text))
        if (record.level <= console_level)
            console_write_above(line, format_line(line, &record, text));
}

void log_show(void)
{
    if (!log_is_pending() || !may_show())
        return;
    is_showing = true;
    show_pending();
    is_showing = false;
}

void log_show_rest(void)
{
    is_showing = true; // for good: what is logged from now on is nobody's business
    show_pending();
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[LOG_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    size_t length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct log_record record = {
        .ticks = clock_ticks(),
        .cpu = this_cpu()->cpu,
        .length = (uint16_t)(length < LOG_TEXT_MAX ? length : LOG_TEXT_MAX),
        .level = (uint8_t)level,
    };
    if (!put(&record, text))
        return;
    if (may_show())
        log_show();
    else
        idle_wake(0);
}

void log_replay(enum log_level level, bool (*show)(void *context, const char *line, size_t length),
                void *context)
{
    struct log_record record;
    char text[LOG_TEXT_MAX + 1], line[LINE_MAX];
    for (uint64_t position = 0; get(&position, &record, text);)
        if (record.level <= level && !show(context, line, format_line(line, &record, text)))
            return;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        if (!string_equal(name, level_names[i]))
            continue;
        *level = (enum log_level)i;
        return true;
    }
    return false;
}

enum log_level log_console_level(void)
{
    return console_level;
}
