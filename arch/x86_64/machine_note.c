// Machine-check errors on their way from where they are found to the log: slots that are filled and
// emptied by their states alone.

#include "arch/x86_64/machine_note.h"
#include "kernel/clock.h"
#include "kernel/lock.h"
#include "kernel/log.h"

enum {
    NOTED_MAX = 16,
    LINES_MAX = 8, // in LINES_NS
};
#define LINES_NS 60000000000ull

enum noted_state { NOTED_FREE, NOTED_FILLING, NOTED_FULL, NOTED_READING };

static struct noted {
    enum noted_state state;
    bool is_old; // from before the start
    struct machine_error error;
} noted[NOTED_MAX];
static unsigned not_noted; // for want of a slot
static struct machine_counts counts;

static bool move_state(struct noted *slot, enum noted_state from, enum noted_state to)
{
    return __atomic_compare_exchange_n(&slot->state, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

void machine_note(const struct machine_error *error, bool is_old)
{
    bool is_corrected = machine_error_severity(error) == MACHINE_CORRECTED;
    __atomic_fetch_add(is_corrected ? &counts.corrected : &counts.others, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < NOTED_MAX; i++) {
        if (!move_state(&noted[i], NOTED_FREE, NOTED_FILLING))
            continue;
        noted[i].error = *error;
        noted[i].is_old = is_old;
        (void)move_state(&noted[i], NOTED_FILLING, NOTED_FULL);
        return;
    }
    __atomic_fetch_add(&not_noted, 1, __ATOMIC_RELAXED);
}

struct machine_counts machine_counts(void)
{
    return counts;
}

static void log_error_found(const struct machine_error *error, bool is_old)
{
    char words[MACHINE_ERROR_TEXT_MAX];
    const char *unit = machine_error_unit(error);
    machine_error_words(words, error);
    log_warn("mce: CPU %u bank %u%s%s%s: %s%s: %s, status 0x%lx, address 0x%lx, misc 0x%lx",
             error->cpu, error->bank, unit ? " (" : "", unit ? unit : "", unit ? ")" : "",
             is_old ? "from before the start, " : "",
             machine_severity_name(machine_error_severity(error)), words, error->status,
             error->address, error->misc);
}

static struct {
    struct lock lock; // of what follows
    uint64_t since_ns;
    unsigned lines, left_out;
} minute;

// What was left out is said when the next minute begins.
static void begin_minute(void)
{
    uintptr_t irq = lock_irqsave(&minute.lock);
    uint64_t now_ns = clock_ns();
    minute.left_out += __atomic_exchange_n(&not_noted, 0, __ATOMIC_RELAXED);
    if (now_ns - minute.since_ns >= LINES_NS) {
        if (minute.left_out)
            log_warn("mce: %u more errors, not shown", minute.left_out);
        minute.since_ns = now_ns;
        minute.lines = minute.left_out = 0;
    }
    unlock_irqrestore(&minute.lock, irq);
}

// Whether a line more may be logged.
static bool may_log(void)
{
    uintptr_t irq = lock_irqsave(&minute.lock);
    bool may = minute.lines < LINES_MAX;
    if (may)
        minute.lines++;
    else
        minute.left_out++;
    unlock_irqrestore(&minute.lock, irq);
    return may;
}

void machine_notes_log(void)
{
    begin_minute();
    for (unsigned i = 0; i < NOTED_MAX; i++) {
        if (!move_state(&noted[i], NOTED_FULL, NOTED_READING))
            continue;
        if (may_log())
            log_error_found(&noted[i].error, noted[i].is_old);
        (void)move_state(&noted[i], NOTED_READING, NOTED_FREE);
    }
}
