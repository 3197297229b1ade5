// The log: lines with level, time and processor, kept in a ring and shown on the consoles.
//
// A text begins with its subsystem: log_info("serial: COM1 at 0x%x", port). No newline at its end.
// Any context, on any processor. What is logged before a console exists appears on it when it does.
//
// A line costs whoever writes it a place in the ring; a thread of the log's own shows it. Where
// lines come faster than consoles take them, the oldest in the ring give way, and how many is told.
// Before there are threads, and where nothing interrupts, the boot processor shows lines itself:
// its own at once, others when it comes to log_show(). A line is lost without a word only where an
// NMI has interrupted whoever was writing another.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

void log_write(enum log_level level, const char *format, ...) printf_like(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

// From here on a thread shows what is written. Start-up only; without memory, or where nothing
// interrupts, all stays as it was.
void log_start_thread(void);

// Shows what hasn't been shown yet where that is the boot processor's to do; where a thread does
// it, and elsewhere, it does nothing. For loops that wait.
void log_show(void);

// Waits until what has been logged so far is on the consoles, a second at most: for who prints
// behind it, or is about to switch the machine off. Where it may not sleep it doesn't wait.
void log_sync(void);

// An idle processor looks whether there are lines that nobody has been told of: an NMI's.
void log_wake_late(void);

// For a panic, on whatever processor: shows what is left.
void log_show_rest(void);

// What has become of all lines so far.
struct log_stats {
    uint64_t written, shown; // the latter with those that the consoles' level leaves out
    uint64_t lost;           // that gave way before they were shown
    uint64_t kept;           // that the ring holds
};
void log_get_stats(struct log_stats *stats);

// Reads "error", "warn", "info" or "debug". Returns false where `name` is none of them.
must_use bool log_level_parse(const char *name, enum log_level *level);

// Shows what the ring still holds, up to `level`, line by line. `show` returns false to stop.
void log_replay(enum log_level level, bool (*show)(void *context, const char *line, size_t length),
                void *context);

// What of it goes to the consoles (the option loglevel=).
enum log_level log_console_level(void);
