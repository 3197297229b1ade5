// Time from the time-stamp counter: its frequency, and the conversion to nanoseconds.
//
// Sources in the order of trust: CPUID 15h [SDM2 CPUID], a hypervisor's timing leaf, a measurement
// of about a millisecond against the PIT. Firmware may have gated the PIT off, so that wait is
// bounded, and its result has to be plausible. Without any of them, time is counted as if the
// counter ran at 1 GHz.

#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/io.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "lib/bits.h"

enum {
    PIT_HZ = 1193182,
    PIT_CHANNEL_2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,        // bit 0 gates channel 2, bit 1 the speaker, bit 5 shows its output
    PIT_COUNT = 1193,       // about a millisecond
    PIT_POLLS_MAX = 200000, // a port access takes about a microsecond on real hardware
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
    enum { TIMING_LEAF = 0x40000010 }; // EAX: TSC frequency in kHz
    if (!(cpuid(1, 0).ecx & BIT(31)) || !cpuid_has(TIMING_LEAF))
        return 0;
    return cpuid(TIMING_LEAF, 0).eax * 1000ull;
}

static uint64_t from_pit(void)
{
    uint8_t gate = port_read8(PIT_GATE);
    port_write8(PIT_GATE, gate & ~3u); // stopped, silent
    port_write8(PIT_COMMAND, 0xb0);    // channel 2, two bytes, mode 0
    port_write8(PIT_CHANNEL_2, PIT_COUNT & 0xff);
    port_write8(PIT_CHANNEL_2, PIT_COUNT >> 8);
    port_write8(PIT_GATE, (gate & ~2u) | 1);
    uint64_t begin = arch_ticks();
    unsigned polls = 0;
    while (!(port_read8(PIT_GATE) & 0x20) && polls < PIT_POLLS_MAX)
        polls++;
    uint64_t ticks = arch_ticks() - begin;
    port_write8(PIT_GATE, gate);
    if (polls < 2 || polls == PIT_POLLS_MAX)
        return 0; // over before it could begin, or never
    return ticks * PIT_HZ / PIT_COUNT;
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
