// Time-stamp counters of different processors, made to agree.
//
// All start at 0 with the machine's reset, and firmware or a hypervisor may have changed that. What
// was changed on purpose is in a register [SDM3 18.17.3]; for the rest the one asks, the other
// answers with its counter, and the answer was given between asking and hearing: each such trip
// leaves a span in which the difference lies, and all of them together the span that they share.

#include "arch/x86_64/tsc_sync.h"
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/tsc.h"
#include "arch/x86_64/vendor.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"

enum {
    TRIPS = 32,
    TRIPS_PART = 500,     // of a second: no more trips after this
    POLLS_MAX = 50000000, // should a counter stand still: about a second
};

// The first letters of the vendors whose LFENCE has to be told.

// Odd turns are questions, even ones answers. In a cache line of its own.
static struct {
    uint32_t turn;
    uint64_t answer;
} __attribute__((aligned(64))) shared;

static uint64_t boot_adjust; // the boot processor's register

void tsc_bounds_narrow(struct tsc_bounds *bounds, uint64_t asked, uint64_t answered, uint64_t heard)
{
    int64_t low = (int64_t)(answered - heard), high = (int64_t)(answered - asked);
    bounds->low = low > bounds->low ? low : bounds->low;
    bounds->high = high < bounds->high ? high : bounds->high;
}

int64_t tsc_bounds_offset(const struct tsc_bounds *bounds)
{
    if (bounds->low <= 0 && bounds->high >= 0)
        return 0;
    return bounds->low + (bounds->high - bounds->low) / 2;
}

static bool has_adjust(void)
{
    return cpuid_has(7) && cpuid(7, 0).ebx & CPUID_7_EBX_TSC_ADJUST;
}

static void order_reads(void)
{
    uint64_t config;
    if (msr_read(MSR_DE_CFG, &config) == OK && !(config & DE_CFG_LFENCE_SERIALIZE))
        (void)!msr_write(MSR_DE_CFG, config | DE_CFG_LFENCE_SERIALIZE);
}

static void adjust_like_boot(uint64_t adjust)
{
    if (adjust == boot_adjust)
        return;
    bool is_set = msr_write(MSR_TSC_ADJUST, boot_adjust) == OK;
    log_info("clock: this processor's TSC was adjusted by %ld, not %ld: %s", (long)adjust,
             (long)boot_adjust, is_set ? "set right" : "it can't be set");
}

void tsc_cpu_init(void)
{
    uint64_t adjust;
    if (cpuid_is_amd()) // others may have something else at that number
        order_reads();
    if (!has_adjust() || msr_read(MSR_TSC_ADJUST, &adjust) != OK)
        return;
    if (this_cpu()->cpu == 0)
        boot_adjust = adjust;
    else
        adjust_like_boot(adjust);
}

// A wait with an end.
struct limit {
    uint64_t end;
    unsigned polls;
};

static struct limit one_second(void)
{
    return (struct limit){.end = arch_ticks() + clock_frequency()};
}

static bool may_wait(struct limit *limit)
{
    arch_pause();
    return (int64_t)(arch_ticks() - limit->end) < 0 && limit->polls++ < POLLS_MAX;
}

// --- The one that asks ---------------------------------------------------------------------------

static bool make_trip(struct tsc_bounds *bounds, struct limit *limit)
{
    uint32_t turn = (shared.turn + 1) | 1; // also where an asker before has given up
    uint64_t asked = arch_ticks_in_order();
    __atomic_store_n(&shared.turn, turn, __ATOMIC_RELEASE);
    while (__atomic_load_n(&shared.turn, __ATOMIC_ACQUIRE) == turn)
        if (!may_wait(limit))
            return false;
    uint64_t answered = shared.answer;
    tsc_bounds_narrow(bounds, asked, answered, arch_ticks_in_order());
    return true;
}

static void use_bounds(const struct tsc_bounds *bounds)
{
    int64_t offset = tsc_bounds_offset(bounds);
    if (bounds->low > bounds->high)
        log_warn("clock: this processor's TSC runs at another rate than the first one's");
    this_cpu()->tick_offset = offset;
    if (offset)
        log_info("clock: this processor's TSC is off by %ld ticks, +-%ld: corrected", -offset,
                 (bounds->high - bounds->low) / 2);
}

// A remote call, while the boot processor answers.
static void compare(void *context)
{
    struct tsc_bounds bounds = TSC_BOUNDS_NONE;
    struct limit limit = one_second();
    uint64_t start = arch_ticks();
    (void)context;
    for (unsigned i = 0; i < TRIPS; i++) {
        if (i && arch_ticks() - start > clock_frequency() / TRIPS_PART)
            break;
        if (!make_trip(&bounds, &limit))
            return; // nobody listens any more
    }
    use_bounds(&bounds);
}

// --- The one that answers ------------------------------------------------------------------------

static bool answer(const struct remote_work *work)
{
    struct limit limit = one_second();
    while (__atomic_load_n(&work->is_pending, __ATOMIC_ACQUIRE)) {
        uint32_t turn = __atomic_load_n(&shared.turn, __ATOMIC_ACQUIRE);
        if (turn % 2) {
            shared.answer = clock_ticks();
            __atomic_store_n(&shared.turn, turn + 1, __ATOMIC_RELEASE);
        } else if (!may_wait(&limit)) {
            return false;
        }
    }
    return true;
}

void tsc_sync_all(void)
{
    static struct remote_work work;
    for (uint32_t cpu = 1; cpu < percpu_count(); cpu++) {
        if (!remote_post(cpu, &work, compare, NULL) || answer(&work))
            continue;
        log_warn("clock: CPU %u doesn't answer: its TSC and those behind it aren't compared", cpu);
        return;
    }
}
