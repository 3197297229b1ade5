// The time-stamp counter's rate, by measurement against a reference.
//
// When a reading was taken is known from the two of the counter that enclose it. A measurement has
// several parts, which have to agree: a counter that wraps unseen, or shows something wrong now and
// then, betrays itself.

#include "arch/x86_64/calibrate.h"
#include "arch/arch.h"

enum {
    READS = 5, // of which the narrowest counts
    PARTS = 4,
    TRIES = 10,
    PART_US = 500,
    STILL_MAX = 2000,    // readings without a change; the slowest reference needs few
    POLLS_MAX = 1000000, // should the counter stand still, too
    PPM = 1000000,
    ERROR_GOOD_PPM = 1000,
    ERROR_MAX_PPM = 20000, // better than nothing
    PART_BELIEVED = 100,
};

#define FS_PER_SECOND  1000000000000000ull
#define FS_PER_US      1000000000ull
#define PLAUSIBLE_MIN  1000000ull // emulators can be slow
#define PLAUSIBLE_MAX  20000000000ull
#define PART_TICKS_MAX (PLAUSIBLE_MAX / 1000000 * PART_US * 2)

static const char stands_still[] = "stands still";
static const char reads_all_ones[] = "reads all ones";
static const char runs_backwards[] = "runs backwards";
static const char is_too_slow[] = "is too slow";
static const char never_arrives[] = "is too slow, as is the TSC";
static const char runs_unevenly[] = "runs unevenly";
static const char is_read_too_slowly[] = "can't be read quickly enough";
static const char is_implausible[] = "gives a rate that can't be";
static const char wrapped[] = "has wrapped nobody knows how often";
static const char differs[] = "gives another rate than before";

static struct reading read_once(const struct reference *reference)
{
    uint64_t before = arch_ticks_in_order();
    uint64_t count = reference->read() & reference->mask;
    uint64_t width = arch_ticks_in_order() - before;
    return (struct reading){before + width / 2, width, count};
}

static struct reading read_well(const struct reference *reference)
{
    struct reading best = read_once(reference);
    for (unsigned i = 1; i < READS; i++) {
        struct reading next = read_once(reference);
        if (next.width < best.width)
            best = next;
    }
    return best;
}

static uint64_t counts_between(const struct reference *reference, uint64_t from, uint64_t to)
{
    return (to - from) & reference->mask;
}

// Waits until a part of the measurement is over.
static const char *wait(const struct reference *reference, const struct reading *start)
{
    uint64_t wanted = PART_US * FS_PER_US / reference->period_fs, last = start->count;
    unsigned still = 0;
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        uint64_t ticks =
            arch_ticks(); // before the count: the processor may be taken away behind it
        uint64_t count = reference->read() & reference->mask;
        uint64_t step = counts_between(reference, last, count);
        if (step > reference->mask / 2)
            return runs_backwards;
        still = step ? 0 : still + 1;
        if (still > STILL_MAX)
            return count == reference->mask ? reads_all_ones : stands_still;
        if (counts_between(reference, start->count, count) >= wanted)
            return NULL;
        if ((int64_t)(ticks - start->ticks) > (int64_t)PART_TICKS_MAX)
            return is_too_slow;
        last = count;
    }
    return never_arrives;
}

// Ticks per second, and how far that may be off: by half of both widths, and by one count, since
// a count that is read may just have begun or be about to end.
static void conclude(const struct reference *reference, const struct reading *start,
                     const struct reading *end, uint64_t counts, struct calibration *result)
{
    uint64_t ticks = end->ticks - start->ticks;
    result->hz = arch_mul_div(ticks, FS_PER_SECOND, counts * reference->period_fs);
    uint64_t error = (start->width + end->width) / 2 + ticks / counts;
    result->error_ppm = arch_mul_div(error, PPM, ticks) + 1;
    result->start = *start;
}

// Whether a part's rate is the whole's, as far as can be known.
static bool agrees(const struct reference *reference, const struct reading *part, uint64_t hz)
{
    uint64_t fs = counts_between(reference, part[0].count, part[1].count) * reference->period_fs;
    uint64_t expected = arch_mul_div(hz, fs, FS_PER_SECOND);
    uint64_t count_ticks = arch_mul_div(hz, reference->period_fs, FS_PER_SECOND);
    uint64_t slack = part[0].width + part[1].width + 2 * count_ticks + expected / PPM;
    uint64_t ticks = part[1].ticks - part[0].ticks;
    return ticks <= expected + slack && expected <= ticks + slack;
}

static const char *measure(const struct reference *reference, struct calibration *result)
{
    struct reading readings[PARTS + 1];
    uint64_t counts = 0;
    readings[0] = read_well(reference);
    for (unsigned i = 0; i < PARTS; i++) {
        const char *problem = wait(reference, &readings[i]);
        if (problem)
            return problem;
        readings[i + 1] = read_well(reference);
        counts += counts_between(reference, readings[i].count, readings[i + 1].count);
    }
    conclude(reference, &readings[0], &readings[PARTS], counts, result);
    if (result->hz < PLAUSIBLE_MIN || result->hz > PLAUSIBLE_MAX)
        return is_implausible;
    for (unsigned i = 0; i < PARTS; i++)
        if (!agrees(reference, &readings[i], result->hz))
            return runs_unevenly;
    return NULL;
}

// What is wrong for good isn't tried again; everything else may be a host's or a firmware's doing.
static bool is_hopeless(const char *problem)
{
    return problem == stands_still || problem == reads_all_ones || problem == never_arrives;
}

const char *calibrate(const struct reference *reference, struct calibration *result)
{
    const char *problem = NULL;
    struct calibration next;
    result->error_ppm = UINT64_MAX;
    for (unsigned i = 0; i < TRIES && result->error_ppm > ERROR_GOOD_PPM; i++) {
        const char *found = measure(reference, &next);
        if (!found && next.error_ppm < result->error_ppm)
            *result = next;
        problem = found ? found : problem;
        if (found && is_hopeless(found))
            break;
    }
    if (result->error_ppm <= ERROR_MAX_PPM)
        return NULL;
    return problem ? problem : is_read_too_slowly;
}

const char *calibrate_further(const struct reference *reference, const struct calibration *before,
                              struct calibration *result)
{
    struct reading end = read_well(reference);
    uint64_t turn = reference->mask + 1;
    uint64_t expected = arch_mul_div(end.ticks - before->start.ticks, FS_PER_SECOND,
                                     before->hz * reference->period_fs);
    if (expected / PART_BELIEVED >= turn / 2)
        return wrapped;
    uint64_t counts = counts_between(reference, before->start.count, end.count);
    if (expected + turn / 2 > counts) // the number of turns that comes nearest
        counts += (expected + turn / 2 - counts) / turn * turn;
    if (counts == 0)
        return stands_still;
    conclude(reference, &before->start, &end, counts, result);
    uint64_t part = before->hz / PART_BELIEVED;
    return result->hz < before->hz - part || result->hz > before->hz + part ? differs : NULL;
}
