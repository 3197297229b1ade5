// arch/x86_64/machine_check on simulated banks. Catches a count of banks that is believed beyond
// their registers, errors from before the start that are lost or stop the machine, a fatal error
// that is survived, an error that can be lived with but isn't, banks that stay full, the handler's
// own lock, and a flood of errors that fills the log.

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "arch/x86_64/machine_check.c"
#include "arch/x86_64/machine_error.c"
#include "arch/x86_64/machine_note.c"

#define VAL   (1ull << 63)
#define UC    (1ull << 61)
#define EN    (1ull << 60)
#define MISCV (1ull << 59)
#define ADDRV (1ull << 58)
#define PCC   (1ull << 57)
#define S     (1ull << 56)
#define AR    (1ull << 55)

enum { MCG_CAP = 0x179, MCG_STATUS = 0x17a, MCG_CTL = 0x17b, EXT_CTL = 0x4d0, CONTROL = 0x3a };
enum { RIPV = 1, MCIP = 4, LOCAL = 8 };

// --- The processor ------------------------------------------------------------------------------

enum { BANKS = 256 };

static struct {
    bool is_amd, is_scalable, has_none;
    unsigned model;
    uint64_t capabilities, global, global_control, local_control, feature_control;
    uint64_t banks[BANKS][16]; // CTL, STATUS, ADDR, MISC, CONFIG, IPID, ..., DESTAT, DEADDR
    unsigned highest_bank;     // that was asked for
    bool refuses;              // #GP for whatever is written
    bool cant_post;
} processor;

static struct percpu this_percpu = {.cpu = 3};
static uint64_t now_ns;

struct percpu *fake_percpu(void)
{
    return &this_percpu;
}

unsigned percpu_count(void)
{
    return 1;
}

struct percpu *percpu_get(uint32_t cpu)
{
    assert_int_equal(cpu, 0);
    return &this_percpu;
}

uint64_t clock_ns(void)
{
    return now_ns;
}

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    switch (leaf) {
    case 0:
        return (struct cpuid){.eax = 0x16, .ecx = processor.is_amd ? 0x444d4163 : 0x6c65746e};
    case 1:
        return (struct cpuid){.eax =
                                  0x600 | (processor.model & 15) << 4 | processor.model >> 4 << 16,
                              .edx = processor.has_none ? 0 : 1 << 7 | 1 << 14};
    case 0x80000000:
        return (struct cpuid){.eax = 0x80000008};
    case 0x80000007:
        return (struct cpuid){.ebx = processor.is_scalable ? 1 << 3 : 0};
    default:
        return (struct cpuid){0};
    }
}

static uint64_t *find_msr(uint32_t msr)
{
    switch (msr) {
    case MCG_CAP:
        return &processor.capabilities;
    case MCG_STATUS:
        return &processor.global;
    case MCG_CTL:
        return processor.capabilities & 1 << 8 ? &processor.global_control : NULL;
    case EXT_CTL:
        return processor.capabilities & 1 << 27 ? &processor.local_control : NULL;
    case CONTROL:
        return &processor.feature_control;
    }
    unsigned bank = msr >= 0xc0002000 ? (msr - 0xc0002000) / 16 : (msr - 0x400) / 4;
    unsigned reg = msr >= 0xc0002000 ? msr % 16 : msr % 4;
    if (msr < 0x400 || bank >= BANKS || (msr >= 0xc0002000) != processor.is_scalable)
        return NULL;
    if (bank > processor.highest_bank)
        processor.highest_bank = bank;
    return &processor.banks[bank][reg];
}

enum status msr_read(uint32_t msr, uint64_t *value)
{
    uint64_t *reg = find_msr(msr);
    if (!reg)
        return FAULT;
    *value = *reg;
    return OK;
}

enum status msr_write(uint32_t msr, uint64_t value)
{
    uint64_t *reg = find_msr(msr);
    if (!reg || processor.refuses)
        return FAULT;
    *reg = value;
    return OK;
}

static struct remote_work *posted; // it runs when the exception has been left

bool remote_post(uint32_t cpu, struct remote_work *work, remote_function *run, void *argument)
{
    assert_int_equal(cpu, 3);
    if (processor.cant_post)
        return false;
    assert_null(posted);
    posted = work;
    work->run = run;
    work->argument = argument;
    return true;
}

static void run_posted(void)
{
    if (posted)
        posted->run(posted->argument);
    posted = NULL;
}

static trap_handler *handler;

trap_handler *trap_set_handler(uint8_t vector, trap_handler *to)
{
    assert_int_equal(vector, 18);
    handler = to;
    return NULL;
}

static jmp_buf end;
static char reason[128], screen[512];

