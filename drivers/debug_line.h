// The line that a debugger talks over: a UART of its own (the option gdb=), or the serial console's
// once that has been handed over.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

// What to do with a byte that has come while the machine runs.
enum debug_line_verdict {
    DEBUG_LINE_PASS, // it is typed, and so is what was kept before
    DEBUG_LINE_KEEP, // that isn't known yet
    DEBUG_LINE_DROP, // it isn't, nor is what was kept before
    DEBUG_LINE_CALL, // nor that, and the machine is to be stopped
};

// The debugger's side. Any context.
struct debug_line_user {
    void (*called)(void);                           // from a timer: it is to be talked to
    enum debug_line_verdict (*judge)(uint8_t byte); // without a lock of its own
    void (*reset)(void); // what was kept is typed: the rest of the packet hasn't come
    void (*encode)(const char *text, size_t length); // the console's output, when it is handed over
};

// Once, when interrupts can come. NOT_FOUND where there is no UART at all; what gdb= names and
// isn't there has been told.
must_use enum status debug_line_start(const struct debug_line_user *user);

// Whether it is a line of its own, and what it is called.
bool debug_line_is_own(void);
const char *debug_line_name(void);

// The console's from now on goes to the debugger, or no longer. A line of its own stays what it is.
void debug_line_take(bool is_taken);

// Around a talk, in which all processors stand still: the UART is polled, and nobody's lock counts.
void debug_line_begin(void);
void debug_line_end(void);

// The next byte, -1: there is none now.
int debug_line_read(void);

// For the UART's driver: the debugger is to be called, soon. Any context but NMI.
void debug_line_call(void);

// In a talk, and outside of it. Waits as long as the line takes bytes.
void debug_line_write(const char *bytes, size_t length);
