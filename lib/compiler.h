// Names for what the compiler can be told or asked.
#pragma once

#include <stddef.h>

#define must_use               __attribute__((warn_unused_result))
#define noreturn               __attribute__((noreturn))
#define always_inline          inline __attribute__((always_inline))
#define noinline               __attribute__((noinline))
#define packed                 __attribute__((packed))
#define page_aligned           __attribute__((aligned(4096)))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define keeps_registers        __attribute__((no_caller_saved_registers)) // for rare calls
#define unused                 __attribute__((unused))

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

// What is in memory, and in the variable, may be anything behind it.
#define compiler_barrier()        __asm__ volatile("" : : : "memory")
#define compiler_forget(variable) __asm__ volatile("" : "+r"(variable) : : "memory")
