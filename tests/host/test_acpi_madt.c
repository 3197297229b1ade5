// drivers/acpi/madt: processors and the wiring of interrupts. Catches a limit of 256 processors,
// one that is counted twice or not at all, a place for one that hides a real one, entries that are
// cut short or of no length, and flags in each other's bits.

#include "tests/host/acpi_readers.h"

static struct table madt;

#define PUT(...) table_put(&madt, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

#define LE16(value) (uint8_t)(value), (uint8_t)((value) >> 8)
#define LE32(value) LE16(value), LE16((uint32_t)(value) >> 16)

// [ACPI 5.2.12.2, 5.2.12.12]
static void put_lapic(uint8_t uid, uint8_t id, uint32_t flags)
{
    PUT(0, 8, uid, id, LE32(flags));
}

static void put_x2apic(uint32_t uid, uint32_t id, uint32_t flags)
{
    PUT(9, 16, 0, 0, LE32(id), LE32(flags), LE32(uid));
}

static void begin(void)
{
    machine_forget();
    madt = table_begin("APIC", 5, 44);
    table_set(&madt, 36, 0xfee00000, 4);
}

static void start(void)
{
    machine_add_table(&madt);
    platform_start();
    assert_true(platform.has_madt);
}

static void processors_of_both_kinds(void **state)
{
    (void)state;
    begin();
    put_lapic(1, 0, 1);
    put_lapic(2, 4, 0); // could be plugged in at most
    put_lapic(3, 6, 2);
    put_x2apic(300, 0x100, 1);
    put_x2apic(301, 0xfffffffe, 3);
    put_x2apic(5, 8, 1); // an id that the short kind could have had
    start();
    static const struct platform_cpu expected[] = {
        {0, 1, PLATFORM_NO_NODE, true},
        {4, 2, PLATFORM_NO_NODE, false},
        {6, 3, PLATFORM_NO_NODE, false},
        {0x100, 300, PLATFORM_NO_NODE, true},
        {0xfffffffe, 301, PLATFORM_NO_NODE, true},
        {8, 5, PLATFORM_NO_NODE, true},
    };
    assert_int_equal(platform.cpu_count, ARRAY_SIZE(expected));
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_int_equal(platform.cpus[i].apic_id, expected[i].apic_id);
        assert_int_equal(platform.cpus[i].uid, expected[i].uid);
        assert_int_equal(platform.cpus[i].node, PLATFORM_NO_NODE);
        assert_int_equal(platform.cpus[i].is_enabled, expected[i].is_enabled);
    }
    assert_int_equal(log_lines[LOG_WARN], 0);
}

static void ids_that_nobody_has(void **state)
{
    (void)state;
    begin();
    put_lapic(0, 0xff, 1);
    put_x2apic(0, UINT32_MAX, 1);
    put_x2apic(0, 0xff, 1); // here it is one
    start();
    assert_int_equal(platform.cpu_count, 1);
    assert_int_equal(platform.cpus[0].apic_id, 0xff);
}

static void an_id_comes_once(void **state)
{
    (void)state;
    begin();
    put_lapic(1, 7, 1);
    put_lapic(2, 7, 1);
    put_x2apic(3, 7, 1);
    put_lapic(4, 9, 1);
    start();
    assert_int_equal(platform.cpu_count, 2);
    assert_int_equal(platform.cpus[0].uid, 1);
    assert_int_equal(platform.cpus[1].apic_id, 9);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_non_null(strstr(log_last, "2 processors"));
}

// Places for processors that aren't there, all with the id of one that is.
static void who_is_enabled_counts(void **state)
{
    (void)state;
    begin();
    put_lapic(1, 0, 0);
    put_lapic(2, 0, 1);
    put_lapic(3, 0, 0);
    put_lapic(4, 2, 0);
    put_lapic(5, 2, 0);
    start();
    assert_int_equal(platform.cpu_count, 2);
    assert_int_equal(platform.cpus[0].uid, 2);
    assert_true(platform.cpus[0].is_enabled);
    assert_false(platform.cpus[1].is_enabled);
    assert_int_equal(log_lines[LOG_WARN], 0);
}

