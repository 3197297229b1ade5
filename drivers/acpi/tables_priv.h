// What the files that read ACPI tables share.
#pragma once

#include "drivers/acpi/tables.h"
#include "lib/compiler.h"
#include "lib/types.h"

// The checksum of everything in ACPI: all bytes add up to 0 [ACPI 5.2.6].
must_use bool acpi_sums_to_zero(const void *bytes, size_t size);
