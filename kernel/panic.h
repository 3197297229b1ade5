// The end: one screen that a photograph of it is enough to debug, then what was asked for.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct trap_frame;

// Stops the machine for a broken invariant of our own. Any context. One that comes while the
// panic is shown leaves out the console in which; after three attempts that is the end. Never for
// what a guest, a loader or a device has caused.
noreturn void panic(const char *format, ...) printf_like(1, 2);

// The same for interrupted code whose registers are at hand.
noreturn void panic_with_frame(const struct trap_frame *frame, const char *format, ...)
    printf_like(2, 3);

#define ASSERT(condition)                                                         \
    do {                                                                          \
        if (__builtin_expect(!(condition), 0))                                    \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition); \
    } while (0)
