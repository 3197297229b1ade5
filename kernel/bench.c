// Benchmarks: the runner.

#include "kernel/bench.h"
#include "arch/arch.h"
#include "kernel/console.h"
#include "kernel/option.h"
#include "kernel/power.h"
#include "lib/string.h"

enum { PASSES = 16, WARM_UP = 2 };

static char requested[64];

OPTION(bench, "[PATTERN]", "run the benchmarks (those whose names match) before the prompt")
{
    const char *pattern = value[0] ? value : "*";
    if (string_copy(requested, sizeof(requested), pattern, strlen(pattern)))
        return OK;
    requested[0] = 0; // half a pattern means something else
    return BAD_ARGUMENT;
}

static void empty(void)
{
}

// Ticks that PASSES calls take. Interrupts are off: those that came would be counted too.
noinline static uint64_t measure(void (*run)(void))
{
    uintptr_t state = arch_irq_save();
    for (unsigned i = 0; i < WARM_UP; i++)
        run();
    uint64_t start = arch_ticks();
    for (unsigned i = 0; i < PASSES; i++)
        run();
    uint64_t ticks = arch_ticks() - start;
    arch_irq_restore(state);
    return ticks;
}

static unsigned take_figures(const char *pattern, bool (*stopped)(void))
{
    unsigned count = 0;
    const struct figure *figure;
    TABLE_FOREACH (figure, figure) {
        if (!string_matches(figure->name, pattern))
            continue;
        if (stopped && stopped())
            break;
        uint64_t value = figure->take();
        print("bench %s: %lu %s\n", figure->name, value, figure->unit);
        count++;
    }
    return count;
}

unsigned bench_run(const char *pattern, bool (*stopped)(void))
{
    unsigned count = 0;
    uint64_t overhead = measure(empty);
    const struct bench *bench;
    TABLE_FOREACH (bench, bench) {
        if (!string_matches(bench->name, pattern))
            continue;
        if (stopped && stopped())
            break;
        uint64_t ticks = measure(bench->run);
        ticks = ticks > overhead ? ticks - overhead : 0;
        print("bench %s: %lu ticks\n", bench->name, ticks / PASSES);
        count++;
    }
    return count + take_figures(pattern, stopped);
}

void bench_run_requested(void)
{
    if (requested[0])
        power_exit(bench_run(requested, NULL) > 0);
}
