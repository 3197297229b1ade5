// The local APIC: switching it on, and sending.

#include "arch/x86_64/lapic.h"
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vector.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/percpu.h"
#include "kernel/platform.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/vspace.h"

enum {
    SPURIOUS_ENABLE = BIT(8),
    VERSION_LAST_LVT = 16, // the number of LVT entries, less 1
    SEND_POLLS_MAX = 100000,
    VECTORS_A_WORD = 32,
};

struct lapic lapic;

static bool is_forbidden;

static enum { X2APIC_AS_FOUND, X2APIC_ON, X2APIC_OFF } wanted = X2APIC_AS_FOUND;

OPTION(x2apic, "on|off", "the local APICs' mode; as the firmware has left it if not said")
{
    if (!string_equal(value, "on") && !string_equal(value, "off"))
        return BAD_ARGUMENT;
    wanted = value[1] == 'n' ? X2APIC_ON : X2APIC_OFF;
    return OK;
}

void lapic_forbid(void)
{
    is_forbidden = true;
}

uint32_t lapic_id_leaf(void)
{
    enum { TOPOLOGY_LEAF = 0xb };
    return cpuid_has(TOPOLOGY_LEAF) && cpuid(TOPOLOGY_LEAF, 0).ebx & 0xffff ? TOPOLOGY_LEAF : 1;
}

uint32_t lapic_cpu_id(void)
{
    uint32_t leaf = lapic_id_leaf();
    struct cpuid r = cpuid(leaf, 0);
    return leaf == 1 ? (uint32_t)field_get(CPUID_1_EBX_APIC_ID, r.ebx) : r.edx;
}

bool lapic_is_in_service(uint8_t vector)
{
    unsigned offset = 16u * (vector / VECTORS_A_WORD);
    return lapic.is_present && lapic_read((enum lapic_register)(LAPIC_IN_SERVICE + offset)) &
                                   BIT(vector % VECTORS_A_WORD);
}

// --- Sending -------------------------------------------------------------------------------------

static bool wait_sent(void)
{
    for (unsigned i = 0; i < SEND_POLLS_MAX; i++) {
        if (!(lapic_read(LAPIC_COMMAND) & LAPIC_PENDING))
            return true;
        arch_pause();
    }
    return false;
}

// In x2APIC mode writing the register waits for nothing, so that stores before it have to be
// waited for [SDM3 11.12.3].
enum status lapic_send(uint32_t apic_id, uint32_t command)
{
    if (lapic.is_x2apic) {
        __asm__ volatile("mfence\n\tlfence" : : : "memory");
        wrmsr(MSR_X2APIC + LAPIC_COMMAND / 16, (uint64_t)apic_id << 32 | command);
        return OK;
    }
    if (!lapic.is_present)
        return NOT_SUPPORTED;
    uintptr_t state = arch_irq_save(); // an interrupt's handler may send, too
    bool is_free = wait_sent();
    if (is_free) {
        lapic_write(LAPIC_COMMAND_HIGH, apic_id << 24);
        lapic_write(LAPIC_COMMAND, command);
    }
    arch_irq_restore(state);
    return is_free ? OK : TIMED_OUT;
}

void lapic_send_self(uint8_t vector)
{
    uint32_t command = LAPIC_DELIVER_FIXED | LAPIC_ASSERT | LAPIC_TO_SELF | vector;
    if (lapic.is_x2apic)
        wrmsr(MSR_X2APIC + LAPIC_COMMAND / 16, command);
    else if (lapic.is_present && wait_sent())
        lapic_write(LAPIC_COMMAND, command);
}

// --- What it raises itself -----------------------------------------------------------------------

static void spurious(void *context)
{
    (void)context; // counted, and not acknowledged [SDM3 11.9]
}

static void tell_errors(void *context)
{
    static const char *const names[] = {
        "send checksum",           "receive checksum",       "send accept",
        "receive accept",          "redirectable interrupt", "illegal vector sent",
        "illegal vector received", "illegal register"};
    enum { TOLD = 8 };
    static unsigned told;
    (void)context;
    lapic_write(LAPIC_ERROR_STATUS, 0); // latches what has come since the last time
    uint32_t errors = lapic_read(LAPIC_ERROR_STATUS);
    lapic_eoi();
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (errors & BIT(i) && __atomic_fetch_add(&told, 1, __ATOMIC_RELAXED) < TOLD)
            log_warn("lapic: %s error", names[i]);
}

// --- Switching it on -----------------------------------------------------------------------------

static bool has_x2apic(void)
{
    return cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC;
}

static bool needs_x2apic(void)
{
    for (unsigned i = 0; i < platform.cpu_count; i++)
        if (platform.cpus[i].is_enabled && platform.cpus[i].apic_id > LAPIC_XAPIC_ID_MAX)
            return true;
    return false;
}

// There is no way back from x2APIC mode but through switching the APIC off, which forgets what
// firmware may rely on [SDM3 11.12.5]: the boot processor doesn't go it.
static bool choose_x2apic(uint64_t base)
{
    bool is_on = base & APIC_BASE_X2APIC;
    if (is_on && wanted == X2APIC_OFF)
        log_warn("lapic: the firmware has left x2APIC mode on; it stays");
    if (!is_on && wanted == X2APIC_ON && !has_x2apic())
        log_warn("lapic: x2apic=on, but this processor has no such mode");
    return is_on ||
           (has_x2apic() && (wanted == X2APIC_ON || (wanted != X2APIC_OFF && needs_x2apic())));
}

