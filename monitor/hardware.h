// What `hardware` says about a machine: facts into words that fit beside a label.
//
// Reads no hardware. Also compiled for host tests.
#pragma once

#include "arch/x86_64/virtualization.h"
#include "lib/compiler.h"
#include "lib/types.h"

// Texts have room for HARDWARE_TEXT_MAX bytes with their NUL: a label of 16 columns and a text are
// no wider than 79. What doesn't fit is cut.
enum { HARDWARE_TEXT_MAX = 64, HARDWARE_VERDICT_MAX = 80 };

// Adds to a text.
void hardware_add(char text[HARDWARE_TEXT_MAX], const char *format, ...) printf_like(2, 3);

// The same for an item of a list: with a comma between it and what is there.
void hardware_add_item(char text[HARDWARE_TEXT_MAX], const char *format, ...) printf_like(2, 3);

// These add their words to an empty text.
void hardware_virtualization(char text[HARDWARE_TEXT_MAX], const struct virtualization *found);
void hardware_nested_paging(char text[HARDWARE_TEXT_MAX], const struct virtualization *found);

// `base` is the register of that name, NULL where it can't be read.
void hardware_apic(char text[HARDWARE_TEXT_MAX], const uint64_t *base, bool has_x2apic);

// A hypervisor by the 12 characters of its CPUID leaf; NULL: there is none.
void hardware_hypervisor(char text[HARDWARE_TEXT_MAX], const char *signature);

// What all that means for whoever wants to run Keelson here. `is_guest`: a hypervisor is below.
// Returns a sentence of less than HARDWARE_VERDICT_MAX characters.
const char *hardware_verdict(const struct virtualization *found, bool is_guest);
