// Time from the time-stamp counter: its frequency, and the conversion to nanoseconds.
//
// Sources in the order of trust: CPUID 15h [SDM2 CPUID], a hypervisor's timing leaf, a measurement
// of about a millisecond against the PIT. Firmware may have gated the PIT off, so that wait is
// bounded, and its result has to be plausible. Without any of them, time is counted as if the
// counter ran at 1 GHz.

#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/io.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "lib/bits.h"
#include "lib/string.h"

enum {
    PIT_HZ = 1193182,
    PIT_CHANNEL_2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    PIT_GATED = BIT(0),   // channel 2 counts
    PIT_SPEAKER = BIT(1), // and is heard
    PIT_OUTPUT = BIT(5),
    PIT_ONE_SHOT = 0xb0,    // channel 2, two bytes, mode 0: the output rises at the end
    PIT_COUNT = 1193,       // about a millisecond
    PIT_POLLS_MAX = 200000, // a port access takes about a microsecond on real hardware
    PIT_TRIES = 10,
    PIT_PRECISION = 200, // an error of half a per cent ends the search
    PIT_ACCEPTED = 20,   // one of five per cent is better than nothing
};

#define NS_PER_SECOND 1000000000ull
#define PLAUSIBLE_MIN 1000000ull // emulators can be slow
#define PLAUSIBLE_MAX 20000000000ull

static uint64_t start_ticks;
static uint64_t frequency = NS_PER_SECOND;
static uint64_t ns_per_tick = 1ull << 32; // fixed point, 32 bits of fraction
static const char *source = "assumed";

static uint64_t from_cpuid(void)
{
    if (!cpuid_has(0x15))
        return 0;
    struct cpuid r = cpuid(0x15, 0);
    return r.eax ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

static uint64_t from_hypervisor(void)
{
    enum { TIMING_LEAF = 0x40000010 }; // EAX: TSC frequency in kHz, by VMware's definition
    struct cpu_identity identity;
    cpu_identify(&identity);
    if (!cpuid_has(TIMING_LEAF) || !(string_equal(identity.hypervisor_vendor, "VMwareVMware") ||
                                     string_equal(identity.hypervisor_vendor, "KVMKVMKVM")))
        return 0;
    return cpuid(TIMING_LEAF, 0).eax * 1000ull;
}

static bool pit_is_done(void)
{
    return port_read8(PIT_GATE) & PIT_OUTPUT;
}

struct interval {
    uint64_t ticks, error; // error: how far ticks may be off
};

// One interval of the PIT. Its start lies between two readings of the counter, and so does its end:
// one that seems over at once has an error as large as itself. Returns false where it never ends.
static bool measure_pit(struct interval *interval)
{
    port_write8(PIT_COMMAND, PIT_ONE_SHOT);
    port_write8(PIT_CHANNEL_2, PIT_COUNT & 0xff);
    uint64_t before_start = arch_ticks();
    port_write8(PIT_CHANNEL_2, PIT_COUNT >> 8); // now it counts
    uint64_t after_start = arch_ticks();
    uint64_t before_end = after_start, poll_start = after_start, after_end;
    bool done;
    for (unsigned polls = 0;; polls++) {
        done = pit_is_done();
        after_end = arch_ticks();
        if (done || polls == PIT_POLLS_MAX)
            break;
        before_end = poll_start; // it wasn't over when that poll began, whenever that ended
        poll_start = after_end;
    }
    interval->ticks = (after_end + before_end - after_start - before_start) / 2;
    interval->error = (after_start - before_start) + (after_end - before_end);
    return done;
}

// A host that is busy elsewhere, or the firmware's own interrupts, stretch what is measured: the
// interval with the smallest error counts.
static uint64_t from_pit(void)
{
    struct interval best = {0, UINT64_MAX}, next;
    uint8_t gate = port_read8(PIT_GATE) & (uint8_t) ~(PIT_GATED | PIT_SPEAKER);
    port_write8(PIT_GATE, gate | PIT_GATED);
    for (unsigned i = 0; i < PIT_TRIES && best.error > best.ticks / PIT_PRECISION; i++) {
        if (!measure_pit(&next))
            break;
        if (next.error < best.error)
            best = next;
    }
    port_write8(PIT_GATE, gate);
    return best.error <= best.ticks / PIT_ACCEPTED ? best.ticks * PIT_HZ / PIT_COUNT : 0;
}

static bool accept(uint64_t hz, const char *name)
{
    if (hz < PLAUSIBLE_MIN || hz > PLAUSIBLE_MAX)
        return false;
    frequency = hz;
    ns_per_tick = (NS_PER_SECOND << 32) / hz;
    source = name;
    return true;
}

void clock_init(void)
{
    if (accept(from_cpuid(), "CPUID 15h") || accept(from_hypervisor(), "the hypervisor") ||
        accept(from_pit(), "measured against the PIT"))
        log_info("clock: TSC at %lu.%03lu MHz, %s", frequency / 1000000, frequency / 1000 % 1000,
                 source);
    else
        log_warn("clock: no source for the TSC's frequency; times assume 1 GHz");
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)(ticks - start_ticks) * ns_per_tick >> 32);
}

uint64_t clock_ns(void)
{
    return clock_ticks_to_ns(arch_ticks());
}

uint64_t clock_frequency(void)
{
    return frequency;
}

const char *clock_source(void)
{
    return source;
}

void clock_delay_ns(uint64_t delay_ns)
{
    uint64_t start = clock_ns();
    while (clock_ns() - start < delay_ns)
        arch_pause();
}

void clock_start(void)
{
    start_ticks = arch_ticks();
}
