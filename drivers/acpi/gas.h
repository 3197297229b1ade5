// Generic address structures: where a register is [ACPI 5.2.3.2].
#pragma once

#include "drivers/acpi/tables.h"
#include "lib/types.h"

enum { GAS_SIZE = 12, GAS_MEMORY = 0, GAS_PORT = 1 };

struct acpi_gas {
    uint8_t space;       // GAS_MEMORY, GAS_PORT, or what isn't supported
    uint8_t width;       // of the register, in bits
    uint8_t access_size; // 1 to 4: 1, 2, 4 or 8 bytes; 0: not said
    uint64_t address;    // 0: there is no such register
};

// All zero where the table doesn't reach that far.
static inline struct acpi_gas acpi_gas(const struct acpi_header *table, size_t offset)
{
    return (struct acpi_gas){
        .space = (uint8_t)acpi_field(table, offset, 1),
        .width = (uint8_t)acpi_field(table, offset + 1, 1),
        .access_size = (uint8_t)acpi_field(table, offset + 3, 1),
        .address = acpi_field(table, offset + 4, 8),
    };
}

// Whether `size` bytes from its address on are ports.
static inline bool acpi_gas_is_port(const struct acpi_gas *gas, unsigned size)
{
    return gas->space == GAS_PORT && gas->address && gas->address <= UINT16_MAX + 1u - size;
}

static inline bool acpi_gas_is_memory(const struct acpi_gas *gas)
{
    return gas->space == GAS_MEMORY && gas->address;
}
