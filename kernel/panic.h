// The end: one screen that a photograph of it is enough to debug, then what was asked for.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct trap_frame;

// Stops the machine for a broken invariant of our own; never for what a guest, a loader or a device
// has caused. Any context. A panic while one is shown leaves out the console that it came from, and
// the others are tried again; three attempts are the end.
noreturn void panic(const char *format, ...) printf_like(1, 2);

// The same for interrupted code whose registers are at hand.
noreturn void panic_with_frame(const struct trap_frame *frame, const char *format, ...)
    printf_like(2, 3);

// Has a panic call `debugger` before anything else happens, and again and again while it waits: it
// returns when somebody has been talked to, or nobody wants to. It returns whether somebody still
// may: then the machine doesn't halt for good.
void panic_set_debugger(bool (*debugger)(const struct trap_frame *frame));

#define ASSERT(condition)                                                         \
    do {                                                                          \
        if (__builtin_expect(!(condition), 0))                                    \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition); \
    } while (0)
