// Who the processor is and what it can do.
#pragma once

#include "lib/types.h"

struct cpu_identity {
    char vendor[13], brand[49];
    unsigned family, model, stepping;
    unsigned physical_bits, virtual_bits;
    bool hypervisor; // we run on one
    char hypervisor_vendor[13];
};

void cpu_identify(struct cpu_identity *identity);

// A feature that Keelson or its users care about.
struct cpu_feature {
    const char *name;
    uint32_t leaf, subleaf;
    enum { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX } reg;
    uint32_t bit;
};

extern const struct cpu_feature cpu_features[];
extern const unsigned cpu_feature_count;
bool cpu_has(const struct cpu_feature *feature);