static bool set_mode(void)
{
    uint64_t base;
    if (msr_read(MSR_APIC_BASE, &base) != OK)
        return false;
    const uint64_t both = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
    uint64_t mode = lapic.is_x2apic ? both : APIC_BASE_ENABLE;
    if ((base & both) == mode)
        return true;
    if (base & APIC_BASE_X2APIC && msr_write(MSR_APIC_BASE, base & ~both) != OK)
        return false; // the way back leads through off, the way there through xAPIC
    return msr_write(MSR_APIC_BASE, (base & ~both) | APIC_BASE_ENABLE) == OK &&
           msr_write(MSR_APIC_BASE, (base & ~both) | mode) == OK;
}

// An interrupt that was delivered to the firmware and never acknowledged keeps others out.
static void acknowledge_old(void)
{
    enum { WORDS = 256 / VECTORS_A_WORD };
    for (unsigned word = 0; word < WORDS; word++)
        for (unsigned i = 0; i < VECTORS_A_WORD; i++) {
            if (!lapic_read((enum lapic_register)(LAPIC_IN_SERVICE + 16 * word)))
                break;
            lapic_eoi();
        }
}

static void set_input(enum lapic_register entry, unsigned lint, uint32_t uid)
{
    lapic_write(entry, LAPIC_MASKED | LAPIC_DELIVER_EXTINT); // as firmware has it, but for the mask
    for (unsigned i = 0; i < platform.nmi_count; i++) {
        const struct platform_nmi *nmi = &platform.nmis[i];
        if (nmi->lint == lint && (nmi->uid == uid || nmi->uid == PLATFORM_ALL_CPUS))
            lapic_write(entry, LAPIC_DELIVER_NMI | (nmi->is_low ? LAPIC_ACTIVE_LOW : 0) |
                                   (nmi->is_level ? LAPIC_LEVEL : 0));
    }
}

static uint32_t uid_of(uint32_t apic_id)
{
    for (unsigned i = 0; i < platform.cpu_count; i++)
        if (platform.cpus[i].apic_id == apic_id)
            return platform.cpus[i].uid;
    return PLATFORM_ALL_CPUS;
}

// Firmware may watch the temperature by its own interrupts.
static bool is_firmwares(enum lapic_register entry)
{
    return (lapic_read(entry) & LAPIC_DELIVERY) == LAPIC_DELIVER_SMI;
}

static void set_entries(void)
{
    static const struct {
        enum lapic_register entry;
        unsigned number; // it is there where there are as many
    } masked[] = {
        {LAPIC_LVT_TIMER, 0}, {LAPIC_LVT_PMU, 4}, {LAPIC_LVT_THERMAL, 5}, {LAPIC_LVT_CMCI, 6}};
    uint32_t last = lapic_read(LAPIC_VERSION) >> VERSION_LAST_LVT & 0xff;
    for (unsigned i = 0; i < ARRAY_SIZE(masked); i++)
        if (masked[i].number <= last && !is_firmwares(masked[i].entry))
            lapic_write(masked[i].entry, LAPIC_MASKED);
    uint32_t uid = uid_of(this_cpu()->arch.apic_id);
    set_input(LAPIC_LVT_LINT0, 0, uid);
    set_input(LAPIC_LVT_LINT1, 1, uid);
    lapic_write(LAPIC_LVT_ERROR, VECTOR_APIC_ERROR);
}

// The register's word, which is what others send to; firmware may have changed it since CPUID's.
static uint32_t read_id(void)
{
    uint32_t id = lapic_read(LAPIC_ID);
    return lapic.is_x2apic ? id : id >> 24;
}

bool lapic_cpu_init(void)
{
    if (!set_mode())
        return false;
    this_cpu()->arch.apic_id = read_id();
    lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    set_entries();
    lapic_write(LAPIC_ERROR_STATUS, 0);
    acknowledge_old();
    // The last: a request of the 8259 that came before its input was masked stays with QEMU's
    // processor, without a vector, until the APIC looks again at what there is.
    lapic_write(LAPIC_TASK_PRIORITY, 0);
    return true;
}

// Its registers, in xAPIC mode, lie where MSR_APIC_BASE says, whatever the tables say.
static enum status find_registers(uint64_t base)
{
    void *mapped;
    enum status status =
        vspace_map_mmio(base & PTE_ADDRESS, PAGE_SIZE, MAP_UNCACHED, "local APIC", &mapped);
    if (status == OK)
        lapic.registers = mapped;
    return status;
}

static bool is_told(void)
{
    return cpuid(1, 0).edx & CPUID_1_EDX_APIC;
}

// CPUID tells of one that is switched on only.
static bool find_base(uint64_t *base)
{
    if (msr_read(MSR_APIC_BASE, base) != OK)
        return false;
    if (!is_told() && !(*base & APIC_BASE_ENABLE))
        (void)!msr_write(MSR_APIC_BASE, *base | APIC_BASE_ENABLE);
    return is_told();
}

void lapic_init(void)
{
    uint64_t base;
    this_cpu()->arch.apic_id = lapic_cpu_id();
    if (is_forbidden)
        return;
    if (!find_base(&base)) {
        log_warn("lapic: this processor has none: no interrupts, one processor");
        return;
    }
    vector_set(VECTOR_SPURIOUS, spurious, NULL, "spurious");
    vector_set(VECTOR_APIC_ERROR, tell_errors, NULL, "APIC error");
    lapic.is_x2apic = choose_x2apic(base);
    lapic.is_present = (lapic.is_x2apic || find_registers(base) == OK) && lapic_cpu_init();
    if (!lapic.is_present) {
        log_warn("lapic: can't be switched on: no interrupts, one processor");
        return;
    }
    log_info("lapic: id %u, %s mode%s", this_cpu()->arch.apic_id,
             lapic.is_x2apic ? "x2APIC" : "xAPIC",
             base & APIC_BASE_ENABLE ? "" : ", was switched off");
}
