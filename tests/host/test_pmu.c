// arch/x86_64/pmu on simulated counters: there are no others here. Catches a counter that is
// believed although no NMI comes, one that is taken from the firmware, registers that aren't there,
// an NMI of somebody else that is taken for the counter's, and one that comes only once.

#include "tests/host/lib.h"

#include "arch/x86_64/pmu.c"
#include "arch/x86_64/trap.h"

enum { FIXED = 0x30a, CONTROL = 0x38d, STATUS = 0x38e, GLOBAL = 0x38f, CLEAR = 0x390 };

static struct {
    bool is_amd, has_core, ignores_writes, delivers_nothing, has_no_registers;
    uint32_t leaf_eax, leaf_edx;
    uint64_t fixed, control, status, global, select, counter;
    uint32_t entry; // LVT
} processor;

static struct percpu this_percpu;
static uint64_t now_ns;
static unsigned looks, nmis_taken;
static nmi_hook *hook;
struct lapic lapic;
static uint32_t registers[256];

struct percpu *fake_percpu(void)
{
    return &this_percpu;
}

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    switch (leaf) {
    case 0:
        return (struct cpuid){.eax = 0x16, .ecx = processor.is_amd ? 0x444d4163 : 0x6c65746e};
    case 0xa:
        return (struct cpuid){.eax = processor.leaf_eax, .edx = processor.leaf_edx};
    case 0x80000000:
        return (struct cpuid){.eax = 0x80000008};
    case 0x80000001:
        return (struct cpuid){.ecx = (uint32_t)processor.has_core << 23};
    default:
        return (struct cpuid){0};
    }
}

static uint64_t *find_msr(uint32_t msr)
{
    switch (msr) {
    case FIXED:
        return processor.is_amd ? NULL : &processor.fixed;
    case CONTROL:
        return processor.is_amd ? NULL : &processor.control;
    case STATUS:
        return processor.is_amd ? NULL : &processor.status;
    case GLOBAL:
        return processor.is_amd ? NULL : &processor.global;
    case 0xc0010000:
    case 0xc0010200:
        return processor.is_amd && (msr == 0xc0010200) == processor.has_core ? &processor.select
                                                                             : NULL;
    case 0xc0010004:
    case 0xc0010201:
        return processor.is_amd && (msr == 0xc0010201) == processor.has_core ? &processor.counter
                                                                             : NULL;
    default:
        return NULL;
    }
}

enum status msr_read(uint32_t msr, uint64_t *value)
{
    uint64_t *reg = find_msr(msr);
    if (!reg || processor.has_no_registers)
        return FAULT;
    *value = *reg;
    return OK;
}

enum status msr_write(uint32_t msr, uint64_t value)
{
    uint64_t *reg = find_msr(msr);
    if (processor.has_no_registers || msr == STATUS)
        return FAULT;
    if (msr == CLEAR && !processor.is_amd)
        processor.status &= ~value;
    else if (!reg || (msr == FIXED && value >> 48)) // of 48 bits
        return FAULT;
    else if (!processor.ignores_writes)
        *reg = value;
    return OK;
}

uint64_t clock_frequency(void)
{
    return 3000000000;
}

uint64_t watchdog_interval_ns(void)
{
    return 2000000000;
}

void watchdog_look_at_self(const struct trap_frame *frame)
{
    assert_int_equal(frame->vector, 2);
    looks++;
}

void nmi_add_hook(nmi_hook *to)
{
    hook = to;
}

static unsigned owed;

void nmi_owe(unsigned count)
{
    owed += count;
}

static bool take_nmi(void)
{
    struct trap_frame frame = {.vector = 2};
    nmis_taken++;
    return hook(&frame);
}

// Counts cycles, and raises the interrupt on overflow, as the manuals have it.
static void run(uint64_t cycles)
{
    uint64_t *counter = processor.is_amd ? &processor.counter : &processor.fixed;
    bool is_on = processor.is_amd
                     ? processor.select == (0x76 | 3 << 16 | 1 << 20 | 1 << 22)
                     : (processor.control & 0xf0) == 0xb0 && processor.global >> 33 & 1;
    uint64_t after = *counter + cycles;
    if (!is_on)
        return;
    *counter = after & 0xffffffffffff;
    if (after >> 48 == 0)
        return;
    if (!processor.is_amd)
        processor.status |= 1ull << 33;
    bool is_open = registers[0x340 / 4] == 0x400; // NMI, not masked
    if (processor.delivers_nothing || !is_open)
        return;
    if (!processor.is_amd)
        registers[0x340 / 4] |= 1 << 16;
    assert_true(take_nmi());
}

