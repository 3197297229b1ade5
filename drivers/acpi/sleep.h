// What switching off by ACPI needs from the DSDT.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct acpi_s5 {
    uint8_t type_a, type_b; // SLP_TYP values for PM1a and PM1b
};

// Looks for `Name (_S5_, Package () { a, b, ... })` in AML. Returns false where there is none that
// can be understood. Bounded by `size`.
must_use bool acpi_find_s5(const uint8_t *aml, size_t size, struct acpi_s5 *s5);
