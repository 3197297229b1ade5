// What the base costs.

#include "arch/arch.h"
#include "kernel/bench.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "lib/format.h"
#include "lib/string.h"

// A line of the log's kind, 60 characters without its end.
#define LINE      "memory: %u ranges, %s usable, the highest at 0x%lx"
#define LINE_ARGS 42u, "511 MiB", 0x1ffdf000ul

BENCH(format, line_of_60)
{
    char text[80];
    (void)snprintf(text, sizeof(text), LINE, LINE_ARGS);
}

BENCH(console, line_of_60)
{
    print(LINE "\n", LINE_ARGS);
}

BENCH(log, line_of_60)
{
    log_info(LINE, LINE_ARGS);
}

BENCH(string, copy_4096)
{
    static char from[4096], to[4096];
    memcpy(to, from, sizeof(to));
}

BENCH(probe, read_8)
{
    static uint64_t word;
    uint64_t value;
    (void)!arch_probe_read((uintptr_t)&word, 8, &value);
}
