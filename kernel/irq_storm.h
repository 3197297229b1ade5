// Whether a line storms: a counter and a comparison for each interrupt, and a look at the clock
// for one in a thousand.
#pragma once

#include "kernel/clock.h"
#include "kernel/irq.h"

enum irq_verdict { IRQ_FINE, IRQ_UNCLAIMED_LEVEL, IRQ_UNCLAIMED_STORM, IRQ_CLAIMED_STORM };

enum {
    IRQ_UNCLAIMED_MAX = 100, // in a row: a level stays until somebody takes it away
    IRQ_WINDOW = 1000,       // interrupts that are timed together
};

#define IRQ_WINDOW_NS 10000000ull   // as many within this are 100,000 a second
#define IRQ_PERIOD_NS 1000000000ull // what is served is timed in windows over this

// With the line's lock held, all of these.
static inline void irq_storm_reset(struct irq_line *line)
{
    line->unclaimed_in_a_row = line->window.count = line->window.unclaimed = 0;
    line->window.start_ns = line->period.start_ns = clock_ns();
    line->period.windows = 0;
}

// What is served may come fast for a moment, but not for a whole second on average.
static inline bool irq_storm_is_endless(struct irq_line *line, uint64_t now)
{
    uint64_t elapsed = now - line->period.start_ns;
    line->period.windows++;
    if (elapsed < IRQ_PERIOD_NS)
        return false;
    bool is_fast = line->period.windows * IRQ_WINDOW_NS > elapsed;
    line->period.start_ns = now;
    line->period.windows = 0;
    return is_fast;
}

noinline static enum irq_verdict irq_storm_judge_window(struct irq_line *line)
{
    uint64_t now = clock_ns();
    bool is_fast = now - line->window.start_ns < IRQ_WINDOW_NS;
    bool is_unclaimed = line->window.unclaimed > IRQ_WINDOW / 2;
    line->window.start_ns = now;
    line->window.count = line->window.unclaimed = 0;
    if (is_fast && is_unclaimed)
        return IRQ_UNCLAIMED_STORM;
    return irq_storm_is_endless(line, now) ? IRQ_CLAIMED_STORM : IRQ_FINE;
}

static inline enum irq_verdict irq_storm_judge(struct irq_line *line, bool is_claimed)
{
    line->count++;
    if (line->state != IRQ_ON) { // what was pending when it was masked
        line->unclaimed += !is_claimed;
        return IRQ_FINE;
    }
    if (is_claimed) {
        line->unclaimed_in_a_row = 0;
    } else {
        line->unclaimed++;
        line->window.unclaimed++;
        if (++line->unclaimed_in_a_row >= IRQ_UNCLAIMED_MAX && line->is_level)
            return IRQ_UNCLAIMED_LEVEL;
    }
    return ++line->window.count < IRQ_WINDOW ? IRQ_FINE : irq_storm_judge_window(line);
}
