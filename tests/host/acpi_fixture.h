// Recorded ACPI tables (fixtures/README.md).
#pragma once

#include "tests/host/lib.h"

#include "drivers/acpi/tables.h"

// A table of tests/host/fixtures/acpi by its name there, in an allocation of exactly its size,
// which is the caller's to free.
static inline struct acpi_header *fixture_read(const char *name)
{
    char path[100];
    static uint8_t bytes[1 << 16];
    (void)snprintf(path, sizeof(path), "tests/host/fixtures/acpi/%s.bin", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    struct acpi_header *table = malloc(size);
    memcpy(table, bytes, size);
    assert_int_equal(table->length, size);
    return table;
}
