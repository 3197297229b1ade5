// The clock is the time-stamp counter: its rate, from whoever tells it, else by a measurement of
// about 2 ms against the best reference that answers, which is refined a second later, behind the
// prompt. Without any of them, time is counted as if the counter ran at 1 GHz.

#include "arch/x86_64/tsc.h"
#include "arch/x86_64/calibrate.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/lapic_timer.h"
#include "arch/x86_64/reference.h"
#include "arch/x86_64/registers.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/timer.h"

#define PLAUSIBLE_MIN 100000000ull // of what is told
#define PLAUSIBLE_MAX 20000000000ull
#define REFINE_NS     NS_PER_SECOND

static const struct {
    const struct reference *(*start)(void);
    const char *source;
} references[] = {
    {hpet_start, "by the HPET"},
    {pm_timer_start, "by the PM timer"},
    {pit_start, "by the PIT"},
};

static const struct reference *reference; // of the measurement; NULL: there was none
static struct calibration calibration;

#define MHZ_FORMAT "%lu.%03lu MHz"
#define MHZ(hz)    (hz) / 1000000, (hz) / 1000 % 1000

static bool use_told(void)
{
    const char *source;
    uint64_t hz = tsc_told(&source);
    if (!hz)
        return false;
    if (hz < PLAUSIBLE_MIN || hz > PLAUSIBLE_MAX) {
        log_warn("clock: the TSC can't run at " MHZ_FORMAT ", %s: not believed", MHZ(hz), source);
        return false;
    }
    clock_set_frequency(hz, source);
    log_info("clock: TSC at " MHZ_FORMAT ", %s", MHZ(hz), source);
    return true;
}

static void stop_reference(const struct reference *used)
{
    if (used->stop)
        used->stop();
}

static bool use_reference(const struct reference *candidate, const char *source)
{
    if (!candidate)
        return false;
    const char *problem = calibrate(candidate, &calibration);
    if (problem) {
        log_info("clock: %s isn't used: it %s", candidate->name, problem);
        stop_reference(candidate);
        return false;
    }
    reference = candidate;
    clock_set_frequency(calibration.hz, source);
    log_info("clock: TSC at " MHZ_FORMAT ", %s, +-%lu ppm", MHZ(calibration.hz), source,
             calibration.error_ppm);
    return true;
}

static bool use_measured(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(references); i++)
        if (use_reference(references[i].start(), references[i].source))
            return true;
    return false;
}

// --- The same, better ----------------------------------------------------------------------------

static void tell_refined(const struct calibration *refined, const struct calibration *before)
{
    int64_t change = (int64_t)(refined->hz - before->hz);
    int64_t ppb = change * 1000 / (int64_t)(before->hz / 1000000);
    uint64_t size = (uint64_t)(ppb < 0 ? -ppb : ppb);
    log_debug("clock: refined to " MHZ_FORMAT " against %s: %c%lu.%03lu ppm, +-%lu ppm",
              MHZ(refined->hz), reference->name, ppb < 0 ? '-' : '+', size / 1000, size % 1000,
              refined->error_ppm);
}

// Runs a second after the measurement.
static void refine(void *context)
{
    struct calibration refined;
    (void)context;
    const char *problem = calibrate_further(reference, &calibration, &refined);
    stop_reference(reference);
    if (problem)
        log_info("clock: not refined: %s %s", reference->name, problem);
    else if (refined.error_ppm >= calibration.error_ppm)
        log_debug("clock: not refined: +-%lu ppm isn't better", refined.error_ppm);
    else if (clock_refine(refined.hz) != OK)
        log_info("clock: not refined: the processor was away");
    else
        tell_refined(&refined, &calibration);
    lapic_timer_refine();
}

// --- At start ------------------------------------------------------------------------------------

// A hypervisor has a reason if it doesn't promise more: it may move its guest.
static void tell_variance(void)
{
    bool is_guest = cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR;
    if (!tsc_is_invariant())
        log_write(is_guest ? LOG_DEBUG : LOG_WARN,
                  "clock: the TSC isn't invariant: time may go wrong when its rate changes");
}

void clock_init(void)
{
    static struct timer timer;
    tsc_cpu_init();
    lapic_timer_begin();
    if (!use_told() && !use_measured())
        log_warn("clock: no source for the TSC's frequency; times assume 1 GHz");
    tell_variance();
    lapic_timer_init();
    if (reference) {
        timer_init(&timer, refine, NULL, "clock");
        timer_arm(&timer, clock_ns() + REFINE_NS);
    }
}
