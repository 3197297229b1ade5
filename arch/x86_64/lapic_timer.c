// The local APIC's timer [SDM3 11.5.4] [APM2 16.4.1].
//
// Where it doesn't know the TSC, it counts down at a rate of its own: the crystal's where CPUID 15h
// tells that, else it is measured against the TSC. What it counts follows when the TSC's rate is
// refined, but not while the clock slews: then it comes too early or too late by as much.

#include "arch/x86_64/lapic_timer.h"
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/vector.h"
#include "arch/x86_64/vendor.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"
#include "lib/bits.h"

enum {
    MODE_ONE_SHOT = 0,
    MODE_DEADLINE = BIT(18),
    DIVIDE_BY_1 = 0xb,
    READS = 5, // of which the narrowest counts
};

#define MEASURE_NS    500000ull
#define PLAUSIBLE_MIN 100000ull // counts a second

static enum { KIND_NONE, KIND_COUNTER, KIND_DEADLINE } kind;
static uint64_t counts_per_tick; // 32 bits of fraction
static uint64_t counts_per_ns;   // the same, by what is known of the ticks' rate
static uint64_t reach_ns;        // for which 32 bits are enough

struct sample {
    uint64_t ticks, width;
    uint32_t count;
};

static struct sample start; // of the measurement

static struct sample take_sample(void)
{
    struct sample best = {.width = UINT64_MAX};
    for (unsigned i = 0; i < READS; i++) {
        uint64_t before = arch_ticks_in_order();
        uint32_t count = lapic_read(LAPIC_TIMER_CURRENT);
        uint64_t width = arch_ticks_in_order() - before;
        if (width < best.width)
            best = (struct sample){before + width / 2, width, count};
    }
    return best;
}

static bool has_deadline(void)
{
    return cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE;
}

void lapic_timer_begin(void)
{
    if (!lapic.is_present || has_deadline())
        return;
    lapic_write(LAPIC_LVT_TIMER, LAPIC_MASKED | MODE_ONE_SHOT | VECTOR_TIMER);
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_TIMER_INITIAL, UINT32_MAX);
    start = take_sample();
}

// Counts a second. [SDM3 11.5.4]: where the crystal's rate is told, the timer has it.
static uint64_t find_rate(void)
{
    struct cpuid r = cpuid_has(0x15) ? cpuid(0x15, 0) : (struct cpuid){0};
    if (r.eax && r.ebx && r.ecx)
        return r.ecx;
    uint64_t begun_ns = clock_ticks_to_ns(start.ticks), passed_ns = clock_ns() - begun_ns;
    if (passed_ns < MEASURE_NS) // the TSC's rate was told and not measured
        clock_delay_ns(MEASURE_NS - passed_ns);
    struct sample end = take_sample();
    uint32_t counts = end.count ? start.count - end.count : 0; // 0: it has run out
    return arch_mul_div(counts, clock_frequency(), end.ticks - start.ticks);
}

void lapic_timer_refine(void)
{
    uint64_t rate = arch_mul_div(counts_per_tick, clock_frequency(), NS_PER_SECOND);
    if (!rate)
        return;
    uint64_t reach = arch_mul_div(UINT32_MAX - 1, BIT(32), rate + 1);
    __atomic_store_n(&reach_ns, reach, __ATOMIC_RELAXED);
    __atomic_store_n(&counts_per_ns, rate, __ATOMIC_RELAXED);
}

static void tick(void *context)
{
    (void)context;
    lapic_eoi();
    timer_run_due();
}

// In that sleep the timer stands still, and nothing would end a wait.
static void forbid_c1e(void)
{
    enum { LAST_FAMILY = 0x11 };
    uint64_t value;
    if (cpuid_is_amd() && cpuid_family() <= LAST_FAMILY &&
        msr_read(MSR_INT_PENDING, &value) == OK && value & INT_PENDING_C1E)
        (void)!msr_write(MSR_INT_PENDING, value & ~INT_PENDING_C1E);
}

// [SDM3 11.5.4.1]: a write of the LVT to memory has to be waited for before the deadline's register
// is written.
void lapic_timer_cpu_init(void)
{
    if (kind == KIND_NONE)
        return;
    forbid_c1e();
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER,
                VECTOR_TIMER | (kind == KIND_DEADLINE ? (uint32_t)MODE_DEADLINE : MODE_ONE_SHOT));
    __asm__ volatile("mfence\n\tlfence" : : : "memory");
    uintptr_t state = arch_irq_save();
    timer_run_due(); // starts it for what waits already
    arch_irq_restore(state);
}

void lapic_timer_init(void)
{
    if (!lapic.is_present)
        return;
    vector_set(VECTOR_TIMER, tick, NULL, "timer");
    if (has_deadline()) {
        kind = KIND_DEADLINE;
    } else {
        uint64_t rate = find_rate();
        if (rate < PLAUSIBLE_MIN) {
            log_warn("clock: the local APIC's timer doesn't count: it isn't used");
            return;
        }
        kind = KIND_COUNTER;
        counts_per_tick = arch_mul_div(rate, BIT(32), clock_frequency());
        lapic_timer_refine();
        log_debug("clock: the local APIC's timer at %lu.%03lu MHz", rate / 1000000,
                  rate / 1000 % 1000);
    }
    lapic_timer_cpu_init();
}

const char *arch_timer_name(void)
{
    static const char *const names[] = {NULL, "local APIC", "TSC deadline"};
    return names[kind];
}

noinline static void start_otherwise(uint64_t deadline_ns, uint64_t now_ns)
{
    if (kind == KIND_COUNTER) {
        lapic_write(LAPIC_TIMER_INITIAL, deadline_ns <= now_ns ? 1 : UINT32_MAX);
    } else if (kind == KIND_DEADLINE) {
        uint64_t ticks = clock_ns_to_ticks(deadline_ns) - (uint64_t)arch_own_percpu()->tick_offset;
        wrmsr(MSR_TSC_DEADLINE, ticks | !ticks); // 0 would stop it
    }
}

// One more than the whole counts until then: early would mean to be started again. The reach is 0
// where nothing counts down.
void arch_timer_start(uint64_t deadline_ns, uint64_t now_ns)
{
    uint64_t ns = deadline_ns - now_ns;
    if (unlikely(ns - 1 >= reach_ns)) { // what has passed is far, too
        start_otherwise(deadline_ns, now_ns);
        return;
    }
    uint64_t counts = (uint64_t)((unsigned __int128)ns * counts_per_ns >> 32) + 1;
    lapic_write(LAPIC_TIMER_INITIAL, (uint32_t)counts);
}
