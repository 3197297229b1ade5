// The root system description pointer: where all ACPI tables begin.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct rsdp { // [ACPI 5.2.5.3]
    char signature[8];
    uint8_t checksum; // of the first 20 bytes
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length; // from here on: revision 2
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} packed;

_Static_assert(sizeof(struct rsdp) == 36, "[ACPI 5.2.5.3]");

// Looks for one whose first 20 bytes are right; what of the rest wasn't there is 0. Returns by what
// it was found, for people; NULL: there is none.
must_use const char *rsdp_find(struct rsdp *found);
