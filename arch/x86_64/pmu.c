// One counter a processor, of cycles in which it isn't halted [SDM3 20.2] [APM2 13.2]. It counts up
// from minus the period, and raises an NMI when it comes to 0.

#include "arch/x86_64/pmu.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/nmi.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/vendor.h"
#include "kernel/clock.h"
#include "kernel/percpu.h"
#include "kernel/watchdog.h"
#include "lib/bits.h"

#define NS_PER_MS     1000000ull
#define MS_PER_SECOND 1000
#define TRIAL_CYCLES  100000
#define TRIAL_NS      1000000

// The same on all processors that are counted on: others fail their trial.
static struct pmu {
    enum { PMU_NONE, PMU_INTEL, PMU_AMD } kind;
    uint32_t select, counter; // AMD's registers
    unsigned width;
    uint64_t period;
} pmu;

static void find_intel(void)
{
    struct cpuid r = cpuid_has(0xa) ? cpuid(0xa, 0) : (struct cpuid){.eax = 0};
    pmu.width = (unsigned)field_get(CPUID_0A_EDX_WIDTH, r.edx);
    if (field_get(CPUID_0A_EAX_VERSION, r.eax) >= 2 && field_get(CPUID_0A_EDX_FIXED, r.edx) >= 2 &&
        pmu.width > 32 && pmu.width < 64)
        pmu.kind = PMU_INTEL;
}

// That all have the first of these is said by nothing but the vendor [APM2 13.2.1].
static void find_amd(void)
{
    if (!cpuid_is_amd())
        return;
    bool has_core =
        cpuid_has(0x80000001) && cpuid(0x80000001, 0).ecx & CPUID_80000001_ECX_PERF_CORE;
    pmu.kind = PMU_AMD;
    pmu.width = 48;
    pmu.select = has_core ? MSR_AMD_CORE_SELECT : MSR_AMD_PERF_SELECT;
    pmu.counter = has_core ? MSR_AMD_CORE_COUNTER : MSR_AMD_PERF_COUNTER;
}

// Starts it anew. False where a register isn't there.
static bool set_counter(uint64_t cycles)
{
    uint64_t start = -cycles & BITS(pmu.width - 1, 0);
    if (pmu.kind == PMU_AMD)
        return msr_write(pmu.counter, start) == OK;
    return msr_write(MSR_FIXED_COUNTER_1, start) == OK &&
           msr_write(MSR_PERF_CLEAR, PERF_FIXED_1) == OK;
}

// The firmware, or a hypervisor below, may use it [SDM3 20.2.1]: then it isn't free.
static bool is_free(void)
{
    uint64_t control;
    if (pmu.kind == PMU_AMD)
        return msr_read(pmu.select, &control) == OK && !(control & PERF_SELECT_ENABLE);
    return msr_read(MSR_FIXED_CONTROL, &control) == OK && !(control & FIXED_CONTROL_1);
}

// Changes some bits; returns whether they read back as they were written. (Registers that an
// emulator ignores don't.)
static bool change(uint32_t msr, uint64_t mask, uint64_t bits)
{
    uint64_t before, after;
    return msr_read(msr, &before) == OK && msr_write(msr, (before & ~mask) | bits) == OK &&
           msr_read(msr, &after) == OK && (after & mask) == bits;
}

static bool enable(void)
{
    if (pmu.kind == PMU_AMD)
        return change(pmu.select, ~0ull,
                      PERF_SELECT_CYCLES | PERF_SELECT_ALL | PERF_SELECT_NMI | PERF_SELECT_ENABLE);
    return change(MSR_FIXED_CONTROL, FIXED_CONTROL_1, FIXED_CONTROL_1_ALL | FIXED_CONTROL_1_NMI) &&
           change(MSR_PERF_CONTROL, PERF_FIXED_1, PERF_FIXED_1);
}

static void disable(void)
{
    lapic_write(LAPIC_LVT_PMU, LAPIC_DELIVER_NMI | LAPIC_MASKED);
    if (pmu.kind == PMU_AMD)
        (void)change(pmu.select, ~0ull, 0);
    else
        (void)change(MSR_FIXED_CONTROL, FIXED_CONTROL_1, 0);
}

static bool has_overflowed(void)
{
    uint64_t value;
    if (pmu.kind == PMU_AMD)
        return msr_read(pmu.counter, &value) == OK && !(value & AMD_COUNTER_SIGN);
    return msr_read(MSR_PERF_STATUS, &value) == OK && value & PERF_FIXED_1;
}

// Delivering the NMI masks its LVT entry on Intel's processors [SDM3 11.5.1].
static bool count_nmi(struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    if (!cpu->arch.counts_cycles || !has_overflowed())
        return false;
    cpu->arch.counter_nmis++;
    (void)set_counter(pmu.period);
    lapic_write(LAPIC_LVT_PMU, LAPIC_DELIVER_NMI);
    if (!cpu->arch.debug.frame) // held for a debugger, it is still for as long as that takes
        watchdog_look_at_self(frame);
    return true;
}

// A short period, and whether anything comes of it.
static bool is_proven(struct percpu *cpu)
{
    uint64_t start = clock_ns(), before = cpu->arch.counter_nmis;
    const volatile uint64_t *nmis = &cpu->arch.counter_nmis;
    if (!set_counter(TRIAL_CYCLES))
        return false;
    lapic_write(LAPIC_LVT_PMU, LAPIC_DELIVER_NMI);
    if (!enable())
        return false;
    while (*nmis == before && clock_ns() - start < TRIAL_NS)
        arch_pause();
    return *nmis != before;
}

bool arch_watch_self(void)
{
    struct percpu *cpu = this_cpu();
    if (pmu.kind == PMU_NONE || !lapic.is_present || !is_free())
        return false;
    pmu.period = watchdog_interval_ns() / NS_PER_MS * (clock_frequency() / MS_PER_SECOND);
    if (pmu.period >> (pmu.width - 1)) // it then looks more often
        pmu.period = BIT(pmu.width - 1);
    cpu->arch.counts_cycles = true;
    if (is_proven(cpu))
        return true;
    disable();
    cpu->arch.counts_cycles = false;
    nmi_owe(1); // it may still come, and nobody would know whose it is
    return false;
}

void pmu_stop(void)
{
    if (this_cpu()->arch.counts_cycles)
        disable();
}

void pmu_init(void)
{
    find_intel();
    if (pmu.kind == PMU_NONE)
        find_amd();
    if (pmu.kind != PMU_NONE)
        nmi_add_hook(count_nmi);
}
