// Reads the DBG2: of its ports those that are a 16550.

#include "drivers/acpi/dbg2.h"
#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"

size_t dbg2_next(const struct acpi_header *table, size_t *offset)
{
    size_t device = *offset;
    size_t length = acpi_field(table, device + DBG2_LENGTH, 2);
    if (device < DBG2_SIZE || length < DBG2_DEVICE_SIZE || device > table->length ||
        length > table->length - device)
        return 0;
    *offset = device + length;
    return device;
}

static void read_device(const struct acpi_header *table, struct platform *machine, size_t device,
                        size_t end)
{
    size_t address = device + acpi_field(table, device + DBG2_ADDRESS, 2);
    struct platform_uart uart = {
        .gsi = PLATFORM_NO_GSI,
        .interface = (uint16_t)acpi_field(table, device + DBG2_SUBTYPE, 2),
    };
    if (acpi_field(table, device + DBG2_TYPE, 2) != DBG2_SERIAL || !uart_is_16550(uart.interface))
        return;
    if (!acpi_field(table, device + DBG2_ADDRESSES, 1) || address + GAS_SIZE > end)
        return;
    struct acpi_gas gas = acpi_gas(table, address);
    uart_add(machine, uart, &gas);
}

bool dbg2_read(const struct acpi_header *table, struct platform *machine)
{
    size_t offset = acpi_field(table, DBG2_OFFSET, 4), device;
    uint64_t count = acpi_field(table, DBG2_COUNT, 4);
    for (; count && (device = dbg2_next(table, &offset)); count--)
        read_device(table, machine, device, offset);
    if (count)
        log_warn("acpi: DBG2: %lu ports are missing at offset %zu of %u", count, offset,
                 table->length);
    return table->length >= DBG2_SIZE;
}
