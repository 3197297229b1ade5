// ACPI tables for people: what is understood, field by field.
#pragma once

#include "drivers/acpi/tables.h"

// Returns false, and shows nothing, where tables with that signature aren't understood.
bool acpi_view(const struct acpi_header *table);
