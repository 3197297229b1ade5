// Switching off by ACPI: the S5 state of the PM1 control registers [ACPI 4.8.3.2.1, 7.4.2].

#include "drivers/acpi/sleep.h"
#include "arch/x86_64/io.h"
#include "drivers/acpi/fadt.h"
#include "drivers/acpi/tables.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/power.h"
#include "lib/bits.h"
#include "lib/string.h"

enum {
    PM1_SCI_ENABLE = BIT(0),
    PM1_SLEEP_TYPE_SHIFT = 10,
    PM1_SLEEP_ENABLE = BIT(13),
};

#define ACPI_MODE_NS 300000000ull // firmware may take its time to hand over
#define EFFECT_NS    500000000ull

static struct {
    uint16_t pm1a, pm1b, smi_command;
    uint8_t acpi_enable;
    struct acpi_s5 s5;
} sleep;

// One integer of a package: ZeroOp, OneOp or BytePrefix [ACPI 20.2.3]. Returns the bytes it takes
// up, 0 where it is anything else.
static size_t read_integer(const uint8_t *aml, size_t size, uint8_t *value)
{
    if (size >= 1 && aml[0] <= 1) {
        *value = aml[0];
        return 1;
    }
    if (size >= 2 && aml[0] == 0x0a) {
        *value = aml[1];
        return 2;
    }
    return 0;
}

// What follows the name: PackageOp, PkgLength, NumElements, elements.
static bool read_package(const uint8_t *aml, size_t size, struct acpi_s5 *s5)
{
    enum { PACKAGE_OP = 0x12 };
    if (size < 2 || aml[0] != PACKAGE_OP)
        return false;
    size_t at = 2 + (aml[1] >> 6); // the length has up to three more bytes
    if (at >= size || aml[at] < 1)
        return false;
    uint8_t elements = aml[at++];
    size_t used = read_integer(aml + at, size - at, &s5->type_a);
    if (!used)
        return false;
    at += used;
    s5->type_b = s5->type_a;
    if (elements > 1)
        (void)read_integer(aml + at, size - at, &s5->type_b);
    return s5->type_a < 8 && s5->type_b < 8;
}

bool acpi_find_s5(const uint8_t *aml, size_t size, struct acpi_s5 *s5)
{
    for (size_t at = 0; at + 4 < size; at++)
        if (memcmp(aml + at, "_S5_", 4) == 0 && read_package(aml + at + 4, size - at - 4, s5))
            return true;
    return false;
}

static bool find_in_table(const struct acpi_header *table)
{
    return table &&
           acpi_find_s5((const uint8_t *)(table + 1), table->length - sizeof(*table), &sleep.s5);
}

static bool find_s5(void)
{
    if (find_in_table(acpi_find("DSDT", 0)))
        return true;
    for (unsigned i = 0;; i++) {
        const struct acpi_header *ssdt = acpi_find("SSDT", i);
        if (!ssdt)
            return false;
        if (find_in_table(ssdt))
            return true;
    }
}

static void enter_acpi_mode(void)
{
    if (port_read16(sleep.pm1a) & PM1_SCI_ENABLE || !sleep.smi_command)
        return;
    port_write8(sleep.smi_command, sleep.acpi_enable);
    uint64_t start = clock_ns();
    while (!(port_read16(sleep.pm1a) & PM1_SCI_ENABLE) && clock_ns() - start < ACPI_MODE_NS)
        ;
}

static void write_control(uint16_t port, uint8_t type, uint16_t enable)
{
    enum { KEPT = ~(7 << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE) };
    if (port)
        port_write16(
            port, (uint16_t)((port_read16(port) & KEPT) | type << PM1_SLEEP_TYPE_SHIFT | enable));
}

// Both types go before both enables: some hardware leaves at the first enable.
static void switch_off(void)
{
    enter_acpi_mode();
    write_control(sleep.pm1a, sleep.s5.type_a, 0);
    write_control(sleep.pm1b, sleep.s5.type_b, 0);
    write_control(sleep.pm1a, sleep.s5.type_a, PM1_SLEEP_ENABLE);
    write_control(sleep.pm1b, sleep.s5.type_b, PM1_SLEEP_ENABLE);
    clock_delay_ns(EFFECT_NS);
}

// A port of the FADT; 0 where it has none, or one that isn't a port.
static uint16_t port_field(const struct acpi_header *fadt, size_t offset)
{
    uint64_t port = acpi_field(fadt, offset, 4);
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static struct power_method acpi_off = {"ACPI S5", POWER_OFF, 10, switch_off, NULL};

DRIVER(acpi_sleep)
{
    const struct acpi_header *fadt = acpi_find("FACP", 0);
    if (!fadt)
        return NOT_FOUND;
    sleep.pm1a = port_field(fadt, FADT_PM1A_CONTROL);
    sleep.pm1b = port_field(fadt, FADT_PM1B_CONTROL);
    sleep.smi_command = port_field(fadt, FADT_SMI_COMMAND);
    sleep.acpi_enable = (uint8_t)acpi_field(fadt, FADT_ACPI_ENABLE, 1);
    if (!sleep.pm1a || !find_s5()) {
        log_info("acpi: no S5 state: poweroff won't work");
        return OK;
    }
    power_add(&acpi_off);
    return OK;
}
