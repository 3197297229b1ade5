// The SRAT [ACPI 5.2.16]: which processors and which memory are near each other.
#pragma once

enum { SRAT_ENTRIES = 48, SRAT_ENABLED = 1 };

enum srat_type { SRAT_LAPIC, SRAT_MEMORY, SRAT_X2APIC };
