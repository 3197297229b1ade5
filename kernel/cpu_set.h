// Sets of processors, by their indexes: where a thread may run.
#pragma once

#include "lib/types.h"

enum { CPU_SET_MAX = 1024 }; // of more processors, those behind run no thread but their own

struct cpu_set {
    uint64_t words[CPU_SET_MAX / 64];
};

static inline bool cpu_set_has(const struct cpu_set *set, uint32_t cpu)
{
    return cpu < CPU_SET_MAX && set->words[cpu / 64] >> cpu % 64 & 1;
}

static inline void cpu_set_add(struct cpu_set *set, uint32_t cpu)
{
    if (cpu < CPU_SET_MAX)
        set->words[cpu / 64] |= 1ull << cpu % 64;
}

static inline struct cpu_set cpu_set_all(void)
{
    struct cpu_set set;
    for (unsigned i = 0; i < CPU_SET_MAX / 64; i++)
        set.words[i] = UINT64_MAX;
    return set;
}

static inline struct cpu_set cpu_set_one(uint32_t cpu)
{
    struct cpu_set set = {0};
    cpu_set_add(&set, cpu);
    return set;
}
