// Reads the HPET's table [HPET 3.2.4].

#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"

enum { HPET_ADDRESS = 40, HPET_NUMBER = 52, HPET_MINIMUM_TICK = 53 };

bool hpet_read(const struct acpi_header *table, struct platform *machine)
{
    struct acpi_gas gas = acpi_gas(table, HPET_ADDRESS);
    if (!acpi_gas_is_memory(&gas)) {
        log_warn("acpi: an HPET that is nowhere");
        return false;
    }
    machine->hpet = (struct platform_hpet){
        .address = gas.address,
        .number = (uint8_t)acpi_field(table, HPET_NUMBER, 1),
        .minimum_tick = (uint16_t)acpi_field(table, HPET_MINIMUM_TICK, 2),
    };
    return true;
}
