// For self-tests that run a proof: the last thing it has found wrong.
#pragma once

#include "lib/compiler.h"
#include "lib/format.h"

static char complaint[128];

printf_like(1, 2) static inline void keep_complaint(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(complaint, sizeof(complaint), format, args);
    va_end(args);
}
