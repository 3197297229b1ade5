// What reads one table each into what lower layers need to know. Each is given a table that is
// sound as a whole and believes nothing in it; it allocates, logs what is wrong, and touches no
// hardware. It returns false where nothing can be made of the table: the next one of the same name
// is asked then.
#pragma once

#include "drivers/acpi/gas.h"
#include "drivers/acpi/tables_priv.h"
#include "kernel/platform.h"
#include "mm/slab.h"

typedef bool acpi_reader(const struct acpi_header *table, struct platform *machine);

acpi_reader fadt_read;
acpi_reader madt_read; // after the FADT, whose SCI its overrides may rewire
acpi_reader srat_read; // after the MADT, whose processors it puts into nodes
acpi_reader hpet_read;
acpi_reader mcfg_read;
acpi_reader spcr_read; // after the MADT, as an ISA line may be rewired
acpi_reader dbg2_read; // after the SPCR, whose port it may name again

// The global system interrupt of an ISA line; numbers above them are such interrupts themselves.
static inline uint32_t isa_gsi(const struct platform *machine, uint32_t line)
{
    return line < PLATFORM_ISA_LINES ? machine->isa[line].gsi : line;
}

// An array that was made for more than has come: NULL where nothing has.
static inline void *array_if_any(void *array, unsigned count)
{
    if (count)
        return array;
    kfree(array);
    return NULL;
}

// The kinds of serial port that are a 16550 [DBG2 table 3].
static inline bool uart_is_16550(uint16_t subtype)
{
    return subtype == 0x00 || subtype == 0x01 || subtype == 0x12;
}

// Adds a port whose registers are at `gas`, unless it is nowhere or there already. `uart` says the
// rest.
void uart_add(struct platform *machine, struct platform_uart uart, const struct acpi_gas *gas);
