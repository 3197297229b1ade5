// The log. A line reads `[    s.uuuuuu] cN level subsystem: text`; the ring keeps its parts, so
// that times are right even for lines from before the clock's frequency was known.

#include "kernel/log.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/log_ring.h"
#include "kernel/option.h"
#include "kernel/percpu.h"
#include "lib/format.h"
#include "lib/string.h"

enum { PREFIX_MAX = 48, LINE_MAX = PREFIX_MAX + LOG_TEXT_MAX + 2 };

static struct log_ring ring;
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

void log_write(enum log_level level, const char *format, ...)
{
    char text[LOG_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    size_t length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct log_record record = {
        .ticks = arch_ticks(),
        .cpu = this_cpu()->cpu,
        .length = (uint16_t)(length < LOG_TEXT_MAX ? length : LOG_TEXT_MAX),
        .level = (uint8_t)level,
    };
    uintptr_t irq = arch_irq_save();
    log_ring_put(&ring, &record, text);
    arch_irq_restore(irq);
    if (level <= console_level) {
        char line[LINE_MAX];
        console_write_above(line, format_line(line, &record, text));
    }
}

void log_replay(enum log_level level, bool (*show)(void *context, const char *line, size_t length),
                void *context)
{
    struct log_record record;
    char text[LOG_TEXT_MAX + 1], line[LINE_MAX];
    for (uint64_t position = 0; log_ring_get(&ring, &position, &record, text);)
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
