// CPUID [SDM2 CPUID] [APM3 E].
#pragma once

#include "lib/types.h"

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

// Any leaf: one beyond the highest gives whatever the processor gives.
static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

// Whether a leaf is there: basic, hypervisor (0x4000xxxx) or extended (0x8000xxxx).
static inline bool cpuid_has(uint32_t leaf)
{
    uint32_t top = leaf & 0xffff0000;
    uint32_t highest = cpuid(top, 0).eax;
    return highest >= leaf && highest - top < 0x10000;
}
