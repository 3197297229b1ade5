// How a processor waits: HLT until it is interrupted, or MWAIT until then or until somebody writes
// to where it watches [SDM3 9.10.4] [APM3 MWAIT]: whoever has something for it saves the interrupt
// then.
//
// On a hypervisor HLT is better: it tells that the processor isn't needed. And on some of Intel's
// the watch doesn't see all writes.

#include "arch/x86_64/wait.h"
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/vendor.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "lib/compiler.h"
#include "lib/string.h"

bool arch_never_interrupts = true; // until processors are started

static enum { WAIT_CHOOSE, WAIT_HLT, WAIT_MWAIT } way;

OPTION(idle, "hlt|mwait", "how processors wait that have nothing to do")
{
    if (string_equal(value, "hlt"))
        way = WAIT_HLT;
    else if (string_equal(value, "mwait"))
        way = WAIT_MWAIT;
    else
        return BAD_ARGUMENT;
    return OK;
}

// Nehalem-EX, Westmere-EX, Dunnington: the line has to be flushed first; Goldmont, Lunar Lake:
// writes can be missed.
static bool misses_writes(void)
{
    static const uint8_t models[] = {0x1d, 0x2e, 0x2f, 0x5c, 0xbd};
    uint32_t signature = cpuid(1, 0).eax;
    unsigned model = (signature >> 12 & 0xf0) | (signature >> 4 & 0xf);
    if (cpuid_is_amd() || cpuid_family() != 6)
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        if (model == models[i])
            return true;
    return false;
}

static bool has_mwait(void)
{
    return cpuid(1, 0).ecx & CPUID_1_ECX_MONITOR && cpuid_has(5) && cpuid(5, 0).ebx;
}

void wait_init(void)
{
    bool is_guest = cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR;
    if (way == WAIT_MWAIT && !has_mwait())
        log_warn("idle: this processor has no MWAIT");
    if (!has_mwait() || (way == WAIT_CHOOSE && (is_guest || misses_writes())))
        way = WAIT_HLT;
    else if (way == WAIT_CHOOSE)
        way = WAIT_MWAIT;
    log_debug("idle: processors wait by %s", way == WAIT_MWAIT ? "MWAIT" : "HLT");
}

// STI takes effect behind the next instruction: nothing is missed between the two.
void arch_wait_for_interrupt(void)
{
    if (lapic.is_present)
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
    else
        arch_pause();
}

bool arch_can_watch(void)
{
    return way == WAIT_MWAIT && lapic.is_present;
}

void arch_stop_watching(void)
{
    way = WAIT_HLT;
    log_warn("idle: MWAIT misses writes here, so processors wait by HLT");
}

void arch_watch(const uint8_t *watched)
{
    __asm__ volatile("monitor" : : "a"(watched), "c"(0), "d"(0) : "memory");
    if (!__atomic_load_n(watched, __ATOMIC_SEQ_CST))
        __asm__ volatile("sti\n\tmwait\n\tcli" : : "a"(0), "c"(0) : "memory");
}
