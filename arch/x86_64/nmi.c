// Non-maskable interrupts.
//
// The processor remembers one NMI while another is handled. So an NMI may have more than one
// reason; and where its hooks have answered for two, the second may still come, with nothing left
// to say. That one is nobody's fault: as many as were answered early are forgiven, for a moment.

#include "arch/x86_64/nmi.h"
#include "arch/x86_64/debug.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/trap.h"
#include "kernel/clock.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

enum { HOOKS_MAX = 4 };
#define FORGIVEN_NS 1000000000ull

// System control port B, NMI status and control: the status bits 7 and 6 are cleared by setting
// bits 2 and 3 and taking them back; bits 7 to 4 are written as 0 [PCH].
enum {
    CHIPSET_PORT = 0x61,
    CHIPSET_SERR = BIT(7),  // parity of memory, or an error of the PCI bus
    CHIPSET_IOCHK = BIT(6), // a card's error
    CHIPSET_IOCHK_OFF = BIT(3),
    CHIPSET_SERR_OFF = BIT(2),
    CHIPSET_KEPT = BIT(0) | BIT(1), // the PIT's gate and the speaker
    CHIPSET_ABSENT = 0xff,
};

static nmi_hook *hooks[HOOKS_MAX];
static unsigned hook_count;

static unsigned ask_hooks(struct trap_frame *frame)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < hook_count; i++)
        answered += hooks[i](frame);
    return answered;
}

// The chipset's reasons, cleared so that it can report the next ones; 0: none.
static uint8_t take_chipset_reason(void)
{
    uint8_t status = port_read8(CHIPSET_PORT);
    uint8_t reason = status & (CHIPSET_SERR | CHIPSET_IOCHK);
    if (status == CHIPSET_ABSENT || !reason)
        return 0;
    uint8_t kept = status & CHIPSET_KEPT;
    port_write8(CHIPSET_PORT, kept | (reason & CHIPSET_SERR ? CHIPSET_SERR_OFF : 0) |
                                  (reason & CHIPSET_IOCHK ? CHIPSET_IOCHK_OFF : 0));
    port_write8(CHIPSET_PORT, kept);
    return reason;
}

static const struct trap_frame *unexplained;

static bool is_forgiven(struct percpu *cpu)
{
    if (!cpu->arch.nmis_owed || clock_ns() - cpu->arch.nmis_owed_since > FORGIVEN_NS)
        return false;
    cpu->arch.nmis_owed--;
    return true;
}

void nmi_owe(unsigned count)
{
    struct percpu *cpu = this_cpu();
    cpu->arch.nmis_owed = count;
    cpu->arch.nmis_owed_since = clock_ns();
}

static bool handle_nmi(struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    unsigned answered = ask_hooks(frame);
    if (answered > 1)
        nmi_owe(answered - 1);
    if (answered)
        return true;
    uint8_t reason = take_chipset_reason();
    if (reason & CHIPSET_SERR)
        panic_with_frame(frame, "NMI: memory parity or system error (SERR)");
    if (reason)
        panic_with_frame(frame, "NMI: a card reports an error (IOCHK)");
    if (is_forgiven(cpu) || debug_stop_by_nmi(frame))
        return true;
    unexplained = frame;
    return false;
}

void nmi_init(void)
{
    (void)trap_set_handler(VECTOR_NMI, handle_nmi);
}

void nmi_add_hook(nmi_hook *hook)
{
    ASSERT(hook_count < HOOKS_MAX);
    hooks[hook_count] = hook;
    __atomic_store_n(&hook_count, hook_count + 1, __ATOMIC_RELEASE);
}

void arch_send_nmi(struct percpu *cpu)
{
    (void)lapic_send(cpu->arch.apic_id, LAPIC_DELIVER_NMI | LAPIC_ASSERT);
}

bool arch_takes_interrupts(const struct trap_frame *frame)
{
    return frame->rflags & RFLAGS_IF;
}

void nmi_print(const struct trap_frame *frame, arch_printer *print)
{
    if (frame == unexplained)
        print("no reason found: a dump button, or hardware that says no more\n");
    else
        print("vector %lu, error code 0\n", frame->vector);
}
