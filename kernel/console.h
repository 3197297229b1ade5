// The console: one stream of text to every sink, keys from every source.
//
// Drivers register sinks and sources; whoever prints doesn't know which there are. A new sink is
// first given what the log already holds. With no sink at all, text is dropped and nothing waits.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct console_sink {
    const char *name; // as in the option console=: "serial", "screen"
    // Writes text as it stands; lines end with '\n' alone. Bounded in time whatever the device
    // does.
    void (*write)(struct console_sink *sink, const char *text, size_t length);
    // Waits, bounded, until the device has shown what was written; may be NULL.
    void (*flush)(struct console_sink *sink);
    struct console_sink *next;
};

struct console_source {
    const char *name;
    // The next character, or -1 when there is none now. Never waits.
    int (*read)(struct console_source *source);
    struct console_source *next;
};

// Both stay registered for good; the caller's object is kept. One that console= leaves out isn't
// added.
void console_add_sink(struct console_sink *sink);
void console_add_source(struct console_source *source);

// Any context. print() cuts what is longer than PRINT_MAX characters; print_text() doesn't.
enum { PRINT_MAX = 1024 };
void console_write(const char *text, size_t length);
void print_text(const char *text);
void print(const char *format, ...) printf_like(1, 2);

// Waits, bounded, until everything is out: before the machine goes away.
void console_flush(void);

// The next character from any source, or -1.
int console_read(void);
