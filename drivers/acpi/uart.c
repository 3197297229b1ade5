// Serial ports that the SPCR and the DBG2 name.

#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"

// Ports lie side by side. In memory a register may have more room than its eight bits, which either
// of two fields tells, and tables often set only one of them.
static uint8_t stride(const struct acpi_gas *gas)
{
    unsigned by_width = gas->width / 8;
    unsigned by_access = gas->access_size <= 4 ? 1u << gas->access_size >> 1 : 0;
    unsigned bytes = by_width > by_access ? by_width : by_access;
    bool is_possible = bytes == 2 || bytes == 4 || bytes == 8;
    return gas->space == GAS_MEMORY && is_possible ? (uint8_t)bytes : 1;
}

static bool is_known(const struct platform *machine, const struct platform_uart *uart)
{
    for (unsigned i = 0; i < machine->uart_count; i++)
        if (machine->uarts[i].address == uart->address &&
            machine->uarts[i].is_mmio == uart->is_mmio)
            return true;
    return false;
}

void uart_add(struct platform *machine, struct platform_uart uart, const struct acpi_gas *gas)
{
    enum { UART_PORTS = 8 };
    uart.is_mmio = acpi_gas_is_memory(gas);
    uart.address = gas->address;
    uart.stride = stride(gas);
    if ((!uart.is_mmio && !acpi_gas_is_port(gas, UART_PORTS)) || is_known(machine, &uart))
        return;
    if (machine->uart_count == PLATFORM_UARTS_MAX)
        log_warn("acpi: the UART at 0x%lx is one too many", uart.address);
    else
        machine->uarts[machine->uart_count++] = uart;
}
