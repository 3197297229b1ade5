// drivers/acpi/sleep: the reader of _S5 and what switching off writes. Catches encodings of small
// integers and package lengths that are taken for one another, reading past the end of a DSDT that
// stops in the middle, a sleep type in the wrong bits, and a wait for ACPI mode without an end.

#include "tests/host/acpi_machine.h"

// The reader sees `size` bytes and nothing behind them.
static bool find_exact(const void *aml, size_t size, struct acpi_s5 *s5)
{
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, aml, size);
    bool found = acpi_find_s5(exact, size, s5);
    free(exact);
    return found;
}

static void expect_package(const char *package, size_t size, int a, int b)
{
    uint8_t aml[128];
    struct acpi_s5 s5 = {99, 99};
    size_t length = s5_aml(aml, package, size);
    if (!find_exact(aml, length, &s5))
        fail_msg("types %d and %d aren't found", a, b);
    assert_int_equal(s5.type_a, a);
    assert_int_equal(s5.type_b, b);
}

#define EXPECT_PACKAGE(package, a, b) expect_package(package, sizeof(package) - 1, a, b)

// [ACPI 20.2.3, 20.2.4, 20.2.5.4]: PackageOp, PkgLength, NumElements, elements.
static void integers_in_every_encoding(void **state)
{
    (void)state;
    EXPECT_PACKAGE("\x12\x06\x04\x00\x00\x00\x00", 0, 0);
    EXPECT_PACKAGE("\x12\x06\x04\x01\x01\x00\x00", 1, 1);
    EXPECT_PACKAGE("\x12\x06\x04\x01\x00\x00\x00", 1, 0);
    EXPECT_PACKAGE("\x12\x06\x04\x00\x01\x00\x00", 0, 1);
    EXPECT_PACKAGE("\x12\x08\x04\x0a\x05\x0a\x05\x00\x00", 5, 5);
    EXPECT_PACKAGE("\x12\x08\x04\x0a\x07\x0a\x03\x00\x00", 7, 3);
    EXPECT_PACKAGE("\x12\x07\x04\x0a\x06\x00\x00\x00", 6, 0);
    EXPECT_PACKAGE("\x12\x07\x04\x01\x0a\x06\x00\x00", 1, 6);
    EXPECT_PACKAGE("\x12\x06\x02\x0a\x05\x0a\x02", 5, 2);
}

static void package_lengths_in_every_encoding(void **state)
{
    (void)state;
    EXPECT_PACKAGE("\x12\x49\x00\x04\x0a\x05\x0a\x04\x00\x00", 5, 4);
    EXPECT_PACKAGE("\x12\x8a\x00\x00\x04\x0a\x05\x0a\x04\x00\x00", 5, 4);
    EXPECT_PACKAGE("\x12\xcb\x00\x00\x00\x04\x0a\x05\x0a\x04\x00\x00", 5, 4);
}

static void the_name_alone_is_not_enough(void **state)
{
    (void)state;
    static const uint8_t aml[] = "__S5__S5__S5_\x12_S5_\x70_S5_\x12\x06\x04\x01\x01\x00\x00";
    struct acpi_s5 s5;
    assert_true(find_exact(aml, sizeof(aml) - 1, &s5)); // behind all that only mention it
    assert_int_equal(s5.type_a, 1);
    static const char *const none[] = {
        "", "_", "_S5", "_S5_", "_S4_\x12\x06\x04\x01\x01", "_S5_\x08\x06\x04\x01\x01"};
    for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
        assert_false(find_exact(none[i], strlen(none[i]), &s5));
    assert_false(find_exact("_S5_\x12\x02\x00", 7, &s5)); // no elements
    assert_false(
        find_exact("_S5_\x12\x08\x04\x0a\x08\x0a\x05\x00\x00", 13, &s5)); // a type has 3 bits
    assert_false(find_exact("_S5_\x12\x08\x04\x0a\x05\x0a\x08\x00\x00", 13, &s5));
    assert_false(find_exact("_S5_\x12\x0a\x04\x0d"
                            "5\0\0\0\0\0",
                            14, &s5)); // a string
}

static void every_truncation_ends(void **state)
{
    (void)state;
    static const char *const packages[] = {
        "\x12\x08\x04\x0a\x05\x0a\x06\x03\x03",
        "\x12\x49\x03\x04\x0a\x05\x0a\x06\x03\x03",
        "\x12\xcb\x03\x03\x03\x04\x0a\x05\x0a\x06\x03\x03",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(packages); i++) {
        uint8_t aml[64];
        struct acpi_s5 s5;
        size_t whole = s5_aml(aml, packages[i], strlen(packages[i]));
        assert_true(find_exact(aml, whole, &s5));
        for (size_t size = 0; size < whole; size++) {
            bool found = find_exact(aml, size, &s5);
            assert_true(!found || s5.type_a == 5);
            assert_false(found && size < whole - 4); // the first integer isn't whole
        }
    }
}

static void random_mutations(void **state)
{
    (void)state;
    static const char package[] =
        "\x12\x08\x04\x0a\x05\x0a\x06\x00\x00_S5_\x12\x06\x04\x01\x01\x00\x00";
    static const uint8_t tokens[] = {0x00, 0x01, 0x0a, 0x12, 0x40, 0xc0, 0xff, '_', 'S', '5'};
    random_seed(95);
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t aml[64];
        struct acpi_s5 s5 = {99, 99};
        size_t size = s5_aml(aml, package, sizeof(package) - 1);
        for (uint64_t changes = random_below(6); changes--;)
            aml[random_below(size)] =
                random_below(2) ? (uint8_t)random_u64() : tokens[random_below(sizeof(tokens))];
        if (find_exact(aml, random_below(size + 1), &s5))
            assert_true(s5.type_a < 8 && s5.type_b < 8);
    }
}

