// Page tables of the boot: what the entry stub has filled, made final, and a window for devices.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

// Takes the guard pages below the boot stacks out of the map.
void paging_init(void);

// Maps device registers or a framebuffer, uncached, in the kernel ranges; for good. All
// together they are a little less than 1 GiB. NO_MEMORY where the window is full, OUT_OF_RANGE
// where the processor can't form the address. Start-up only.
must_use enum status paging_map_mmio(paddr_t address, size_t size, void **mapped);
