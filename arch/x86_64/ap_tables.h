// Page tables for the way of a starting processor into long mode: the kernel's upper half, and the
// pages of the way itself, each mapped to its own physical address.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

// `trampoline`: the page that holds the stack. Returns the physical address of the top table, which
// is below 4 GiB; 0 without memory.
must_use paddr_t ap_tables_build(paddr_t trampoline);

void ap_tables_free(paddr_t top);