static void take_line(const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    assert_true(strlen(line) < 81); // with its newline
    snprintf(screen + strlen(screen), sizeof(screen) - strlen(screen), "%s", line);
}

void panic_with_frame(const struct trap_frame *frame, const char *format, ...)
{
    va_list args;
    (void)frame;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    machine_check_print(take_line);
    longjmp(end, 1);
}

static struct timer *armed;

void timer_init(struct timer *timer, timer_function *run, void *context, const char *name)
{
    *timer = (struct timer){.run = run, .context = context, .name = name};
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    assert_int_equal(deadline_ns, now_ns + 60000000000);
    armed = timer;
}

static void set_bank(unsigned bank, uint64_t status, uint64_t address, uint64_t misc)
{
    processor.banks[bank][1] = status;
    processor.banks[bank][2] = address;
    processor.banks[bank][3] = misc;
}

// An Intel processor with recovery, started, its log empty.
static void start_with(uint64_t capabilities)
{
    memset(&processor, 0, sizeof(processor));
    memset(&found, 0, sizeof(found));
    memset(noted, 0, sizeof(noted));
    machine_note(&(struct machine_error){.status = VAL},
                 false); // the minute begins, nothing is left out
    now_ns += 1000000000000;
    machine_notes_log();
    now_ns += 1000000000000;
    memset(&counts, 0, sizeof(counts));
    processor.capabilities = capabilities;
    processor.model = 0x55;
    machine_check_init();
    machine_check_cpu_init();
    machine_check_poll();
    log_forget();
    reason[0] = screen[0] = 0;
    posted = NULL;
    this_percpu.arch.is_look_wanted = false;
}

#define RECOVERY (1ull << 24)

// Returns whether it is survived.
static bool raise_exception(uint64_t global)
{
    struct trap_frame frame = {.vector = 18};
    processor.global = global;
    if (setjmp(end))
        return false;
    assert_true(handler(&frame));
    return true;
}

// --- Start --------------------------------------------------------------------------------------

static void banks_are_switched_on(void **state)
{
    (void)state;
    start_with(RECOVERY | 1 << 8 | 10);
    assert_int_equal(machine_check_banks(), 10);
    assert_int_equal(processor.global_control, ~0ull);
    for (unsigned bank = 0; bank < 10; bank++)
        assert_int_equal(processor.banks[bank][0], ~0ull);
    assert_int_equal(processor.banks[10][0], 0);
}

static void only_what_is_there_is_touched(void **state)
{
    (void)state;
    start_with(255); // behind bank 31 other registers begin
    assert_int_equal(machine_check_banks(), 32);
    assert_int_equal(processor.highest_bank, 31);
    processor.has_none = true;
    machine_check_init();
    processor.highest_bank = 0;
    machine_check_cpu_init();
    machine_check_poll();
    assert_int_equal(machine_check_banks(), 0);
    assert_int_equal(processor.highest_bank, 0);
    start_with(0);
    assert_int_equal(machine_check_banks(), 0);
}

static void start_scalable(unsigned count)
{
    start_with(count);
    processor.is_amd = processor.is_scalable = true;
    machine_check_init();
    machine_check_cpu_init();
}

static void scalable_banks_have_their_own_registers(void **state)
{
    (void)state;
    start_scalable(60);
    assert_int_equal(machine_check_banks(), 60);
    assert_int_equal(processor.banks[59][0], ~0ull);
    start_scalable(255);
    assert_int_equal(processor.highest_bank, 127);
    log_forget();
    set_bank(40, VAL | 0x15, 0, 0);
    processor.banks[40][5] = 0x000700b000000000;
    machine_check_poll();
    assert_string_equal(log_last, "mce: CPU 3 bank 40 (L3 cache): corrected: L1 data TLB, "
                                  "status 0x8000000000000015, address 0x0, misc 0x0");
}

// [APM2 9.3.2.6]: DESTAT and DEADDR are registers 8 and 9, and CONFIG, 4, has the extensions' bits
// 0 and 32.
static void deferred_errors_have_their_own_registers(void **state)
{
    (void)state;
    start_scalable(20);
    assert_int_equal(processor.banks[3][4], 0); // not extended
    processor.banks[3][4] = 1;
    processor.banks[5][8] = VAL | ADDRV | 1ull << 44 | 0x15;
    processor.banks[5][9] = 0x7000;
    machine_check_cpu_init();
    assert_int_equal(processor.banks[3][4], 1 | 1ull << 32);
    assert_string_equal(log_last,
                        "mce: CPU 3 bank 5: from before the start, deferred: L1 data TLB, "
                        "status 0x8400100000000015, address 0x7000, misc 0x0");
    assert_int_equal(processor.banks[5][8], 0);
    log_forget();
    processor.banks[5][8] = VAL | 1ull << 44 | 0x15;
    set_bank(5, VAL | 0x16, 0, 0); // a corrected one since
    machine_check_poll();
    machine_check_poll();
    assert_int_equal(log_lines[LOG_WARN], 2);
    assert_int_equal(processor.banks[5][8] | processor.banks[5][1], 0);
}

