// Machine checks: banks, the exception, and what is found.
//
// The exception may come anywhere, so its handler takes no lock and writes no log: errors that
// can be lived with are noted, and logged in an interrupt that it sends to its own processor.

#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/machine_error.h"
#include "arch/x86_64/machine_note.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/vendor.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"
#include "kernel/timer.h"
#include "lib/format.h"
#include "lib/string.h"

enum {
    BANKS_MAX = 32,           // what follows their registers belongs to others: MSR_VMX_BASIC
    SCALABLE_BANKS_MAX = 128, // [APM2 9.3.2.6]
    SHOWN_MAX = 2,            // on the panic screen
    WHOLE_POLLS = 1 << 20,
};

static struct {
    bool is_present, is_amd, is_scalable;
} kind;

// --- Registers ----------------------------------------------------------------------------------

enum bank_register { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC };

static uint32_t bank_msr(unsigned bank, enum bank_register reg)
{
    return (uint32_t)(kind.is_scalable ? MSR_MCA_CTL(bank) : MSR_MC_CTL(bank)) + reg;
}

static uint64_t read_or_0(uint32_t msr)
{
    uint64_t value = 0;
    return msr_read(msr, &value) == OK ? value : 0;
}

static void write_if_there(uint32_t msr, uint64_t value)
{
    (void)!msr_write(msr, value);
}

static unsigned count_banks(uint64_t capabilities)
{
    unsigned count = (unsigned)field_get(MCG_CAP_COUNT, capabilities);
    unsigned limit = kind.is_scalable ? SCALABLE_BANKS_MAX : BANKS_MAX;
    return count < limit ? count : limit;
}

unsigned machine_check_banks(void)
{
    return kind.is_present ? count_banks(read_or_0(MSR_MCG_CAP)) : 0;
}

// What a bank holds, and how bad it is.
static enum machine_severity read_bank(struct machine_error *error, unsigned bank,
                                       uint64_t capabilities)
{
    *error = (struct machine_error){
        .cpu = this_cpu()->cpu,
        .bank = (uint8_t)bank,
        .is_amd = kind.is_amd,
        .has_recovery = capabilities & MCG_CAP_RECOVERY,
        .status = read_or_0(bank_msr(bank, BANK_STATUS)),
    };
    if (!(error->status & MC_STATUS_VAL))
        return MACHINE_NO_ERROR;
    if (error->status & MC_STATUS_ADDRV)
        error->address = read_or_0(bank_msr(bank, BANK_ADDR));
    if (error->status & MC_STATUS_MISCV)
        error->misc = read_or_0(bank_msr(bank, BANK_MISC));
    if (kind.is_scalable)
        error->ipid = read_or_0(MSR_MCA_IPID(bank));
    return machine_error_severity(error);
}

static void clear_bank(unsigned bank)
{
    write_if_there(bank_msr(bank, BANK_STATUS), 0); // the only value that it takes
}

// --- Looking -----------------------------------------------------------------------------------

// Deferred errors have registers of their own, whether or not the status has them too (`is_noted`),
// or another error since [APM2 9.3.2.6].
static void take_deferred(unsigned bank, bool is_noted, bool is_old)
{
    uint64_t status = kind.is_scalable ? read_or_0(MSR_MCA_DESTAT(bank)) : 0;
    if (!(status & MC_STATUS_VAL))
        return;
    struct machine_error error = {
        .cpu = this_cpu()->cpu,
        .bank = (uint8_t)bank,
        .is_amd = true,
        .status = status,
        .address = status & MC_STATUS_ADDRV ? read_or_0(MSR_MCA_DEADDR(bank)) : 0,
        .ipid = read_or_0(MSR_MCA_IPID(bank)),
    };
    if (!is_noted)
        machine_note(&error, is_old);
    write_if_there(MSR_MCA_DESTAT(bank), 0);
}

// A fatal one is left to the exception that comes for it: where banks are shared, another processor
// may be about to read it.
void machine_check_poll(void)
{
    uintptr_t irq = arch_irq_save(); // the banks are this processor's
    uint64_t capabilities = kind.is_present ? read_or_0(MSR_MCG_CAP) : 0;
    for (unsigned bank = 0; bank < count_banks(capabilities); bank++) {
        struct machine_error error;
        enum machine_severity severity = read_bank(&error, bank, capabilities);
        take_deferred(bank, severity == MACHINE_DEFERRED, false);
        if (severity == MACHINE_NO_ERROR || severity == MACHINE_FATAL)
            continue;
        machine_note(&error, false);
        clear_bank(bank);
    }
    arch_irq_restore(irq);
    machine_notes_log();
}

