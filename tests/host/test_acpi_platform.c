// drivers/acpi: from whole machines' tables to what lower layers are told. Catches a field read at
// another's place, on recorded tables; a table that depends on another and is read before it; old
// tables believed where they couldn't say so yet; and an allocation that fails.

#include "tests/host/acpi_readers.h"

#include "tests/host/acpi_fixture.h"

static void load(const char *name)
{
    struct acpi_header *table = fixture_read(name);
    machine_add(table, table->length);
    free(table);
}

// What QEMU says of its processors and interrupts, by the words of its documentation: the timer's
// line 0 is input 2, and the PCI lines 5, 9, 10 and 11 are level, active high.
static void expect_pc(unsigned cpus)
{
    assert_true(platform.has_acpi && platform.has_madt && platform.has_pic);
    assert_int_equal(platform.cpu_count, cpus);
    for (unsigned i = 0; i < cpus; i++) {
        assert_int_equal(platform.cpus[i].apic_id, i);
        assert_int_equal(platform.cpus[i].uid, i);
        assert_true(platform.cpus[i].is_enabled);
    }
    assert_int_equal(platform.ioapic_count, 1);
    assert_int_equal(platform.ioapics[0].address, 0xfec00000);
    assert_int_equal(platform.ioapics[0].first_gsi, 0);
    assert_int_equal(platform.lapic_address, 0xfee00000);
    for (unsigned line = 0; line < PLATFORM_ISA_LINES; line++) {
        bool is_pci = line == 5 || line == 9 || line == 10 || line == 11;
        assert_int_equal(platform.isa[line].gsi, line == 0 ? 2 : line);
        assert_int_equal(platform.isa[line].is_level, is_pci);
        assert_false(platform.isa[line].is_low);
    }
    assert_int_equal(platform.nmi_count, 1);
    assert_int_equal(platform.nmis[0].uid, PLATFORM_ALL_CPUS);
    assert_int_equal(platform.nmis[0].lint, 1);
    assert_int_equal(platform.sci_gsi, 9);
    assert_true(platform.sci_is_level && !platform.sci_is_low);
    assert_int_equal(platform.pm_timer.address, 0x608);
    assert_false(platform.pm_timer.is_mmio || platform.pm_timer.is_32_bit);
    assert_int_equal(platform.hpet.address, 0xfed00000);
    assert_int_equal(platform.rtc_century, 0x32);
    assert_true(platform.has_i8042 && platform.has_rtc && !platform.is_hw_reduced);
}

