// The console: one stream of text to every sink, keys from every source.
//
// Drivers register sinks and sources; whoever prints doesn't know which there are. A new sink is
// first given what the log already holds. With no sink at all, text is dropped and nothing waits.
//
// Text is UTF-8, with the control sequences of ECMA-48 that kernel/terminal.h lists.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct console_sink {
    const char *name;        // as in the option console=: "serial", "screen"
    const char *description; // for people, without a newline; NULL: nothing to say
    unsigned columns, rows;  // 0: not known
    bool is_styled;          // shows what console_style() says

    // Takes text as it stands; lines end with '\n' alone. Bounded in time whatever the device does.
    // May keep it back for a moment (20 ms at most while text comes), until `show` or `flush`.
    void (*write)(struct console_sink *sink, const char *text, size_t length);

    // All of these may be NULL:
    void (*show)(struct console_sink *sink);  // brings what was kept back to sight; doesn't wait
    void (*flush)(struct console_sink *sink); // the same, and waits, bounded, for the device
    void (*reset)(struct console_sink *sink); // for a panic: starts again, empty, whatever was
    void (*scroll)(struct console_sink *sink, int pages); // looks back; forward if negative

    bool is_left_out; // by console=
    bool is_broken;   // showing a panic has failed in it: never used again
    struct console_sink *next;
};

struct console_source {
    const char *name;        // as a sink's
    const char *description; // as a sink's
    bool is_local;           // the machine's own keyboard, not a terminal somewhere
    bool is_left_out;        // by console=
    bool interrupts;         // when it has something: who waits for it may halt. May change
    // The next byte, or -1 when there is none now. Never waits. What isn't a character comes as
    // the sequence that a terminal sends for it [ECMA-48, xterm].
    int (*read)(struct console_source *source);
    struct console_source *next;
};

// Both stay registered for good; the caller's object is kept. One that console= leaves out is
// known, but not used.
void console_add_sink(struct console_sink *sink);
void console_add_source(struct console_source *source);

// Where console= has left no sink at all, all are used: better unwanted than mute. To be called
// when all have been added.
void console_ensure(void);

// By name, or the first one, with the others by `next`; left out or not. NULL where there is none.
struct console_sink *console_find_sink(const char *name);
struct console_sink *console_sinks(void);
struct console_source *console_find_source(const char *name);
struct console_source *console_sources(void);

// Threads write one after the other: each of these calls waits for those of others, and so sleeps;
// an interrupt's doesn't wait.
//
// print() cuts what is longer than PRINT_MAX characters; print_text() doesn't.
enum { PRINT_MAX = 1024 };
void print_text(const char *text);
void print(const char *format, ...) printf_like(1, 2);

// Where a thread's print() and print_text() go, if not straight to the sinks: whoever pages, cuts
// or collects what it prints puts itself in between, and passes text on by console_write().
struct console_stream {
    void (*write)(struct console_stream *stream, const char *text, size_t length);
    bool (*has_enough)(struct console_stream *stream); // nothing more is wanted; NULL: more is
};

// Of the thread that calls; NULL: to the sinks, above what is being typed. Returns the one before.
struct console_stream *console_set_stream(struct console_stream *stream);
struct console_stream *console_stream(void);

// To every sink, as it stands.
void console_write(const char *text, size_t length);

// The same, above the line that somebody is typing.
void console_write_above(const char *text, size_t length);

// How that line is taken away and drawn again, by whichever thread.
struct console_prompt {
    void (*hide)(void);
    void (*show)(void);
};

// The line's owner holds the console while he draws it or changes anything that belongs to it: what
// others write waits. From console_release() on it comes above what is `typed` now; NULL: nothing
// is. Context: a thread, no lock held; not twice.
void console_hold(void);
void console_release(const struct console_prompt *typed);

// Select Graphic Rendition, such as "1;31", "" for the default: to styled sinks only, so that a
// serial line carries plain text.
void console_style(const char *parameters);

// Brings everything to sight, without waiting, and waiting, bounded, until it is out: before
// something that may hang, and before the machine goes away.
void console_show(void);
void console_flush(void);

// Looks back in the sinks that can, by pages; forward if negative.
void console_scroll(int pages);

// The smallest size of the sinks that know theirs; 80 x 24 where none does.
struct console_size {
    unsigned columns, rows;
};
struct console_size console_size(void);

// The next byte from any source, or -1. One thread at a time.
int console_read(void);

// Something has come from a source, or else there is something to do for who waits there. Any
// context but NMI.
void console_notify(void);

// Waits for the next console_notify(), or `deadline_ns` of clock_ns(), or thread_interrupt().
// `seen` is what console_notified() returned before the caller looked. Sleeps.
uint64_t console_notified(void);
void console_wait(uint64_t seen, uint64_t deadline_ns);

// The source that the last byte came from; NULL before the first.
const struct console_source *console_last_source(void);

// For a panic: nobody's stream or prompt any more, every sink empty. Called again by a panic within
// the panic, it leaves out the sink in whose code that happened, and returns its name; otherwise
// NULL.
const char *console_panic(void);
