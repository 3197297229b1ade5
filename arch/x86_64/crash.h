// Faults on demand, for the command `crash`.
#pragma once

#include "lib/types.h"

struct crash_kind {
    const char *name;
    void (*run)(void);
};

extern const struct crash_kind arch_crash_kinds[]; // ended by a name of NULL
