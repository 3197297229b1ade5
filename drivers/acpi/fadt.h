// Offsets into the FADT [ACPI 5.2.9], for acpi_field(acpi_find("FACP", 0), ...).
#pragma once

#include "lib/bits.h"

enum acpi_fadt_field {
    FADT_DSDT = 40,
    FADT_SMI_COMMAND = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_PM_TIMER = 76,
    FADT_PM_TIMER_LENGTH = 91, // 0: none
    FADT_FLAGS = 112,
    FADT_X_DSDT = 140,
    FADT_X_PM_TIMER = 212, // the address within a generic address structure
};

#define FADT_FLAGS_HW_REDUCED BIT(20)