// [SDM3 16.3.2.1]
static void bank_0_of_old_processors_is_the_firmwares(void **state)
{
    (void)state;
    start_with(6);
    processor.model = 0x17;
    processor.banks[0][0] = 5;
    machine_check_cpu_init();
    assert_int_equal(processor.banks[0][0], 5);
    processor.model = 0x1a;
    machine_check_cpu_init();
    assert_int_equal(processor.banks[0][0], ~0ull);
}

static void one_processor_alone_where_firmware_allows(void **state)
{
    (void)state;
    start_with(1 << 27 | 4);
    processor.feature_control = 1 << 20; // not locked
    machine_check_cpu_init();
    assert_int_equal(processor.local_control, 0);
    processor.feature_control = 1 << 20 | 1;
    machine_check_cpu_init();
    assert_int_equal(processor.local_control, 1);
}

static void errors_from_before_are_told_and_cleared(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    set_bank(4, VAL | UC | EN | PCC | ADDRV | 0x134, 0x1000, 99);
    processor.banks[5][2] = 77;
    machine_check_cpu_init();
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_string_equal(log_last,
                        "mce: CPU 3 bank 4: from before the start, uncorrected: L0 data cache, "
                        "data read, status 0xb600000000000134, address 0x1000, misc 0x0");
    assert_int_equal(processor.banks[4][1], 0);
    processor.refuses = true; // nothing of that may stop the start
    set_bank(4, VAL | 0x134, 0, 0);
    machine_check_cpu_init();
}

// --- What is corrected --------------------------------------------------------------------------

static void corrected_errors_are_polled(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    machine_check_poll();
    assert_int_equal(log_lines[LOG_WARN], 0);
    set_bank(7, VAL | MISCV | ADDRV | 0x95, 0x12345000, 0x86);
    machine_check_poll();
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_string_equal(log_last, "mce: CPU 3 bank 7: corrected: memory, read, channel 5, status "
                                  "0x8c00000000000095, address 0x12345000, misc 0x86");
    assert_int_equal(processor.banks[7][1], 0);
    machine_check_poll();
    assert_int_equal(log_lines[LOG_WARN], 1); // once
    assert_int_equal(machine_counts().corrected, 1);
}

static void a_minute_passes(void)
{
    struct timer *timer = armed;
    armed = NULL;
    now_ns += 60000000000;
    timer->run(timer->context);
    assert_non_null(armed); // for the next one
    run_posted();
}

static void every_minute_somebody_looks(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    for (unsigned passed = 1; passed < 4; passed++) {
        set_bank(7, VAL | 0x95, 0, 0);
        a_minute_passes();
        assert_int_equal(log_lines[LOG_WARN], passed);
    }
}

static void fatal_ones_are_the_exceptions(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    set_bank(7, VAL | UC | EN | PCC, 0, 0);
    set_bank(8, VAL | UC | EN, 0, 0); // this one isn't signalled by an exception
    machine_check_poll();
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_true(processor.banks[7][1] & VAL);
    assert_int_equal(processor.banks[8][1], 0);
    assert_int_equal(machine_counts().others, 1);
}

static void a_flood_is_counted(void **state)
{
    (void)state;
    start_with(RECOVERY | 32);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned bank = 0; bank < 32; bank++)
            set_bank(bank, VAL | 0x15, 0, 0);
        machine_check_poll();
    }
    assert_int_equal(log_lines[LOG_WARN], 8);
    now_ns += 60000000001; // the next minute
    set_bank(0, VAL | 0x15, 0, 0);
    machine_check_poll();
    assert_int_equal(log_lines[LOG_WARN], 10); // how many weren't shown, and the new one
    assert_int_equal(machine_counts().corrected, 161);
}

// --- The exception ------------------------------------------------------------------------------

static void what_is_lost_is_a_panic(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    set_bank(2, VAL | 0x15, 0, 0); // beside it, a harmless one
    set_bank(4, VAL | UC | EN | MISCV | ADDRV | PCC | 0x134, 0x12345000, 0x86);
    assert_false(raise_exception(RIPV | MCIP));
    assert_string_equal(reason, "machine check, bank 4: L0 data cache, data read");
    assert_string_equal(screen,
                        "MCG status 5: code could go on; 2 banks with errors\n"
                        "bank 4 be00000000000134 UC EN MISCV ADDRV PCC, address 12345000, misc 86\n"
                        "bank 2 8000000000000015 address 0, misc 0\n");
    assert_true(processor.banks[4][1] & VAL); // for the next start
    assert_int_equal(processor.global, 0);    // the next exception is no shutdown
    assert_int_equal(log_lines[LOG_WARN], 0);
}

