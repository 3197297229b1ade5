// Time since start, from the processor's counter of ticks.
//
// Ticks become nanoseconds along lines, each of which holds from one tick on. A line never changes
// once others may see it, and a new one begins in the future, where the one before it is then: so
// whoever reads, an NMI included, neither waits nor looks twice, time never goes back, and a tick
// of long ago (a log record's) means what it meant.

#include "kernel/clock.h"
#include "arch/arch.h"

enum {
    LINES = 5, // the first, and two for each refinement
    PPM = 1000000,
    REFINED_PART_MAX = 100, // a new rate that differs by more than this part isn't believed
};

#define FAR (1ull << 60) // more ticks than any machine will live to see

struct line {
    uint64_t from;             // the tick where it begins
    uint64_t ns;               // and the time there
    uint64_t ns_per_tick;      // 32 bits of fraction
    uint64_t ticks_per_ns;     // the same
    const struct line *before; // NULL: this is the first
};

static struct line lines[LINES] = {{.ns_per_tick = 1ull << 32, .ticks_per_ns = 1ull << 32}};
static const struct line *newest = &lines[0];
static uint64_t frequency = NS_PER_SECOND;
static const char *source = "assumed";

static uint64_t scale(uint64_t value, uint64_t factor)
{
    return (uint64_t)((unsigned __int128)value * factor >> 32);
}

static uint64_t ratio(uint64_t dividend, uint64_t divisor)
{
    return arch_mul_div(dividend, 1ull << 32, divisor);
}

static uint64_t line_ns(const struct line *line, uint64_t ticks)
{
    return line->ns + scale(ticks - line->from, line->ns_per_tick);
}

noinline static uint64_t earlier_ns(const struct line *line, uint64_t ticks)
{
    while (ticks < line->from) {
        if (!line->before)
            return 0;
        line = line->before;
    }
    return line_ns(line, ticks);
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
    const struct line *line = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
    return likely(ticks >= line->from) ? line_ns(line, ticks) : earlier_ns(line, ticks);
}

uint64_t clock_ns(void)
{
    return clock_ticks_to_ns(clock_ticks());
}

uint64_t clock_ns_to_ticks(uint64_t ns)
{
    const struct line *line = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
    while (ns < line->ns) // the first one's is 0
        line = line->before;
    unsigned __int128 ticks = (unsigned __int128)(ns - line->ns) * line->ticks_per_ns >> 32;
    return line->from + (ticks < FAR ? (uint64_t)ticks : FAR);
}

void clock_start(void)
{
    lines[0].from = clock_ticks();
}

void clock_set_frequency(uint64_t hz, const char *name)
{
    frequency = hz;
    source = name;
    lines[0].ns_per_tick = ratio(NS_PER_SECOND, hz);
    lines[0].ticks_per_ns = ratio(hz, NS_PER_SECOND);
}

// How much faster, in parts of 2^32, the clock has to run, to come to where it should be.
struct slew {
    int64_t factor;
    uint64_t duration_ns;
};

static struct slew plan_slew(int64_t behind_ns)
{
    uint64_t distance = (uint64_t)(behind_ns < 0 ? -behind_ns : behind_ns);
    struct slew slew = {.duration_ns = NS_PER_SECOND};
    if (distance > NS_PER_SECOND / PPM * CLOCK_SLEW_PPM)
        slew.duration_ns = distance / CLOCK_SLEW_PPM * PPM;
    uint64_t part = ratio(distance, slew.duration_ns);
    slew.factor = behind_ns < 0 ? -(int64_t)part : (int64_t)part;
    return slew;
}

// Two lines from tick `from` on: one that comes to where the clock would be had it always run at
// this rate, and one that goes on from there.
static void draw(struct line *to, const struct line *before, uint64_t from, uint64_t hz)
{
    uint64_t ns_per_tick = ratio(NS_PER_SECOND, hz), ns = line_ns(before, from);
    uint64_t right = scale(from - lines[0].from, ns_per_tick);
    struct slew slew = plan_slew((int64_t)(right - ns));
    int64_t more = (int64_t)((__int128)ns_per_tick * slew.factor >> 32);
    uint64_t ticks_per_ns = ratio(hz, NS_PER_SECOND);
    int64_t less = (int64_t)((__int128)ticks_per_ns * slew.factor >> 32);
    to[0] = (struct line){from, ns, ns_per_tick + (uint64_t)more, ticks_per_ns - (uint64_t)less,
                          before};
    uint64_t end = from + scale(slew.duration_ns, ticks_per_ns);
    to[1] = (struct line){end, line_ns(&to[0], end), ns_per_tick, ticks_per_ns, &to[0]};
}

static bool is_believable(uint64_t hz)
{
    uint64_t part = frequency / REFINED_PART_MAX;
    return hz >= frequency - part && hz <= frequency + part;
}

enum status clock_refine(uint64_t hz)
{
    enum { TRIES = 3, AHEAD = 1000 }; // begin after this part of a second
    const struct line *last = newest;
    struct line *to = &lines[last - lines + 1];
    if (!is_believable(hz))
        return BAD_ARGUMENT;
    if (to + 1 >= &lines[LINES] || clock_ticks() < last->from)
        return NOT_SUPPORTED;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t from = clock_ticks() + hz / AHEAD;
        draw(to, last, from, hz);
        if (clock_ticks() >= from) // the processor was taken away meanwhile: some have read on
            continue;
        frequency = hz;
        __atomic_store_n(&newest, &to[1], __ATOMIC_RELEASE);
        return OK;
    }
    return NOT_SUPPORTED;
}

uint64_t clock_frequency(void)
{
    return frequency;
}

const char *clock_source(void)
{
    return source;
}

void clock_delay_ns(uint64_t delay_ns)
{
    uint64_t start = clock_ns();
    while (clock_ns() - start < delay_ns)
        arch_pause();
}
