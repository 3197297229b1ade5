// drivers/acpi/sleep: what switching off writes. Catches a sleep type in the wrong bits, a table
// that isn't asked for _S5, a port that isn't one, and a wait for ACPI mode without an end.

#include "tests/host/acpi_machine.h"

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

// The wider field counts where it names a port [ACPI 5.2.9].
static void ports_by_either_field(void **state)
{
    (void)state;
    static const struct {
        uint8_t space;
        uint64_t address;
        bool counts;
    } wide[] = {{1, PM1B, true},    {1, 0, false},          {0, PM1B, false},
                {1, 0xfffe, false}, {1, UINT64_MAX, false}, {1, (1ull << 32) + PM1B, false},
                {0x7f, PM1B, false}};
    for (unsigned i = 0; i < ARRAY_SIZE(wide); i++) {
        make_s5_machine("\x12\x08\x04\x0a\x05\x0a\x05\x00\x00", 9);
        memory[FADT + 172] = wide[i].space;
        memcpy(memory + FADT + 176, &wide[i].address, 8);
        poke32(FADT + 68, 0); // no PM1b
        fix_checksum(FADT, 244);
        reset_driver();
        switch_off_once();
        assert_int_equal(ports.pm1b, wide[i].counts ? 5 << 10 | 1 << 13 : 0);
        assert_int_equal(ports.pm1a, wide[i].counts ? 0 : 5 << 10 | 1 << 13);
    }
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
        TEST(both_registers_get_their_type),
        TEST(acpi_mode_is_switched_on_first),
        TEST(firmware_that_never_answers_is_not_waited_for),
        TEST(the_dsdt_by_either_address),
        TEST(ports_by_either_field),
        TEST(s5_in_a_secondary_table),
        TEST(without_s5_there_is_no_such_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