uint64_t clock_ns(void)
{
    run(3000);
    return now_ns += 1000;
}

static void start(bool is_amd)
{
    memset(&processor, 0, sizeof(processor));
    memset(&this_percpu, 0, sizeof(this_percpu));
    memset(&pmu, 0, sizeof(pmu));
    memset(registers, 0, sizeof(registers));
    looks = nmis_taken = 0;
    hook = NULL;
    lapic = (struct lapic){.is_present = true, .registers = registers};
    processor.is_amd = is_amd;
    processor.leaf_eax = is_amd ? 0 : 2;
    processor.leaf_edx = is_amd ? 0 : 48 << 5 | 3;
    processor.global = is_amd ? 0 : 15;
}

static void expect_nmis_go_on(void)
{
    looks = 0;
    for (unsigned i = 1; i < 4; i++) {
        run(5999000000); // two seconds at 3 GHz, less a little
        assert_int_equal(looks, i - 1);
        run(1000000);
        assert_int_equal(looks, i);
    }
}

static void intels_counter(void **state)
{
    (void)state;
    start(false);
    pmu_init();
    assert_non_null(hook);
    assert_true(arch_watch_self());
    assert_int_equal(nmis_taken, 1);
    expect_nmis_go_on();
    assert_int_equal(processor.global & 15, 15); // others' counters stay as they are
}

static void amds_counters(void **state)
{
    (void)state;
    for (unsigned has_core = 0; has_core < 2; has_core++) {
        start(true);
        processor.has_core = has_core;
        pmu_init();
        assert_true(arch_watch_self());
        assert_int_equal(nmis_taken, 1);
        expect_nmis_go_on();
    }
}

static void expect_none(void)
{
    uint64_t before = now_ns;
    pmu_init();
    assert_false(arch_watch_self());
    assert_true(now_ns - before < 3000000); // bounded
    assert_int_equal(looks, 0);
    if (hook)
        assert_false(take_nmi()); // somebody else's
}

static void what_isnt_there_isnt_used(void **state)
{
    (void)state;
    start(false);
    processor.leaf_eax = 1; // version 1 has no fixed counters
    expect_none();
    assert_null(hook);
    start(false);
    processor.leaf_edx = 48 << 5 | 1;
    expect_none();
    start(false);
    processor.leaf_edx = 200 << 5 | 3; // as wide as nothing is
    expect_none();
    start(false);
    processor.has_no_registers = true;
    expect_none();
    start(true);
    processor.ignores_writes = true; // as QEMU does
    expect_none();
    start(false);
    lapic.is_present = false;
    expect_none();
}

static void what_no_nmi_comes_from_isnt_believed(void **state)
{
    (void)state;
    for (unsigned is_amd = 0; is_amd < 2; is_amd++) {
        start(is_amd);
        processor.delivers_nothing = true;
        owed = 0;
        expect_none();
        assert_int_equal(owed, 1);                       // the one that may be late
        assert_int_equal(registers[0x340 / 4], 0x10400); // masked
        assert_int_equal(processor.select | (processor.control & 0xf0), 0);
    }
}

static void what_others_use_is_left(void **state)
{
    (void)state;
    start(false);
    processor.control = 0x30 | 0xb;
    expect_none();
    assert_int_equal(processor.control, 0x30 | 0xb);
    start(true);
    processor.select = 1 << 22 | 0xc0;
    expect_none();
    assert_int_equal(processor.select, 1 << 22 | 0xc0);
}

static void a_panic_stops_it(void **state)
{
    (void)state;
    for (unsigned is_amd = 0; is_amd < 2; is_amd++) {
        start(is_amd);
        pmu_stop(); // nothing to stop
        pmu_init();
        assert_true(arch_watch_self());
        looks = 0;
        pmu_stop();
        run(20000000000);
        assert_int_equal(looks, 0);
    }
}

static void nmis_of_others_are_others(void **state)
{
    (void)state;
    start(false);
    pmu_init();
    assert_false(take_nmi()); // not started yet
    assert_true(arch_watch_self());
    run(1000);
    assert_false(take_nmi()); // hasn't overflowed
    assert_int_equal(looks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intels_counter),
        cmocka_unit_test(amds_counters),
        cmocka_unit_test(what_isnt_there_isnt_used),
        cmocka_unit_test(what_no_nmi_comes_from_isnt_believed),
        cmocka_unit_test(what_others_use_is_left),
        cmocka_unit_test(a_panic_stops_it),
        cmocka_unit_test(nmis_of_others_are_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
