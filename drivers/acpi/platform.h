// From ACPI's tables to what lower layers need to know.
#pragma once

// Fills `platform` (kernel/platform.h) from the tables that acpi_tables_init() has found, and tells
// the page allocator about nodes. Start-up only, once.
void acpi_platform_init(void);
