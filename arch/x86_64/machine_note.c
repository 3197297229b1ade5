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

// Whether a line more may be logged. What was left out is said when the next minute begins.
static bool may_log(void)
{
    static uint64_t since_ns;
    static unsigned lines, left_out;
    uint64_t now_ns = clock_ns();
    if (now_ns - since_ns >= LINES_NS) {
        if (left_out)
            log_warn("mce: %u more errors, not shown", left_out);
        since_ns = now_ns;
        lines = left_out = 0;
    }
    left_out += __atomic_exchange_n(&not_noted, 0, __ATOMIC_RELAXED);
    if (lines >= LINES_MAX) {
        left_out++;
        return false;
    }
    lines++;
    return true;
}

void machine_notes_log(void)
{
    static struct lock lock;
    for (unsigned i = 0; i < NOTED_MAX; i++) {
        if (!move_state(&noted[i], NOTED_FULL, NOTED_READING))
            continue;
        uintptr_t irq = lock_irqsave(&lock);
        bool is_shown = may_log();
        unlock_irqrestore(&lock, irq);
        if (is_shown)
            log_error_found(&noted[i].error, noted[i].is_old);
        (void)move_state(&noted[i], NOTED_READING, NOTED_FREE);
    }
}
