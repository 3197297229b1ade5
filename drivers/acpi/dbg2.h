// The debug port table 2 [DBG2]: ports for debuggers, each described by a structure of a length of
// its own.
#pragma once

#include "drivers/acpi/tables.h"
#include "lib/types.h"

enum {
    DBG2_OFFSET = 36,
    DBG2_COUNT = 40,
    DBG2_SIZE = 44,
    DBG2_DEVICE_SIZE = 22,
};

// Offsets into a device's structure.
enum dbg2_device {
    DBG2_LENGTH = 1,
    DBG2_ADDRESSES = 3, // how many generic address structures
    DBG2_TYPE = 12,
    DBG2_SUBTYPE = 14,
    DBG2_ADDRESS = 18, // where the first of those is
};

enum { DBG2_SERIAL = 0x8000 };

// Where the next device's structure is, from *offset on, which is moved behind it; 0 where the
// table has no more.
size_t dbg2_next(const struct acpi_header *table, size_t *offset);