static void look(void *unused_argument)
{
    (void)unused_argument;
    __atomic_store_n(&this_cpu()->arch.is_look_wanted, false, __ATOMIC_RELEASE);
    machine_check_poll();
}

// In an interrupt of that processor. Where that can't be now, the next minute's does it.
static void look_soon(struct percpu *cpu)
{
    if (__atomic_exchange_n(&cpu->arch.is_look_wanted, true, __ATOMIC_ACQ_REL))
        return; // one is on its way, and nobody else may use its remote_work
    if (!remote_post(cpu->cpu, &cpu->arch.machine_checks, look, NULL))
        __atomic_store_n(&cpu->arch.is_look_wanted, false, __ATOMIC_RELEASE);
}

void machine_check_poll_all(void)
{
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++)
        look_soon(percpu_get(cpu));
}

#define POLL_NS 60000000000ull

static struct timer poll_timer;

static void poll_again(void *unused_context)
{
    (void)unused_context;
    machine_check_poll_all();
    timer_arm(&poll_timer, clock_ns() + POLL_NS);
}

// --- The exception ------------------------------------------------------------------------------

// What the panic screen shows: the first processor's that has got there.
static struct {
    bool is_taken, is_whole;
    uint64_t global; // MSR_MCG_STATUS
    unsigned count;  // of banks with errors; SHOWN_MAX are kept, the worst ones
    struct machine_error errors[SHOWN_MAX];
} found;

static void keep_found(const struct machine_error *error)
{
    if (found.count < SHOWN_MAX)
        found.errors[found.count] = *error;
    found.count++;
}

// The errors of the given severity, or all below it.
static void keep_all(uint64_t capabilities, bool is_fatal)
{
    for (unsigned bank = 0; bank < count_banks(capabilities); bank++) {
        struct machine_error error;
        enum machine_severity severity = read_bank(&error, bank, capabilities);
        if (severity != MACHINE_NO_ERROR && (severity == MACHINE_FATAL) == is_fatal)
            keep_found(&error);
    }
}

// The banks keep what they hold, so that the next start can log it, too.
noreturn static void die(const struct trap_frame *frame, uint64_t capabilities, uint64_t global)
{
    if (!__atomic_exchange_n(&found.is_taken, true, __ATOMIC_ACQ_REL)) {
        found.global = global;
        keep_all(capabilities, true);
        keep_all(capabilities, false);
        __atomic_store_n(&found.is_whole, true, __ATOMIC_RELEASE);
    }
    for (unsigned i = 0; i < WHOLE_POLLS && !__atomic_load_n(&found.is_whole, __ATOMIC_ACQUIRE);
         i++)
        arch_pause();                  // another processor is at it
    write_if_there(MSR_MCG_STATUS, 0); // the next one is a panic too, and no shutdown
    if (!found.count)
        panic_with_frame(frame, "machine check: no bank says why");
    char words[MACHINE_ERROR_TEXT_MAX];
    const char *unit = machine_error_unit(&found.errors[0]);
    machine_error_words(words, &found.errors[0]);
    panic_with_frame(frame, "machine check, bank %u%s%s: %s", found.errors[0].bank,
                     unit ? ", " : "", unit ? unit : "", words);
}

static enum machine_severity worst_of(uint64_t capabilities)
{
    enum machine_severity worst = MACHINE_NO_ERROR;
    for (unsigned bank = 0; bank < count_banks(capabilities); bank++) {
        struct machine_error error;
        enum machine_severity severity = read_bank(&error, bank, capabilities);
        if (severity > worst)
            worst = severity;
    }
    return worst;
}

static void note_all(uint64_t capabilities)
{
    for (unsigned bank = 0; bank < count_banks(capabilities); bank++) {
        struct machine_error error;
        if (read_bank(&error, bank, capabilities) == MACHINE_NO_ERROR)
            continue;
        machine_note(&error, false);
        clear_bank(bank);
    }
}

// Many machines send the exception to all processors: those whose banks say nothing go on.
static bool handle_machine_check(struct trap_frame *frame)
{
    uint64_t capabilities = kind.is_present ? read_or_0(MSR_MCG_CAP) : 0;
    uint64_t global = read_or_0(MSR_MCG_STATUS);
    if (!kind.is_present || !(global & MCG_STATUS_MCIP))
        return false; // INT 18, or hardware that says no more
    if (!(global & MCG_STATUS_RIPV) || worst_of(capabilities) == MACHINE_FATAL)
        die(frame, capabilities, global);
    note_all(capabilities);
    write_if_there(MSR_MCG_STATUS, 0);
    look_soon(this_cpu());
    return true;
}