// As many as a table has room for; in this one, 100000 with ids far from each other.
static void processors_without_a_limit(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    size_t size = 44 + COUNT * 16;
    uint8_t *bytes = calloc(1, size);
    memcpy(bytes, "APIC", 4);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t entry[] = {9, 16, 0, 0, LE32(i * 42949), LE32(1), LE32(i)};
        memcpy(bytes + 44 + i * sizeof(entry), entry, sizeof(entry));
    }
    machine_add(bytes, size);
    free(bytes);
    acpi_platform_init();
    assert_int_equal(platform.cpu_count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_true(platform.cpus[i].apic_id == i * 42949 && platform.cpus[i].uid == i);
}

static void io_apics(void **state)
{
    (void)state;
    begin();
    PUT(1, 12, 8, 0, LE32(0xfec00000), LE32(0));
    PUT(1, 12, 9, 0, LE32(0xfec01000), LE32(24));
    PUT(1, 12, 9, 0, LE32(0xfec01000), LE32(56)); // there already
    PUT(1, 12, 10, 0, LE32(0), LE32(56));         // nowhere
    start();
    assert_int_equal(platform.ioapic_count, 2);
    assert_int_equal(platform.ioapics[0].id, 8);
    assert_int_equal(platform.ioapics[1].id, 9);
    assert_int_equal(platform.ioapics[1].address, 0xfec01000);
    assert_int_equal(platform.ioapics[1].first_gsi, 24);
    assert_int_equal(log_lines[LOG_WARN], 1);
    begin();
    for (uint32_t i = 0; i < 300; i++)
        PUT(1, 12, (uint8_t)i, 0, LE32(0xfec00000 + i * 0x1000), LE32(i * 24));
    start();
    assert_int_equal(platform.ioapic_count, 256);
}

// [ACPI 5.2.12.5, table 5.26]
static void overrides_and_their_flags(void **state)
{
    (void)state;
    static const struct {
        uint16_t flags;
        bool is_level, is_low;
    } cases[] = {
        {0x0, false, false}, {0x1, false, false}, {0x3, false, true},  {0x4, false, false},
        {0xc, true, false},  {0xd, true, false},  {0xf, true, true},   {0x5, false, false},
        {0x7, false, true},  {0x2, false, false}, {0x8, false, false}, {0xfff0, false, false},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        begin();
        PUT(2, 10, 0, 7, LE32(0x12345678), LE16(cases[i].flags));
        start();
        assert_int_equal(platform.isa[7].gsi, 0x12345678);
        assert_int_equal(platform.isa[7].is_level, cases[i].is_level);
        assert_int_equal(platform.isa[7].is_low, cases[i].is_low);
        assert_int_equal(platform.isa[6].gsi, 6);
    }
    begin();
    PUT(2, 10, 0, 0, LE32(2), LE16(0));
    PUT(2, 10, 0, 0, LE32(3), LE16(0xf)); // the first word counts
    PUT(2, 10, 1, 5, LE32(9), LE16(0));   // another bus
    PUT(2, 10, 0, 16, LE32(9), LE16(0));  // no such line
    PUT(2, 10, 0, 255, LE32(9), LE16(0));
    start();
    assert_int_equal(platform.isa[0].gsi, 2);
    assert_false(platform.isa[0].is_low);
    for (unsigned line = 1; line < PLATFORM_ISA_LINES; line++)
        assert_int_equal(platform.isa[line].gsi, line);
}

