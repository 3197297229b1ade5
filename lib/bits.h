// Bits, fields and alignment, for C and assembly alike.
#pragma once

#ifdef __ASSEMBLER__
#define BIT(n)          (1 << (n))
#define BITS(high, low) (((1 << ((high) - (low) + 1)) - 1) << (low))
#else

#include "lib/types.h"

#define BIT(n)          (1ull << (n))
#define BITS(high, low) ((~0ull >> (63 - (high))) & (~0ull << (low)))

// The value of the field that `mask` (one run of set bits) selects.
static inline uint64_t field_get(uint64_t mask, uint64_t value)
{
    return (value & mask) >> __builtin_ctzll(mask);
}

// How many bits are set. The processor's own instruction isn't there on every machine.
static inline unsigned bit_count(uint64_t value)
{
    value -= value >> 1 & 0x5555555555555555;
    value = (value & 0x3333333333333333) + (value >> 2 & 0x3333333333333333);
    value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (unsigned)(value * 0x0101010101010101 >> 56);
}

// `alignment` is a power of two. align_up wraps to 0 past the last multiple.
static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
    return value & ~(alignment - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return align_down(value + alignment - 1, alignment);
}

static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
    return (value & (alignment - 1)) == 0;
}

#endif