// The words for the first one are the panic's reason.
static void print_found(const struct machine_error *error, arch_printer *print)
{
    char flags[MACHINE_ERROR_TEXT_MAX], line[80];
    machine_error_flags(flags, error);
    snprintf(line, sizeof(line), "bank %u %016lx %s%saddress %lx, misc %lx", error->bank,
             error->status, flags, flags[0] ? ", " : "", error->address, error->misc);
    print("%s\n", line);
}

void machine_check_print(arch_printer *print)
{
    if (!found.is_taken) {
        print("an exception without a machine check: no bank was read\n");
        return;
    }
    print("MCG status %lx: %s; %u %s with errors%s\n", found.global,
          found.global & MCG_STATUS_RIPV ? "code could go on" : "code can't go on", found.count,
          found.count == 1 ? "bank" : "banks",
          found.global & MCG_STATUS_LOCAL ? "; for this CPU alone" : "");
    for (unsigned i = 0; i < found.count && i < SHOWN_MAX; i++)
        print_found(&found.errors[i], print);
}

// --- Start --------------------------------------------------------------------------------------

void machine_check_init(void)
{
    uint32_t features = cpuid(1, 0).edx;
    bool has_leaf = cpuid_has(0x80000007);
    kind.is_present = features & CPUID_1_EDX_MCE && features & CPUID_1_EDX_MCA;
    kind.is_amd = cpuid_is_amd();
    kind.is_scalable = has_leaf && cpuid(0x80000007, 0).ebx & CPUID_80000007_EBX_SCALABLE_MCA;
    (void)trap_set_handler(VECTOR_MC, handle_machine_check);
    timer_init(&poll_timer, poll_again, NULL, "machine checks");
    if (kind.is_present)
        timer_arm(&poll_timer, clock_ns() + POLL_NS);
    uint64_t capabilities = kind.is_present ? read_or_0(MSR_MCG_CAP) : 0;
    log_info("mce: %u%s banks%s%s", count_banks(capabilities), kind.is_scalable ? " scalable" : "",
             capabilities & MCG_CAP_RECOVERY ? ", with recovery" : "",
             capabilities & MCG_CAP_LOCAL ? ", for one CPU alone where possible" : "");
}

// Bank 0 of the first processors of family 6 belongs to the firmware [SDM3 16.3.2.1].
static bool is_firmwares(unsigned bank)
{
    uint32_t signature = cpuid(1, 0).eax;
    uint64_t model = field_get(BITS(19, 16), signature) << 4 | field_get(BITS(7, 4), signature);
    return bank == 0 && !kind.is_amd && field_get(BITS(11, 8), signature) == 6 && model < 0x1a;
}

static void allow_local(uint64_t capabilities)
{
    uint64_t control;
    const uint64_t wanted = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_LMCE;
    if (capabilities & MCG_CAP_LOCAL && msr_read(MSR_FEATURE_CONTROL, &control) == OK &&
        (control & wanted) == wanted)
        write_if_there(MSR_MCG_EXT_CTL, MCG_EXT_CTL_LOCAL);
}

static void allow_extensions(unsigned bank)
{
    uint64_t config;
    if (kind.is_scalable && msr_read(MSR_MCA_CONFIG(bank), &config) == OK &&
        config & MCA_CONFIG_EXTENDED)
        write_if_there(MSR_MCA_CONFIG(bank), config | MCA_CONFIG_ENABLE);
}

static void start_bank(unsigned bank, uint64_t capabilities)
{
    struct machine_error error;
    enum machine_severity severity = read_bank(&error, bank, capabilities);
    if (severity != MACHINE_NO_ERROR)
        machine_note(&error, true);
    take_deferred(bank, severity == MACHINE_DEFERRED, true);
    clear_bank(bank);
    allow_extensions(bank);
    if (!is_firmwares(bank))
        write_if_there(bank_msr(bank, BANK_CTL), ~0ull);
}

void machine_check_cpu_init(void)
{
    if (!kind.is_present)
        return;
    uint64_t capabilities = read_or_0(MSR_MCG_CAP);
    allow_local(capabilities);
    if (capabilities & MCG_CAP_CTL)
        write_if_there(MSR_MCG_CTL, ~0ull);
    for (unsigned bank = 0; bank < count_banks(capabilities); bank++)
        start_bank(bank, capabilities);
    write_if_there(MSR_MCG_STATUS, 0);
    machine_notes_log();
}
