// drivers/acpi/spcr and dbg2: serial ports that tables name. Catches a port that is nowhere, one
// that isn't a 16550, registers that are taken to lie closer than they do, and a DBG2 whose
// structures lead out of it or in circles.

#include "tests/host/acpi_readers.h"

static int forget(void **state)
{
    (void)state;
    machine_forget();
    return 0;
}

// --- SPCR
// -----------------------------------------------------------------------------------------

static struct table make_spcr(uint8_t interface, uint8_t space, uint8_t width, uint8_t access,
                              uint64_t address)
{
    struct table spcr = table_begin("SPCR", 2, 80);
    table_set(&spcr, 36, interface, 1);
    table_gas(&spcr, 40, space, width, access, address);
    return spcr;
}

static void start_with(const struct table *table)
{
    machine_forget();
    machine_add_table(table);
    platform_start();
}

static void places_and_strides(void **state)
{
    (void)state;
    static const struct {
        uint8_t interface, space, width, access;
        uint64_t address;
        uint8_t stride; // 0: there is none
    } cases[] = {
        {0, 1, 8, 1, 0x3f8, 1},
        {0, 1, 8, 0, 0x2f8, 1},
        {1, 1, 32, 3, 0x3f8, 1},
        {0, 0, 8, 1, 0xfe030000, 1},
        {0, 0, 32, 3, 0xfe030000, 4},
        {0, 0, 32, 0, 0xfe030000, 4},
        {0, 0, 8, 3, 0xfe030000, 4},
        {0x12, 0, 16, 2, 0xfe030000, 2},
        {0x12, 0, 64, 4, 0x1fe030000, 8},
        {0, 0, 0, 0, 0xfe030000, 1},
        {0, 0, 24, 0, 0xfe030000, 1},
        {0, 0, 255, 255, 0xfe030000, 1},
        {0, 1, 8, 1, 0, 0},
        {0, 0, 32, 3, 0, 0},
        {0, 1, 8, 1, 0xfff9, 0},
        {0, 1, 8, 1, 0x100003f8, 0},
        {3, 0, 32, 3, 0xfe030000, 0},
        {2, 1, 8, 1, 0x3f8, 0},
        {0, 2, 8, 1, 0x3f8, 0},
        {0, 0x7f, 8, 1, 0x3f8, 0},
        {0xff, 1, 8, 1, 0x3f8, 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct table spcr = make_spcr(cases[i].interface, cases[i].space, cases[i].width,
                                      cases[i].access, cases[i].address);
        start_with(&spcr);
        if (platform.uart_count != (cases[i].stride != 0))
            fail_msg("case %u: %u UARTs", i, platform.uart_count);
        if (!cases[i].stride)
            continue;
        const struct platform_uart *uart = &platform.uarts[0];
        assert_int_equal(uart->address, cases[i].address);
        assert_int_equal(uart->is_mmio, cases[i].space == 0);
        assert_int_equal(uart->stride, cases[i].stride);
        assert_int_equal(uart->interface, cases[i].interface);
        assert_true(uart->is_console);
    }
}

static void interrupts_and_speeds(void **state)
{
    (void)state;
    static const struct {
        uint8_t types, irq;
        uint32_t input, gsi;
    } interrupts[] = {
        {0, 4, 20, PLATFORM_NO_GSI},
        {1, 4, 20, 40},
        {1, 3, 20, 3},
        {2, 4, 20, 20},
        {3, 4, 20, 20},
        {1, 16, 20, PLATFORM_NO_GSI},
        {8, 4, 20, PLATFORM_NO_GSI},
    };
    struct table madt = table_begin("APIC", 1, 44);
    table_put(&madt, (const uint8_t[]){2, 10, 0, 4, 40, 0, 0, 0, 0, 0}, 10); // line 4 is input 40
    for (unsigned i = 0; i < ARRAY_SIZE(interrupts); i++) {
        struct table spcr = make_spcr(0, 1, 8, 1, 0x3f8);
        table_set(&spcr, 52, interrupts[i].types, 1);
        table_set(&spcr, 53, interrupts[i].irq, 1);
        table_set(&spcr, 54, interrupts[i].input, 4);
        machine_forget();
        machine_add_table(&spcr);
        machine_add_table(&madt);
        platform_start();
        assert_int_equal(platform.uarts[0].gsi, interrupts[i].gsi);
    }
    static const struct {
        uint8_t revision, code;
        uint32_t precise, baud;
    } speeds[] = {{1, 0, 0, 0},      {1, 3, 0, 9600},       {2, 4, 0, 19200},
                  {2, 6, 0, 57600},  {2, 7, 0, 115200},     {2, 5, 0, 0},
                  {2, 8, 0, 0},      {2, 255, 0, 0},        {4, 7, 921600, 921600},
                  {4, 7, 0, 115200}, {3, 7, 921600, 115200}};
    for (unsigned i = 0; i < ARRAY_SIZE(speeds); i++) {
        struct table spcr = make_spcr(0, 1, 8, 1, 0x3f8);
        spcr.bytes[8] = speeds[i].revision;
        spcr.size = 88;
        table_set(&spcr, 58, speeds[i].code, 1);
        table_set(&spcr, 80, speeds[i].precise, 4);
        start_with(&spcr);
        assert_int_equal(platform.uarts[0].baud, speeds[i].baud);
    }
    struct table spcr = make_spcr(0, 1, 8, 1, 0x3f8);
    spcr.size = 79;
    start_with(&spcr);
    assert_int_equal(platform.uart_count, 0);
}

// --- DBG2
// -----------------------------------------------------------------------------------------

// Ends of lists: offset of the first structure and their number.
static struct table make_dbg2(uint32_t count)
{
    struct table dbg2 = table_begin("DBG2", 0, 44);
    table_set(&dbg2, 36, 44, 4);
    table_set(&dbg2, 40, count, 4);
    return dbg2;
}

// [DBG2 table 2]: the structure, then its address, then its name.
static size_t put_device(struct table *dbg2, uint16_t type, uint16_t subtype, uint64_t address)
{
    size_t at = dbg2->size;
    static const uint8_t nothing[22 + 12 + 2];
    table_put(dbg2, nothing, sizeof(nothing));
    table_set(dbg2, at + 1, sizeof(nothing), 2);
    table_set(dbg2, at + 3, 1, 1);
    table_set(dbg2, at + 12, type, 2);
    table_set(dbg2, at + 14, subtype, 2);
    table_set(dbg2, at + 18, 22, 2);
    table_gas(dbg2, at + 22, 1, 8, 1, address);
    return at;
}

static void ports_for_debuggers(void **state)
{
    (void)state;
    struct table dbg2 = make_dbg2(5);
    put_device(&dbg2, 0x8000, 0, 0x2f8);
    put_device(&dbg2, 0x8003, 0, 0x3e8); // a network adapter
    put_device(&dbg2, 0x8000, 3, 0x3e8); // a PL011
    put_device(&dbg2, 0x8000, 0x12, 0x2e8);
    put_device(&dbg2, 0x8000, 0, 0x3f8); // the console's
    struct table spcr = make_spcr(0, 1, 8, 1, 0x3f8);
    machine_add_table(&dbg2);
    machine_add_table(&spcr);
    platform_start();
    assert_int_equal(platform.uart_count, 3);
    assert_true(platform.uarts[0].is_console);
    assert_int_equal(platform.uarts[0].address, 0x3f8);
    assert_int_equal(platform.uarts[1].address, 0x2f8);
    assert_int_equal(platform.uarts[2].address, 0x2e8);
    assert_int_equal(platform.uarts[2].interface, 0x12);
    assert_false(platform.uarts[1].is_console);
    assert_int_equal(platform.uarts[1].gsi, PLATFORM_NO_GSI);
}

static void more_ports_than_anybody_has(void **state)
{
    (void)state;
    struct table dbg2 = make_dbg2(20);
    for (unsigned i = 0; i < 20; i++)
        put_device(&dbg2, 0x8000, 0, 0x1000 + 8 * i);
    start_with(&dbg2);
    assert_int_equal(platform.uart_count, PLATFORM_UARTS_MAX);
    assert_int_equal(log_lines[LOG_WARN], 20 - PLATFORM_UARTS_MAX);
}

// Each of these breaks one field of a structure that is right; only what is behind it is left.
static void hostile_structures(void **state)
{
    (void)state;
    static const struct {
        size_t at, size;
        uint64_t value;
        unsigned ports;
    } cases[] = {
        {36, 4, 43, 0}, // structures within the header
        {36, 4, 0, 0},  // pointing at itself
        {36, 4, 0xffffffff, 0}, {36, 4, 44 + 36 * 2, 0}, {36, 4, 44 + 36 * 2 - 1, 0},
        {40, 4, 0, 0},          {40, 4, 1, 1},           {40, 4, 0xffffffff, 2},
        {45, 2, 0, 0},          {45, 2, 21, 0},          {45, 2, 73, 0},
        {45, 2, 0xffff, 0},     {45, 2, 72, 1}, // the first takes in the second
        {47, 1, 0, 1},                          // no address
        {62, 2, 0xffff, 1},     {62, 2, 25, 1},          {62, 2, 24, 2 - 1}, // across its end
        {45 + 36, 2, 0, 1},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct table dbg2 = make_dbg2(2);
        put_device(&dbg2, 0x8000, 0, 0x2f8);
        put_device(&dbg2, 0x8000, 0, 0x3f8);
        table_set(&dbg2, cases[i].at, cases[i].value, cases[i].size);
        start_with(&dbg2);
        if (platform.uart_count != cases[i].ports)
            fail_msg("case %u: %u ports", i, platform.uart_count);
    }
    for (size_t size = 36; size < 44 + 72; size++) {
        struct table dbg2 = make_dbg2(2);
        put_device(&dbg2, 0x8000, 0, 0x2f8);
        put_device(&dbg2, 0x8000, 0, 0x3f8);
        dbg2.size = size;
        start_with(&dbg2);
        assert_int_equal(platform.uart_count, size >= 44 + 36);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(places_and_strides),          TEST(interrupts_and_speeds), TEST(ports_for_debuggers),
        TEST(more_ports_than_anybody_has), TEST(hostile_structures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
