// What the screen costs. Without a screen the figures are 0.

#include "drivers/screen.h"
#include "arch/arch.h"
#include "kernel/bench.h"
#include "kernel/console.h"

enum { LINES = 10000, LENGTH = 60 };

// Lines in which no character stands above the same one.
static void fill_line(char *line, unsigned number)
{
    for (unsigned i = 0; i < LENGTH; i++)
        line[i] = (char)('!' + (number * 7 + i) % 94);
    line[LENGTH] = '\n';
}

static uint64_t ticks_per_line(bool is_flushed)
{
    char line[LENGTH + 1];
    struct console_sink *sink = console_find_sink("screen");
    uint64_t ticks = 0;
    for (unsigned i = 0; sink && i < LINES; i++) {
        fill_line(line, i);
        uint64_t start = arch_ticks();
        sink->write(sink, line, sizeof(line));
        if (is_flushed || i + 1 == LINES)
            sink->flush(sink);
        ticks += arch_ticks() - start;
    }
    return ticks / LINES;
}

FIGURE(screen, line_coalesced, "ticks")
{
    return ticks_per_line(false);
}

FIGURE(screen, line_flushed, "ticks")
{
    return ticks_per_line(true);
}

// The line of a prompt, written over itself.
FIGURE(screen, bytes_for_no_change, "bytes")
{
    static const char line[] = "\rnothing changes here\r";
    struct console_sink *sink = console_find_sink("screen");
    struct screen_state before, after;
    if (!sink || !screen_state(&before))
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        screen_state(&before);
        sink->write(sink, line, sizeof(line) - 1);
        sink->flush(sink);
        screen_state(&after);
    }
    return after.bytes_written - before.bytes_written;
}
