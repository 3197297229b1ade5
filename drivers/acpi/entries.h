// Lists of entries that begin with a type and a length of a byte each: the MADT and the SRAT.
#pragma once

#include "drivers/acpi/tables.h"
#include "lib/types.h"

// What reads entries of one type; `least` is the length without which there is no reading them, 0
// where nobody wants them.
struct acpi_entry_reader {
    uint8_t least;
    void (*read)(const uint8_t *entry, void *context);
};

// Gives the entries from offset `first` on to the reader that has their type as its index. A list
// that breaks ends there; short entries are passed over. Both are logged, once a table.
void acpi_entries_read(const struct acpi_header *table, size_t first,
                       const struct acpi_entry_reader *readers, unsigned count, void *context);

// How many entries have one of two types, to have room for them.
size_t acpi_entries_count(const struct acpi_header *table, size_t first, uint8_t a, uint8_t b);

// The next entry from *offset on, which is moved behind it; NULL at the end, or where the list
// breaks: *offset is then less than the table's length.
const uint8_t *acpi_entry_next(const struct acpi_header *table, size_t *offset);

static inline uint16_t acpi_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t acpi_get32(const uint8_t *at)
{
    return acpi_get16(at) | (uint32_t)acpi_get16(at + 2) << 16;
}

static inline uint64_t acpi_get64(const uint8_t *at)
{
    return acpi_get32(at) | (uint64_t)acpi_get32(at + 4) << 32;
}
