// The log. A line reads `[    s.uuuuuu] cN level subsystem: text`; the ring keeps its parts, so
// that times are right even for lines from before the clock's frequency was known.
//
// Who writes a line wakes the log's thread, where that isn't awake already. He may hold any lock,
// the scheduler's among them; so where interrupts are off he asks his own processor to do it, when
// they are on again.

#include "kernel/log.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/idle.h"
#include "kernel/lock.h"
#include "kernel/log_ring.h"
#include "kernel/option.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"
#include "kernel/wait.h"
#include "lib/format.h"
#include "lib/string.h"

enum { PREFIX_MAX = 48, LINE_MAX = PREFIX_MAX + LOG_TEXT_MAX + 2 };

#define SYNC_NS 1000000000ull
#define TELL_NS 100000000ull

static struct log_ring ring;
static struct lock lock;         // of the ring
static struct log_reader reader; // what it has read is on the consoles, or about to be
static uint64_t shown;           // its position when all before that was
static bool is_showing;
static struct thread *log_thread; // the log's thread; NULL: the boot processor shows
static bool is_waiting;           // it has nothing to do
static struct wait_queue syncing;
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

// --- The ring ------------------------------------------------------------------------------------

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

static bool get(struct log_reader *at, struct log_record *record, char *text)
{
    uintptr_t state;
    if (!enter(&state))
        return false;
    bool is_there = log_ring_get(&ring, at, record, text);
    unlock_irqrestore(&lock, state);
    return is_there;
}

static uint64_t written(void)
{
    return __atomic_load_n(&ring.head, __ATOMIC_SEQ_CST);
}

static bool is_pending(void)
{
    return written() != __atomic_load_n(&shown, __ATOMIC_RELAXED);
}

// --- Showing it ----------------------------------------------------------------------------------

// What has been lost is told of when it begins, and when all has been shown: not at each of many
// gaps.
static void tell_lost(bool is_end)
{
    static uint64_t told, told_ns;
    char text[LOG_TEXT_MAX + 1], line[LINE_MAX];
    uint64_t lost = reader.lost - told;
    if (!lost || (!is_end && clock_ns() - told_ns < TELL_NS))
        return;
    struct log_record record = {.ticks = clock_ticks(), .cpu = arch_cpu(), .level = LOG_WARN};
    record.length = (uint16_t)snprintf(text, sizeof(text),
                                       "log: %lu lines came too fast and aren't shown", lost);
    told = reader.lost;
    told_ns = clock_ns();
    console_write_above(line, format_line(line, &record, text));
}

static void show_pending(void)
{
    struct log_record record;
    char text[LOG_TEXT_MAX + 1], line[LINE_MAX];
    while (get(&reader, &record, text)) {
        tell_lost(false);
        if (record.level <= console_level)
            console_write_above(line, format_line(line, &record, text));
        __atomic_store_n(&shown, reader.position, __ATOMIC_RELEASE);
    }
    tell_lost(true);
}

static bool may_show(void)
{
    return !log_thread && this_cpu()->cpu == 0 && !this_cpu()->interrupted && !is_showing;
}

void log_show(void)
{
    if (!is_pending() || !may_show())
        return;
    is_showing = true;
    show_pending();
    is_showing = false;
}

// A line that was being shown is shown once more: it may not have come far.
void log_show_rest(void)
{
    is_showing = true; // for good: what is logged from now on is nobody's business
    reader.position = shown;
    show_pending();
}

// --- Its thread ----------------------------------------------------------------------------------

static void end_syncs(void)
{
    uintptr_t state = lock_irqsave(&syncing.lock);
    wait_grant_all(&syncing);
    unlock_irqrestore(&syncing.lock, state);
    thread_preempt();
}

// First it says that it waits, and then it looks; who writes, first writes, and then looks whether
// it waits.
noreturn static enum status show_on_and_on(void *argument)
{
    (void)argument;
    for (;;) {
        __atomic_store_n(&is_waiting, false, __ATOMIC_RELAXED);
        show_pending();
        console_show();
        end_syncs();
        __atomic_store_n(&is_waiting, true, __ATOMIC_SEQ_CST);
        if (!is_pending())
            (void)thread_park(TIMER_NEVER);
    }
}

static void unpark(void *thread)
{
    thread_unpark_locked(thread);
}

// Its being posted says that it will be done.
noinline static void wake_thread(void)
{
    struct percpu *cpu = arch_own_percpu()->self;
    if (!__atomic_exchange_n(&is_waiting, false, __ATOMIC_SEQ_CST))
        return;
    if (thread_may_sleep())
        thread_unpark(log_thread);
    else
        (void)remote_post(cpu->cpu, &cpu->log_wake, unpark, log_thread);
}

static inline void wake(void)
{
    if (unlikely(__atomic_load_n(&is_waiting, __ATOMIC_SEQ_CST)))
        wake_thread();
}

void log_wake_late(void)
{
    if (log_thread && is_pending())
        wake();
}

void log_sync(void)
{
    uint64_t target = written(), deadline_ns = clock_ns() + SYNC_NS;
    enum status status = OK;
    log_show();
    if (!log_thread || thread_self() == log_thread || !thread_may_sleep())
        return;
    uintptr_t state = lock_irqsave(&syncing.lock);
    while (status == OK && __atomic_load_n(&shown, __ATOMIC_ACQUIRE) < target)
        status = wait_on(&syncing, &state, deadline_ns);
    unlock_irqrestore(&syncing.lock, state);
}

// On the boot processor, as all that writes to consoles.
void log_start_thread(void)
{
    if (arch_never_interrupts)
        return;
    struct thread *thread = thread_create_on(0, "log", show_on_and_on, NULL);
    if (!thread) {
        log_error("log: no memory for its thread");
        return;
    }
    log_show();
    log_thread = thread;
    thread_start(thread);
}

// --- Writing it ----------------------------------------------------------------------------------

void log_write(enum log_level level, const char *format, ...)
{
    char text[LOG_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    size_t length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct log_record record = {
        .ticks = clock_ticks(),
        .cpu = arch_cpu(),
        .length = (uint16_t)(length < LOG_TEXT_MAX ? length : LOG_TEXT_MAX),
        .level = (uint8_t)level,
    };
    if (!put(&record, text))
        return;
    if (log_thread)
        wake();
    else if (may_show())
        log_show();
    else
        idle_wake(0);
}

// --- Looking back --------------------------------------------------------------------------------

void log_replay(enum log_level level, bool (*show)(void *context, const char *line, size_t length),
                void *context)
{
    struct log_reader at = {0};
    struct log_record record;
    char text[LOG_TEXT_MAX + 1], line[LINE_MAX];
    while (get(&at, &record, text))
        if (record.level <= level && !show(context, line, format_line(line, &record, text)))
            return;
}

void log_get_stats(struct log_stats *stats)
{
    uintptr_t state;
    *stats = (struct log_stats){0};
    if (!enter(&state))
        return;
    stats->written = ring.written;
    stats->kept = ring.written - ring.dropped;
    stats->lost = reader.lost;
    stats->shown = reader.number - reader.lost;
    unlock_irqrestore(&lock, state);
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
