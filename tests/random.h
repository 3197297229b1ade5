// Numbers that look random and are the same in every run, for self-tests and benchmarks.
#pragma once

#include "lib/types.h"

static uint64_t random_state; // not 0

// 0 to limit - 1; `limit` is at most 2^32. (xorshift64*)
static inline uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 0x2545f4914f6cdd1d >> 32) * limit >> 32;
}
