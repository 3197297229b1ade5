// A look into AML, the byte code of the DSDT and the SSDTs [ACPI 20]: nothing is ever run.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct aml_s5 {
    uint8_t type_a, type_b; // SLP_TYP values for PM1a and PM1b
};

// Looks for `\_S5_`, the package with the values for switching off [ACPI 7.4.2.5], in the terms of
// a definition block, which is what comes behind its header. False where there is none that can be
// understood. Linear in `size`, and reads nothing beyond.
must_use bool aml_find_s5(const uint8_t *aml, size_t size, struct aml_s5 *s5);
