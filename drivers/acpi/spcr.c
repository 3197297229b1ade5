// Reads the SPCR: the serial port that the firmware's own console is on.

#include "drivers/acpi/spcr.h"
#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"

static uint32_t read_gsi(const struct acpi_header *table, const struct platform *machine)
{
    uint64_t types = acpi_field(table, SPCR_INTERRUPT_TYPE, 1);
    uint32_t line = (uint32_t)acpi_field(table, SPCR_IRQ, 1);
    if (types & 2)
        return (uint32_t)acpi_field(table, SPCR_GSI, 4);
    return types & 1 && line < PLATFORM_ISA_LINES ? isa_gsi(machine, line) : PLATFORM_NO_GSI;
}

static uint32_t read_baud(const struct acpi_header *table)
{
    static const uint32_t rates[] = {[3] = 9600, [4] = 19200, [6] = 57600, [7] = 115200};
    uint64_t code = acpi_field(table, SPCR_BAUD, 1);
    uint64_t precise = table->revision >= 4 ? acpi_field(table, SPCR_PRECISE_BAUD, 4) : 0;
    return precise ? (uint32_t)precise : code < ARRAY_SIZE(rates) ? rates[code] : 0;
}

bool spcr_read(const struct acpi_header *table, struct platform *machine)
{
    struct platform_uart uart = {
        .is_console = true,
        .interface = (uint16_t)acpi_field(table, SPCR_INTERFACE, 1),
        .gsi = read_gsi(table, machine),
        .baud = read_baud(table),
    };
    struct acpi_gas gas = acpi_gas(table, SPCR_ADDRESS);
    if (table->length < SPCR_SIZE) {
        log_warn("acpi: an SPCR of %u bytes", table->length);
        return false;
    }
    if (uart_is_16550(uart.interface))
        uart_add(machine, uart, &gas);
    return true;
}
