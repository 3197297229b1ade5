// An error that the hardware has reported by a machine-check bank, in words [SDM3 16.3.2, 16.9]
// [APM2 9.3.2, 9.5].
//
// Reads no hardware. Also compiled for host tests.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct machine_error {
    uint32_t cpu;      // that found it
    uint8_t bank;      // hardware's number
    bool is_amd;       // some codes and bits mean something else there
    bool has_recovery; // the processor tells by S and AR what has to be done (MCG_CAP)
    uint64_t status, address, misc, ipid; // 0 where the bank says nothing of it
};

enum machine_severity {
    MACHINE_NO_ERROR,
    MACHINE_CORRECTED, // by the hardware
    MACHINE_DEFERRED,  // data is lost, but nobody has used it: nothing must be done now
    MACHINE_FATAL,     // data is lost that is needed, or nobody knows what is
};

enum machine_severity machine_error_severity(const struct machine_error *error);

// "corrected", "deferred", "uncorrected".
const char *machine_severity_name(enum machine_severity severity);

enum { MACHINE_ERROR_TEXT_MAX = 80 };

// What has gone wrong: "L2 data cache, eviction".
void machine_error_words(char text[MACHINE_ERROR_TEXT_MAX], const struct machine_error *error);

// The status' flags by their names in the manuals: "OVER UC EN ADDRV".
void machine_error_flags(char text[MACHINE_ERROR_TEXT_MAX], const struct machine_error *error);

// What part of the processor a scalable bank belongs to, or NULL where that isn't known.
const char *machine_error_unit(const struct machine_error *error);
