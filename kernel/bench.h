// Benchmarks: what one pass through some code costs, in ticks of the clock. Under QEMU's
// `-icount shift=0` a tick is an executed instruction.
//
//   BENCH(format, line_of_60)
//   {
//       snprintf(...);
//   }
//
// The body is one pass, with interrupts off. The runner repeats it and subtracts what an empty one
// costs. Run by the option bench[=PATTERN] or the command of that name.
#pragma once

#include "lib/table.h"
#include "lib/types.h"

struct bench {
    const char *name; // "group.name"
    void (*run)(void);
};

TABLE_DECLARE(struct bench, bench);

#define BENCH(group, bench_name)                                                                 \
    static void bench_run_##group##_##bench_name(void);                                          \
    TABLE_ENTRY(struct bench, bench, group##_##bench_name) = {#group "." #bench_name,            \
                                                              bench_run_##group##_##bench_name}; \
    static void bench_run_##group##_##bench_name(void)

// A figure that one run gives, in its own unit.
//
//   FIGURE(screen, bytes_for_no_change, "bytes")
//   {
//       return written;
//   }
struct figure {
    const char *name, *unit;
    uint64_t (*take)(void);
};

TABLE_DECLARE(struct figure, figure);

#define FIGURE(group, figure_name, figure_unit)                                     \
    static uint64_t figure_take_##group##_##figure_name(void);                      \
    TABLE_ENTRY(struct figure, figure, group##_##figure_name) = {                   \
        #group "." #figure_name, figure_unit, figure_take_##group##_##figure_name}; \
    static uint64_t figure_take_##group##_##figure_name(void)

// Runs those whose name matches, benchmarks first, a line each: "bench NAME: N ticks", and N of the
// figure's unit. Returns how many ran. Before each one `stopped` is asked whether that was enough;
// NULL: nobody is.
unsigned bench_run(const char *pattern, bool (*stopped)(void));

void bench_run_requested(void);
