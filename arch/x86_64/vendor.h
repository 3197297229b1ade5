// Who has made the processor, where nothing but that says what it has.
#pragma once

#include "arch/x86_64/cpuid.h"
#include "lib/types.h"

// AMD, or Hygon, whose processors are AMD's.
static inline bool cpuid_is_amd(void)
{
    uint32_t last = cpuid(0, 0).ecx;
    return last == 0x444d4163 || last == 0x656e6975; // "cAMD", "uine"
}

static inline unsigned cpuid_family(void)
{
    uint32_t signature = cpuid(1, 0).eax;
    unsigned base = signature >> 8 & 0xf;
    return base == 0xf ? base + (signature >> 20 & 0xff) : base;
}
