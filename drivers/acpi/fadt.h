// Offsets into the FADT [ACPI 5.2.9], for acpi_field(acpi_find("FACP", 0), ...).
#pragma once

#include "drivers/acpi/tables.h"
#include "lib/bits.h"

enum acpi_fadt_field {
    FADT_DSDT = 40,
    FADT_SCI = 46,
    FADT_SMI_COMMAND = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_PM_TIMER = 76,
    FADT_PM_TIMER_LENGTH = 91, // 0: none
    FADT_CENTURY = 108,
    FADT_BOOT_FLAGS = 109, // revision 3 and later
    FADT_FLAGS = 112,
    FADT_V1_SIZE = 116,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CONTROL = 172, // generic address structures from here on
    FADT_X_PM1B_CONTROL = 184,
    FADT_X_PM_TIMER = 208,
};

#define FADT_BOOT_8042   BIT(1)
#define FADT_BOOT_NO_RTC BIT(5)

#define FADT_FLAGS_32_BIT_TIMER BIT(8)
#define FADT_FLAGS_HW_REDUCED   BIT(20) // revision 5 and later

// The first port of a register block that may be named in two fields, of which the wider counts; 0
// where there is none, or it isn't a port.
uint16_t acpi_fadt_port(const struct acpi_header *fadt, size_t field, size_t wide_field);