static void inputs_wired_to_nmi(void **state)
{
    (void)state;
    begin();
    PUT(4, 6, 0xff, LE16(0x5), 1);
    PUT(4, 6, 3, LE16(0xf), 0);
    PUT(10, 12, LE16(0), LE32(UINT32_MAX), 1, 0, 0, 0);
    PUT(10, 12, LE16(0x3), LE32(0x12345), 0, 0, 0, 0);
    PUT(4, 6, 1, LE16(0), 2);     // there are only two
    PUT(3, 8, LE16(0), LE32(17)); // an input of an I/O APIC: noted by nobody
    start();
    assert_int_equal(platform.nmi_count, 4);
    assert_int_equal(platform.nmis[0].uid, PLATFORM_ALL_CPUS);
    assert_int_equal(platform.nmis[0].lint, 1);
    assert_int_equal(platform.nmis[1].uid, 3);
    assert_true(platform.nmis[1].is_level && platform.nmis[1].is_low);
    assert_int_equal(platform.nmis[2].uid, PLATFORM_ALL_CPUS);
    assert_int_equal(platform.nmis[3].uid, 0x12345);
    assert_true(platform.nmis[3].is_low && !platform.nmis[3].is_level);
}

static void the_head_and_the_wide_address(void **state)
{
    (void)state;
    begin();
    start();
    assert_false(platform.has_pic);
    assert_int_equal(platform.lapic_address, 0xfee00000);
    begin();
    table_set(&madt, 40, 1, 4);
    PUT(5, 12, 0, 0, LE32(0x87654321), LE32(0x12));
    start();
    assert_true(platform.has_pic);
    assert_int_equal(platform.lapic_address, 0x1287654321);
}

// What is shorter than its type says nothing; a length of less than itself ends the list.
static void entries_of_wrong_lengths(void **state)
{
    (void)state;
    begin();
    PUT(0, 7, 1, 1, 1, 0, 0);
    PUT(9, 15, 0, 0, LE32(1), LE32(1), 0, 0, 0);
    PUT(1, 11, 0, 0, LE32(0xfec00000), 0, 0, 0);
    PUT(2, 9, 0, 5, LE32(9), 0);
    PUT(4, 5, 0xff, 0, 0);
    PUT(5, 11, 0, 0, LE32(1), 0, 0, 0);
    PUT(10, 11, 0, 0, LE32(1), 1, 0, 0);
    PUT(0x7f, 2);                   // unknown
    PUT(0, 9, 3, 3, LE32(1), 0xaa); // longer than today's
    start();
    assert_int_equal(platform.cpu_count, 1);
    assert_int_equal(platform.cpus[0].apic_id, 3);
    assert_int_equal(platform.ioapic_count + platform.nmi_count, 0);
    assert_int_equal(platform.isa[5].gsi, 5);
    assert_int_equal(platform.lapic_address, 0xfee00000);
    assert_int_equal(log_lines[LOG_WARN], 1);
    for (uint8_t length = 0; length < 2; length++) {
        begin();
        put_lapic(0, 0, 1);
        PUT(0, length, 0, 0, 0, 0, 0, 0);
        put_lapic(1, 1, 1);
        start();
        assert_int_equal(platform.cpu_count, 1);
        assert_int_equal(log_lines[LOG_WARN], 1);
    }
}

static void every_truncation(void **state)
{
    (void)state;
    for (size_t cut = 1; cut <= 40; cut++) {
        begin();
        put_lapic(0, 0, 1);
        put_x2apic(1, 0x200, 1);
        PUT(1, 12, 8, 0, LE32(0xfec00000), LE32(0));
        PUT(9, 200, 0, 0); // beyond the end
        madt.size -= cut;
        start();
        assert_int_equal(platform.cpu_count, cut <= 16 ? 2 : cut <= 32 ? 1 : 0);
        assert_int_equal(platform.ioapic_count, cut <= 4);
    }
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
        TEST(processors_of_both_kinds),
        TEST(ids_that_nobody_has),
        TEST(an_id_comes_once),
        TEST(who_is_enabled_counts),
        TEST(processors_without_a_limit),
        TEST(io_apics),
        TEST(overrides_and_their_flags),
        TEST(inputs_wired_to_nmi),
        TEST(the_head_and_the_wide_address),
        TEST(entries_of_wrong_lengths),
        TEST(every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
