// ACPI tables: found, and believed only when length, bounds and checksum are right.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct acpi_header { // [ACPI 5.2.6]
    char signature[4];
    uint32_t length; // of the whole table
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision, creator_id, creator_revision;
} packed;

_Static_assert(sizeof(struct acpi_header) == 36, "[ACPI 5.2.6]");

// Finds the tables, checks each once, and reserves the memory of those that are sound. Start-up
// only, after vspace_init(), and before much memory is given out.
void acpi_tables_init(void);

// The RSDP's revision: 0 is ACPI 1.0, 2 is later; ACPI_ABSENT where there is none.
enum { ACPI_ABSENT = -1 };
int acpi_revision(void);

// How many tables are sound, the root and the DSDT among them.
unsigned acpi_table_count(void);

// The tables one by one, and where they are; NULL past the last.
const struct acpi_header *acpi_table(unsigned index, paddr_t *address);

// Tables that aren't believed, the first of them; NULL past the last.
enum { ACPI_NAME_MAX = 9 };
struct acpi_refused {
    paddr_t address;
    char name[ACPI_NAME_MAX];
    const char *why;
};
const struct acpi_refused *acpi_refused(unsigned index);

// A signature or an OEM's name, of up to 8 bytes that may be anything, as a text without blanks at
// its end.
void acpi_name(const char *bytes, size_t length, char name[ACPI_NAME_MAX]);

// The `index`th table with that signature, or NULL. The DSDT, which only the FADT
// names, is among them.
const struct acpi_header *acpi_find(const char signature[4], unsigned index);

// A little-endian field of up to 8 bytes, 0 where the table is too short to have it.
uint64_t acpi_field(const struct acpi_header *table, size_t offset, size_t size);
