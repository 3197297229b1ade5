// The log: lines with level, time and processor, kept in a ring and shown on the consoles.
//
// A text begins with its subsystem: log_info("serial: COM1 at 0x%x", port). No newline at its end.
// Any context, on any processor. What is logged before a console exists appears on it when it does.
// The boot processor shows the lines; those that it hasn't written itself, or has written in an
// interrupt, when it comes to log_show(). A line is lost only where an NMI has interrupted whoever
// was writing another.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

void log_write(enum log_level level, const char *format, ...) printf_like(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

// Shows what hasn't been shown yet. The boot processor's, where it waits or prints; does nothing
// elsewhere, and while it is running already.
void log_show(void);
bool log_is_pending(void);

// For a panic, on whatever processor: shows what is left.
void log_show_rest(void);

// Reads "error", "warn", "info" or "debug". Returns false where `name` is none of them.
must_use bool log_level_parse(const char *name, enum log_level *level);

// Shows what the ring still holds, up to `level`, line by line. `show` returns false to stop.
void log_replay(enum log_level level, bool (*show)(void *context, const char *line, size_t length),
                void *context);

// What of it goes to the consoles (the option loglevel=).
enum log_level log_console_level(void);
