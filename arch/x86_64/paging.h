// Page tables of the boot: what the entry stub has filled, made final, and a window for devices.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

// Takes the guard pages below the boot stacks out of the map, and sets the memory types up.
void paging_init(void);

// How the processor treats accesses to what is mapped. Write-combining: stores are gathered and
// may arrive late and in another order, until a store fence; for framebuffers.
enum mmio_type { MMIO_UNCACHED, MMIO_WRITE_COMBINING };

// Maps device registers or a framebuffer in the kernel ranges; for good. All together they are a
// little less than 1 GiB. NO_MEMORY where the window is full, OUT_OF_RANGE where the processor
// can't form the address, NOT_SUPPORTED before paging_init(). Start-up only.
must_use enum status paging_map_mmio(paddr_t address, size_t size, enum mmio_type type,
                                     void **mapped);