// --- Switching off ----------------------------------------------------------------------------

static void switch_off_once(void)
{
    assert_int_equal(driver_start_acpi(), OK);
    assert_non_null(power_methods);
    assert_int_equal(power_methods->action, POWER_OFF);
    power_methods->run();
}

// [ACPI 4.8.3.2.1]: SLP_TYP in bits 10 to 12, SLP_EN bit 13; the others belong to firmware.
static void both_registers_get_their_type(void **state)
{
    (void)state;
    make_s5_machine("\x12\x08\x04\x0a\x05\x0a\x06\x00\x00", 9);
    ports.pm1a = 0x1c03, ports.pm1b = 0x0201;
    switch_off_once();
    assert_int_equal(ports.smi_commands, 0); // ACPI mode is on
    assert_int_equal(ports.pm1a, 5 << 10 | 1 << 13 | 0x0003);
    assert_int_equal(ports.pm1b, 6 << 10 | 1 << 13 | 0x0201);
}

static void acpi_mode_is_switched_on_first(void **state)
{
    (void)state;
    make_s5_machine("\x12\x06\x04\x00\x00\x00\x00", 7);
    ports.enables = true;
    switch_off_once();
    assert_int_equal(ports.smi_commands, 1);
    assert_int_equal(ports.pm1a, 1 << 13 | 1);
}

static void firmware_that_never_answers_is_not_waited_for(void **state)
{
    (void)state;
    make_s5_machine("\x12\x06\x04\x01\x01\x00\x00", 7);
    switch_off_once();
    assert_int_equal(ports.pm1a & 0x3c00, 1 << 10 | 1 << 13); // tried all the same
    assert_true(ports.ns < 3000000000);
}

static void the_dsdt_by_either_address(void **state)
{
    (void)state;
    uint8_t aml[64];
    make_s5_machine("\x12\x06\x04\x01\x01\x00\x00", 7);
    make_fadt(DSDT, 116); // ACPI 1.0: no 64-bit address
    assert_int_equal(driver_start_acpi(), OK);
    assert_non_null(power_methods);
    make_table(0x1c0000, "DSDT", aml, s5_aml(aml, "\x12\x06\x04\x00\x00\x00\x00", 7));
    make_fadt(0x1c0000, 244);
    poke32(FADT + 40, DSDT); // where both are given, the 64-bit one counts [ACPI 5.2.9]
    fix_checksum(FADT, 244);
    reset_driver();
    switch_off_once();
    assert_int_equal(ports.pm1a >> 10 & 7, 0);
}

// A broken table is as if it weren't there: those behind it count.
static void s5_in_a_secondary_table(void **state)
{
    (void)state;
    uint8_t aml[64];
    uint64_t entries[] = {FADT, TABLES, TABLES + 0x100, TABLES + 0x200};
    make_s5_machine("\x14\x08\x04\x0a\x05\x0a\x06\x00\x00", 9); // nothing in the DSDT
    make_table(TABLES, "SSDT", "abc", 3);
    make_table(TABLES + 0x100, "SSDT", "abc", 3);
    make_table(TABLES + 0x200, "SSDT", aml, s5_aml(aml, "\x12\x06\x04\x01\x01\x00\x00", 7));
    make_table(XSDT, "XSDT", entries, sizeof(entries));
    assert_int_equal(driver_start_acpi(), OK);
    assert_non_null(power_methods);
    reset_driver();
    memory[TABLES + 0x100 + 10] ^= 1;
    assert_int_equal(driver_start_acpi(), OK);
    assert_non_null(power_methods);
}

static void without_s5_there_is_no_such_method(void **state)
{
    (void)state;
    make_s5_machine("\x14\x08\x04\x0a\x05\x0a\x06\x00\x00", 9);
    assert_int_equal(driver_start_acpi(), OK);
    assert_null(power_methods);
    clear_memory();
    assert_int_equal(driver_start_acpi(), NOT_FOUND);
    assert_null(power_methods);
    make_s5_machine("\x12\x06\x04\x01\x01\x00\x00", 7);
    poke32(FADT + 64, 0); // no PM1a register
    fix_checksum(FADT, 244);
    (void)driver_start_acpi();
    assert_null(power_methods);
    make_s5_machine("\x12\x06\x04\x01\x01\x00\x00", 7);
    make_fadt(MEMORY - 20, 244); // a DSDT out of reach
    reset_driver();
    (void)driver_start_acpi();
    assert_null(power_methods);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_machine, stop_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_in_every_encoding),
        cmocka_unit_test(package_lengths_in_every_encoding),
        cmocka_unit_test(the_name_alone_is_not_enough),
        cmocka_unit_test(every_truncation_ends),
        cmocka_unit_test(random_mutations),
        TEST(both_registers_get_their_type),
        TEST(acpi_mode_is_switched_on_first),
        TEST(firmware_that_never_answers_is_not_waited_for),
        TEST(the_dsdt_by_either_address),
        TEST(s5_in_a_secondary_table),
        TEST(without_s5_there_is_no_such_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
