// Lists of typed entries in a table.

#include "drivers/acpi/entries.h"
#include "kernel/log.h"

enum { TYPE, LENGTH, ENTRY_MIN };

const uint8_t *acpi_entry_next(const struct acpi_header *table, size_t *offset)
{
    const uint8_t *entry = (const uint8_t *)table + *offset;
    size_t left = table->length - *offset;
    if (*offset > table->length || left < ENTRY_MIN || entry[LENGTH] < ENTRY_MIN ||
        entry[LENGTH] > left)
        return NULL;
    *offset += entry[LENGTH];
    return entry;
}

size_t acpi_entries_count(const struct acpi_header *table, size_t first, uint8_t a, uint8_t b)
{
    size_t count = 0;
    for (const uint8_t *entry; (entry = acpi_entry_next(table, &first));)
        count += entry[TYPE] == a || entry[TYPE] == b;
    return count;
}

void acpi_entries_read(const struct acpi_header *table, size_t first,
                       const struct acpi_entry_reader *readers, unsigned count, void *context)
{
    size_t offset = first, unreadable = 0;
    for (const uint8_t *entry; (entry = acpi_entry_next(table, &offset));) {
        if (entry[TYPE] >= count || !readers[entry[TYPE]].least)
            continue;
        if (entry[LENGTH] >= readers[entry[TYPE]].least)
            readers[entry[TYPE]].read(entry, context);
        else
            unreadable++;
    }
    if (unreadable)
        log_warn("acpi: %.4s: %zu entries are too short", table->signature, unreadable);
    if (offset < table->length)
        log_warn("acpi: %.4s: the list breaks at offset %zu of %u", table->signature, offset,
                 table->length);
}
