// What every host test and fuzz target begins with: the C library's headers, before our own macros
// and names hide parts of it, and a source of random numbers that gives the same ones every time.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef HOST_FUZZ
#include <cmocka.h>

// What hangs fails, wherever it is run. From unistd.h, which has names that clash with ours.
unsigned alarm(unsigned seconds);

__attribute__((constructor)) static void limit_time(void)
{
    alarm(60);
}
#endif

// The names that lib/ shares with the C library. From here on they mean ours.
#define memcpy    keelson_memcpy
#define memmove   keelson_memmove
#define memset    keelson_memset
#define memcmp    keelson_memcmp
#define strlen    keelson_strlen
#define strnlen   keelson_strnlen
#define strcmp    keelson_strcmp
#define strncmp   keelson_strncmp
#define strchr    keelson_strchr
#define snprintf  keelson_snprintf
#define vsnprintf keelson_vsnprintf

static uint64_t random_state = 1;

static inline void random_seed(uint64_t seed)
{
    random_state = seed * 0x9e3779b97f4a7c15 | 1;
}

// xorshift64*
static inline uint64_t random_u64(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1d;
}

static inline uint64_t random_below(uint64_t limit)
{
    return random_u64() % limit;
}
