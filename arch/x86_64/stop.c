// Stopping all other processors, for a panic: each notes where it was and halts.
//
// By NMI, so that one with its interrupts off stops too. It never returns from that NMI, so no
// other one can wake it. One that was in an NMI already can't be reached; it is reported as such.

#include "arch/x86_64/stop.h"
#include "arch/arch.h"
#include "arch/x86_64/debug.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/pmu.h"
#include "arch/x86_64/trap.h"
#include "kernel/clock.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"

#define STOP_NS 200000000ull

static struct percpu *stopper; // NULL: nobody stops anybody

bool stop_on_nmi(struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    struct percpu *by = __atomic_load_n(&stopper, __ATOMIC_ACQUIRE);
    if (!by || by == cpu)
        return false;
    debug_hold_for_good(frame);
    __atomic_store_n(&cpu->stopped_at, frame->rip, __ATOMIC_RELEASE);
    arch_halt();
}

static bool is_stopped(const struct percpu *cpu)
{
    return __atomic_load_n(&cpu->stopped_at, __ATOMIC_ACQUIRE);
}

static bool is_running(const struct percpu *cpu)
{
    return cpu != this_cpu() && __atomic_load_n(&cpu->is_online, __ATOMIC_ACQUIRE) &&
           !is_stopped(cpu);
}

static void wait_all(void)
{
    uint64_t start = clock_ns();
    for (uint32_t i = 0; i < percpu_count(); i++)
        while (is_running(percpu_get(i)) && clock_ns() - start < STOP_NS)
            arch_pause();
}

void arch_stop_others(void)
{
    struct percpu *nobody = NULL;
    pmu_stop();
    if (!__atomic_compare_exchange_n(&stopper, &nobody, this_cpu(), false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return; // in a panic within the panic, they are stopped
    for (uint32_t i = 0; i < percpu_count(); i++)
        if (is_running(percpu_get(i)))
            (void)lapic_send(percpu_get(i)->arch.apic_id, LAPIC_DELIVER_NMI | LAPIC_ASSERT);
    wait_all();
}