static void a_recorded_pc(void **state)
{
    (void)state;
    static const char *const names[] = {"pc_FACP", "pc_APIC", "pc_HPET"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        load(names[i]);
    platform_start();
    expect_pc(4);
    assert_int_equal(platform.ecam_count + platform.memory_node_count + platform.uart_count, 0);
    assert_int_equal(platform.cpus[3].node, PLATFORM_NO_NODE);
    assert_int_equal(log_lines[LOG_WARN], 0);
}

// The same whatever the order of the tables: some need others to have been read.
static void a_recorded_q35_with_nodes(void **state)
{
    (void)state;
    static const char *const names[] = {"q35_SRAT", "q35_MCFG", "q35_HPET", "q35_APIC", "q35_FACP"};
    for (unsigned first = 0; first < ARRAY_SIZE(names); first++) {
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
            load(names[(first + i) % ARRAY_SIZE(names)]);
        platform_start();
        expect_pc(4);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(platform.cpus[i].node, i / 2);
        assert_int_equal(platform.ecam_count, 1);
        assert_int_equal(platform.ecams[0].address, 0xb0000000);
        assert_int_equal(platform.ecams[0].last_bus, 255);
        assert_int_equal(platform.memory_node_count, 3); // without those of no length
        assert_int_equal(told_count, 3);
        assert_int_equal(told[1].start, 0x100000);
        assert_int_equal(told[1].end, 0x8000000);
        assert_int_equal(told[1].node, 0);
        assert_int_equal(told[2].start, 0x8000000);
        assert_int_equal(told[2].end, 0x10000000);
        assert_int_equal(told[2].node, 1);
        assert_int_equal(log_lines[LOG_WARN], 0);
        machine_forget();
    }
}

static void a_recorded_machine_without_the_old_devices(void **state)
{
    (void)state;
    load("microvm_FACP");
    load("microvm_APIC");
    platform_start();
    assert_int_equal(platform.cpu_count, 2);
    assert_int_equal(platform.ioapic_count, 2);
    assert_int_equal(platform.ioapics[1].address, 0xfec10000);
    assert_int_equal(platform.ioapics[1].first_gsi, 24);
    assert_true(platform.is_hw_reduced);
    assert_false(platform.has_i8042);
    assert_int_equal(platform.pm_timer.address, 0);
    assert_int_equal(platform.sci_gsi, PLATFORM_NO_GSI);
}

static void without_tables_it_is_the_pc_of_old(void **state)
{
    (void)state;
    platform_start();
    assert_false(platform.has_acpi || platform.has_madt || platform.is_hw_reduced);
    assert_true(platform.has_pic && platform.has_i8042 && platform.has_rtc);
    assert_int_equal(platform.cpu_count, 0);
    for (unsigned line = 0; line < PLATFORM_ISA_LINES; line++)
        assert_int_equal(platform.isa[line].gsi, line);
    struct table other = table_begin("TEST", 1, 40);
    machine_add_table(&other);
    platform_start();
    assert_true(platform.has_acpi && platform.has_pic);
    assert_false(platform.has_madt);
}

// Two of a kind: the first counts, unless nothing can be made of it.
static void the_first_sound_one_counts(void **state)
{
    (void)state;
    struct table cut = table_begin("APIC", 1, 43), empty = table_begin("APIC", 1, 44);
    struct table nowhere = table_begin("HPET", 1, 56);
    machine_add_table(&cut);
    load("pc_APIC");
    machine_add_table(&empty);
    machine_add_table(&nowhere);
    load("pc_HPET");
    platform_start();
    assert_int_equal(platform.cpu_count, 4);
    assert_int_equal(platform.hpet.address, 0xfed00000);
}

// --- The FADT -----------------------------------------------------------------------------------

static struct table make_fadt(uint8_t revision, size_t size)
{
    struct table fadt = table_begin("FACP", revision, size);
    table_set(&fadt, 46, 9, 2);
    table_set(&fadt, 76, 0x408, 4);
    table_set(&fadt, 91, 4, 1);
    table_set(&fadt, 108, 0x32, 1);
    return fadt;
}

static void start_with(const struct table *table)
{
    machine_forget();
    machine_add_table(table);
    platform_start();
}

// [ACPI 5.2.9.3]: bits 1 and 5, since revision 3.
static void old_devices(void **state)
{
    (void)state;
    static const struct {
        uint8_t revision;
        uint16_t flags;
        bool has_i8042, has_rtc;
    } cases[] = {
        {1, 0x00, true, true},   {1, 0xff, true, true},  {2, 0x20, true, true},
        {3, 0x00, false, true},  {3, 0x02, true, true},  {4, 0x22, true, false},
        {6, 0x20, false, false}, {6, 0xdd, false, true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct table fadt = make_fadt(cases[i].revision, 244);
        table_set(&fadt, 109, cases[i].flags, 2);
        start_with(&fadt);
        assert_int_equal(platform.has_i8042, cases[i].has_i8042);
        assert_int_equal(platform.has_rtc, cases[i].has_rtc);
        assert_int_equal(platform.rtc_century, cases[i].has_rtc ? 0x32 : 0);
    }
    struct table fadt = make_fadt(3, 244);
    table_set(&fadt, 108, 0x80, 1); // no such register
    start_with(&fadt);
    assert_int_equal(platform.rtc_century, 0);
}

static void the_pm_timer(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint8_t space;
        uint64_t wide;
        uint64_t address;
        bool is_mmio;
    } cases[] = {
        {116, 1, 0x508, 0x408, false},
        {244, 1, 0, 0x408, false},
        {244, 1, 0x508, 0x508, false},
        {244, 0, 0xfed80808, 0xfed80808, true},
        {244, 0, 0, 0x408, false},
        {244, 1, 0xfffd, 0x408, false},
        {244, 1, 1ull << 32 | 0x508, 0x408, false},
        {244, 2, 0x508, 0x408, false},
        {219, 1, 0x508, 0x408, false},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct table fadt = make_fadt(3, 244);
        table_gas(&fadt, 208, cases[i].space, 32, 3, cases[i].wide);
        fadt.size = cases[i].size;
        start_with(&fadt);
        assert_int_equal(platform.pm_timer.address, cases[i].address);
        assert_int_equal(platform.pm_timer.is_mmio, cases[i].is_mmio);
        assert_false(platform.pm_timer.is_32_bit);
    }
    struct table fadt = make_fadt(3, 244);
    table_set(&fadt, 112, 1 << 8, 4);
    start_with(&fadt);
    assert_true(platform.pm_timer.is_32_bit);
    table_set(&fadt, 91, 0, 1); // length 0: there is none
    start_with(&fadt);
    assert_int_equal(platform.pm_timer.address, 0);
    fadt = make_fadt(3, 244);
    table_set(&fadt, 76, 0xfffd, 4);
    start_with(&fadt);
    assert_int_equal(platform.pm_timer.address, 0);
}

static void reduced_hardware_since_revision_5(void **state)
{
    (void)state;
    for (uint8_t revision = 1; revision <= 6; revision++) {
        struct table fadt = make_fadt(revision, 268);
        table_set(&fadt, 112, 1 << 20, 4);
        start_with(&fadt);
        assert_int_equal(platform.is_hw_reduced, revision >= 5);
        assert_int_equal(platform.sci_gsi, revision >= 5 ? PLATFORM_NO_GSI : 9);
    }
    struct table fadt = make_fadt(6, 115);
    start_with(&fadt); // shorter than any
    assert_int_equal(platform.sci_gsi, PLATFORM_NO_GSI);
    assert_int_equal(log_lines[LOG_WARN], 1);
}

// An override may rewire the SCI, whose own manner is level and low [ACPI 5.2.9].
static void the_sci_through_an_override(void **state)
{
    (void)state;
    static const struct {
        uint8_t line;
        uint32_t gsi;
        uint16_t flags;
        uint32_t sci;
        bool is_level, is_low;
    } cases[] = {
        {9, 9, 0x0d, 9, true, false},  {9, 20, 0x00, 20, true, true},
        {9, 21, 0x0f, 21, true, true}, {9, 22, 0x05, 22, false, false},
        {10, 23, 0x05, 9, true, true}, {9, 24, 0x0a, 24, true, true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct table fadt = make_fadt(1, 116), madt = table_begin("APIC", 1, 44);
        const uint8_t entry[] = {2, 10, 0, cases[i].line,           (uint8_t)cases[i].gsi,
                                 0, 0,  0, (uint8_t)cases[i].flags, 0};
        table_put(&madt, entry, sizeof(entry));
        machine_forget();
        machine_add_table(&madt);
        machine_add_table(&fadt);
        platform_start();
        assert_int_equal(platform.sci_gsi, cases[i].sci);
        assert_int_equal(platform.sci_is_level, cases[i].is_level);
        assert_int_equal(platform.sci_is_low, cases[i].is_low);
    }
}

// --- HPET, MCFG ---------------------------------------------------------------------------------

static void the_hpet(void **state)
{
    (void)state;
    struct table hpet = table_begin("HPET", 1, 56);
    table_gas(&hpet, 40, 0, 64, 0, 0xfed00000);
    table_set(&hpet, 52, 3, 1);
    table_set(&hpet, 53, 0x1234, 2);
    start_with(&hpet);
    assert_int_equal(platform.hpet.address, 0xfed00000);
    assert_int_equal(platform.hpet.number, 3);
    assert_int_equal(platform.hpet.minimum_tick, 0x1234);
    hpet.size = 51; // the address isn't whole
    start_with(&hpet);
    assert_int_equal(platform.hpet.address, 0);
    hpet.size = 56;
    table_gas(&hpet, 40, 1, 64, 0, 0x300); // ports: no HPET is there
    start_with(&hpet);
    assert_int_equal(platform.hpet.address, 0);
}

static void put_ecam(struct table *mcfg, uint64_t address, uint16_t segment, uint8_t first,
                     uint8_t last)
{
    size_t at = mcfg->size;
    static const uint8_t nothing[16];
    table_put(mcfg, nothing, 16);
    table_set(mcfg, at, address, 8);
    table_set(mcfg, at + 8, segment, 2);
    table_set(mcfg, at + 10, first, 1);
    table_set(mcfg, at + 11, last, 1);
}

static void configuration_space(void **state)
{
    (void)state;
    struct table mcfg = table_begin("MCFG", 1, 44);
    put_ecam(&mcfg, 0xe0000000, 0, 0, 127);
    put_ecam(&mcfg, 0xf0000000, 0, 127, 255);     // bus 127 is somebody's
    put_ecam(&mcfg, 0xe0000000, 0, 128, 255);     // the other half
    put_ecam(&mcfg, 0, 1, 0, 255);                // nowhere
    put_ecam(&mcfg, 0xe0080000, 1, 0, 255);       // no bus begins there
    put_ecam(&mcfg, 0xd0000000, 1, 9, 8);         // inverted
    put_ecam(&mcfg, 0xfffffffffff00000, 2, 0, 0); // beyond the last address
    put_ecam(&mcfg, 0x4000000000, 0xffff, 255, 255);
    mcfg.size += 15; // most of an entry
    start_with(&mcfg);
    assert_int_equal(platform.ecam_count, 3);
    assert_int_equal(platform.ecams[1].first_bus, 128);
    assert_int_equal(platform.ecams[2].address, 0x4000000000);
    assert_int_equal(platform.ecams[2].segment, 0xffff);
    assert_int_equal(log_lines[LOG_WARN], 1);
    mcfg = table_begin("MCFG", 1, 44);
    for (unsigned i = 0; i < 300; i++)
        put_ecam(&mcfg, 0xe0000000, (uint16_t)i, 0, 255);
    start_with(&mcfg);
    assert_int_equal(platform.ecam_count, 256);
    for (size_t size = 36; size < 60; size++) {
        mcfg.size = size;
        start_with(&mcfg);
        assert_int_equal(platform.ecam_count, 0);
    }
}

// Each allocation fails once: what it was for is missing, and nothing else happens.
static void memory_runs_out(void **state)
{
    (void)state;
    static const char *const names[] = {"q35_FACP", "q35_APIC", "q35_SRAT", "q35_MCFG"};
    for (unsigned failing = 1;; failing++) {
        machine_forget();
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
            load(names[i]);
        fail_allocation = failing;
        platform_start();
        assert_int_equal(platform.sci_gsi, 9);
        if (allocations < failing)
            break;
        bool has_nodes = platform.cpu_count && platform.cpus[3].node == 1;
        assert_false(has_nodes && platform.ioapic_count && platform.nmi_count &&
                     platform.ecam_count && platform.memory_node_count);
        assert_true(log_lines[LOG_WARN] > 0);
    }
    assert_int_equal(platform.cpu_count, 4);
}

static int forget(void **state)
{
    (void)state;
    machine_forget();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_recorded_pc),
        TEST(a_recorded_q35_with_nodes),
        TEST(a_recorded_machine_without_the_old_devices),
        TEST(without_tables_it_is_the_pc_of_old),
        TEST(the_first_sound_one_counts),
        TEST(old_devices),
        TEST(the_pm_timer),
        TEST(reduced_hardware_since_revision_5),
        TEST(the_sci_through_an_override),
        TEST(the_hpet),
        TEST(configuration_space),
        TEST(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
