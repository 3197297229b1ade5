// Memory that a command reads or writes, by virtual or physical address. Whatever faults is an
// error, nothing more.
//
// Physical memory that the direct map hasn't, such as devices' registers, is mapped for the moment,
// uncached; each page in its own way. So a single access that is half in memory and half beside it
// is an error too.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

struct memory_place {
    uint64_t address;
    bool is_physical;
};

// Reads a virtual address, or `phys:` and a physical one, from a word; or complains.
must_use bool memory_place(const char *word, struct memory_place *place);

// One access of 1, 2, 4 or 8 bytes.
must_use enum status memory_read(const struct memory_place *place, uint64_t offset, unsigned size,
                                 uint64_t *value);
must_use enum status memory_write(const struct memory_place *place, unsigned size, uint64_t value);

// Reads bytes as far as they can be read. Returns how many.
must_use unsigned memory_read_bytes(const struct memory_place *place, uint64_t offset,
                                    uint8_t *bytes, unsigned count);