static void an_action_required_is_a_panic(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    set_bank(1, VAL | UC | EN | S | AR | 0x150, 0, 0);
    assert_false(raise_exception(RIPV | MCIP | LOCAL));
    assert_string_equal(reason, "machine check, bank 1: L0 code cache, code read");
    assert_non_null(strstr(screen, "1 bank with errors; for this CPU alone"));
    start_with(10); // without recovery any uncorrected one
    set_bank(1, VAL | UC | EN, 0, 0);
    assert_false(raise_exception(RIPV | MCIP));
}

static void nowhere_to_go_on_is_a_panic(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    assert_false(raise_exception(MCIP));
    assert_string_equal(reason, "machine check: no bank says why");
    assert_non_null(strstr(screen, "code can't go on; 0 banks"));
    start_with(RECOVERY | 10);
    set_bank(2, VAL | 0x15, 0, 0);
    assert_false(raise_exception(MCIP));
    assert_string_equal(reason, "machine check, bank 2: L1 data TLB");
}

static void others_are_survived_and_logged_later(void **state)
{
    (void)state;
    start_with(RECOVERY | 10);
    assert_true(raise_exception(RIPV | MCIP)); // meant for another processor
    assert_int_equal(processor.global, 0);
    run_posted();
    assert_int_equal(log_lines[LOG_WARN], 0);
    set_bank(9, VAL | UC | EN | S | ADDRV | 0xcf, 0x5000, 0); // the scrubber has found it
    set_bank(2, VAL | 0x15, 0, 0);
    assert_true(raise_exception(RIPV | MCIP));
    assert_int_equal(log_lines[LOG_WARN], 0); // not there
    assert_int_equal(processor.banks[9][1], 0);
    assert_int_equal(processor.global, 0);
    run_posted();
    assert_int_equal(log_lines[LOG_WARN], 2);
    assert_string_equal(log_last, "mce: CPU 3 bank 9: deferred: memory, scrubbing, status "
                                  "0xb5000000000000cf, address 0x5000, misc 0x0");
    set_bank(2, VAL | 0x15, 0, 0);
    assert_true(raise_exception(RIPV | MCIP));
    set_bank(2, VAL | 0x15, 0, 0);
    assert_true(raise_exception(RIPV | MCIP)); // before that is logged
    run_posted();
    assert_int_equal(log_lines[LOG_WARN], 4);
    processor.cant_post = true;
    set_bank(2, VAL | 0x15, 0, 0);
    assert_true(raise_exception(RIPV | MCIP));
    assert_int_equal(log_lines[LOG_WARN], 4);
    machine_check_poll();
    assert_int_equal(log_lines[LOG_WARN], 5);
    processor.cant_post = false; // and the next one is posted again
    set_bank(2, VAL | 0x15, 0, 0);
    assert_true(raise_exception(RIPV | MCIP));
    run_posted();
    assert_int_equal(log_lines[LOG_WARN], 6);
}

static void int_18_is_none(void **state)
{
    struct trap_frame frame = {.vector = 18};
    (void)state;
    start_with(RECOVERY | 10);
    assert_false(handler(&frame));
    machine_check_print(take_line);
    assert_string_equal(screen, "an exception without a machine check: no bank was read\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(banks_are_switched_on),
        cmocka_unit_test(only_what_is_there_is_touched),
        cmocka_unit_test(scalable_banks_have_their_own_registers),
        cmocka_unit_test(deferred_errors_have_their_own_registers),
        cmocka_unit_test(bank_0_of_old_processors_is_the_firmwares),
        cmocka_unit_test(one_processor_alone_where_firmware_allows),
        cmocka_unit_test(errors_from_before_are_told_and_cleared),
        cmocka_unit_test(corrected_errors_are_polled),
        cmocka_unit_test(every_minute_somebody_looks),
        cmocka_unit_test(fatal_ones_are_the_exceptions),
        cmocka_unit_test(a_flood_is_counted),
        cmocka_unit_test(what_is_lost_is_a_panic),
        cmocka_unit_test(an_action_required_is_a_panic),
        cmocka_unit_test(nowhere_to_go_on_is_a_panic),
        cmocka_unit_test(others_are_survived_and_logged_later),
        cmocka_unit_test(int_18_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
