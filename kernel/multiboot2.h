// The Multiboot2 information structure [MB2 3.6] into a struct boot_info.
#pragma once

#include "kernel/boot_info.h"
#include "kernel/loader_magic.h"
#include "lib/status.h"

// Larger than any loader writes: memory map, section headers and command lines are tens of KiB.
enum { MULTIBOOT2_SIZE_MAX = 16 * 1024 * 1024 };

// Reads the structure at physical address `info`. OK, and *boot filled with all that was sound,
// even where single tags were not (they are complained about and skipped); MALFORMED where the
// structure as a whole can't be: misaligned, no room for a header, an impossible size, outside the
// direct map. *boot was zeroed by the caller.
must_use enum status multiboot2_parse(paddr_t info, struct boot_info *boot);
