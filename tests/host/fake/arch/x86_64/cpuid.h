// CPUID of a simulated processor: the test defines what it says.
#pragma once

#include "lib/types.h"

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf);

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    return fake_cpuid(leaf, subleaf);
}

static inline bool cpuid_has(uint32_t leaf)
{
    uint32_t top = leaf & 0xffff0000;
    uint32_t highest = fake_cpuid(top, 0).eax;
    return highest >= leaf && highest - top < 0x10000;
}
