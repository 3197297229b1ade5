// Switching off by ACPI: the S5 state of the PM1 control registers [ACPI 4.8.3.2.1, 7.4.2].

#include "arch/x86_64/io.h"
#include "drivers/acpi/aml.h"
#include "drivers/acpi/fadt.h"
#include "drivers/acpi/tables.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "kernel/power.h"
#include "lib/bits.h"

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
    struct aml_s5 s5;
} sleep;

static bool find_in_table(const struct acpi_header *table)
{
    return table &&
           aml_find_s5((const uint8_t *)(table + 1), table->length - sizeof(*table), &sleep.s5);
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

static struct power_method acpi_off = {"ACPI S5", POWER_OFF, 10, switch_off, NULL};

DRIVER(acpi_sleep)
{
    const struct acpi_header *fadt = acpi_find("FACP", 0);
    if (!fadt)
        return NOT_FOUND;
    sleep.pm1a = acpi_fadt_port(fadt, FADT_PM1A_CONTROL, FADT_X_PM1A_CONTROL);
    sleep.pm1b = acpi_fadt_port(fadt, FADT_PM1B_CONTROL, FADT_X_PM1B_CONTROL);
    uint64_t smi_command = acpi_field(fadt, FADT_SMI_COMMAND, 4);
    sleep.smi_command = smi_command <= UINT16_MAX ? (uint16_t)smi_command : 0;
    sleep.acpi_enable = (uint8_t)acpi_field(fadt, FADT_ACPI_ENABLE, 1);
    if (platform.is_hw_reduced || !sleep.pm1a || !find_s5()) {
        log_info("acpi: no S5 state: poweroff won't work");
        return OK;
    }
    power_add(&acpi_off);
    return OK;
}
