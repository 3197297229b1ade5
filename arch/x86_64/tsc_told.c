// The time-stamp counter's rate, by those who know it: the processor, a hypervisor, and on AMD's
// the register of the P-state whose clock it counts.

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/tsc.h"
#include "arch/x86_64/vendor.h"
#include "lib/bits.h"
#include "lib/string.h"

#define KHZ 1000ull
#define MHZ 1000000ull

// [SDM2 CPUID]: ECX is the crystal's rate, EBX / EAX what the counter makes of it. Where the
// crystal isn't told, it depends on the model, and not on that alone.
static uint64_t by_cpuid(const struct cpu_identity *identity)
{
    (void)identity;
    if (!cpuid_has(0x15))
        return 0;
    struct cpuid r = cpuid(0x15, 0);
    return r.eax ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

// VMware's leaf, which others have taken over.
static uint64_t by_timing_leaf(const struct cpu_identity *identity)
{
    enum { TIMING_LEAF = 0x40000010 };
    if (!identity->hypervisor || !cpuid_has(TIMING_LEAF) ||
        !(string_equal(identity->hypervisor_vendor, "VMwareVMware") ||
          string_equal(identity->hypervisor_vendor, "KVMKVMKVM")))
        return 0;
    return cpuid(TIMING_LEAF, 0).eax * KHZ;
}

static uint64_t by_hyper_v(const struct cpu_identity *identity)
{
    enum { FEATURES = 0x40000003 };
    uint64_t hz;
    if (!identity->hypervisor || !string_equal(identity->hypervisor_vendor, "Microsoft Hv") ||
        !cpuid_has(FEATURES))
        return 0;
    struct cpuid r = cpuid(FEATURES, 0);
    bool is_there =
        r.eax & CPUID_40000003_EAX_FREQUENCY_MSRS && r.edx & CPUID_40000003_EDX_FREQUENCY_MSRS;
    return is_there && msr_read(MSR_HV_TSC_FREQUENCY, &hz) == OK ? hz : 0;
}

// [PPR]: the divisor counts eighths; below one it is reserved.
static uint64_t p_state_hz(unsigned family, uint64_t state)
{
    uint64_t divisor = field_get(PSTATE_DID, state);
    if (!(state & PSTATE_ENABLED))
        return 0;
    if (family >= 0x1a)
        return field_get(PSTATE_FID_1A, state) * 5 * MHZ;
    return divisor >= 8 ? field_get(PSTATE_FID, state) * 200 * MHZ / divisor : 0;
}

// A hypervisor may show these registers without keeping to them.
static uint64_t by_p_state(const struct cpu_identity *identity)
{
    uint64_t control, state;
    if (!cpuid_is_amd() || identity->hypervisor || !tsc_is_invariant() || identity->family < 0x17 ||
        identity->family > 0x1a || msr_read(MSR_HWCR, &control) != OK ||
        !(control & HWCR_TSC_FREQ_SEL) || msr_read(MSR_PSTATE_0, &state) != OK)
        return 0;
    return p_state_hz(identity->family, state);
}

static const struct {
    const char *name;
    uint64_t (*hz)(const struct cpu_identity *identity);
} sources[] = {
    {"by CPUID 15h", by_cpuid},
    {"by the hypervisor", by_timing_leaf},
    {"by Hyper-V", by_hyper_v},
    {"by P-state 0", by_p_state},
};

bool tsc_is_invariant(void)
{
    return cpuid_has(0x80000007) && cpuid(0x80000007, 0).edx & CPUID_80000007_EDX_INVARIANT_TSC;
}

uint64_t tsc_told(const char **source)
{
    struct cpu_identity identity;
    cpu_identify(&identity);
    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
        uint64_t hz = sources[i].hz(&identity);
        if (!hz)
            continue;
        *source = sources[i].name;
        return hz;
    }
    return 0;
}
