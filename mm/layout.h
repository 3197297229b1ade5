// The virtual address map.
//
//   0x0000000000000000  not mapped: the identity map of the first instructions is gone after boot
//   0xffff800000000000  direct map of physical memory, never executable
//   0xffffc00000000000  kernel ranges: devices, firmware's tables, guarded stacks and memory
//   0xffffffff80000000  kernel image (at +2 MiB), each section with its own rights
//
// Shared with assembly and the linker script.
#pragma once

#define PAGE_SIZE       4096
#define PAGE_SHIFT      12
#define LARGE_PAGE_SIZE 0x200000

#define KERNEL_BASE     0xffffffff80000000
#define KERNEL_LINK     0x200000 // physical address that the image is linked for
#define KERNEL_MAX_SIZE 0x400000 // of the image, .bss included: two page tables of the boot stub

// Slots of the top-level page table, and of the one below it for the image, by these addresses.
#define DIRECT_MAP_SLOT  256
#define RANGES_SLOT      384
#define KERNEL_SLOT      511
#define KERNEL_PDPT_SLOT 510

#define BOOT_DIRECT_MAP_SIZE 0x100000000 // the boot tables map the first 4 GiB

#define KERNEL_RANGES_SIZE 0x200000000000 // 32 TiB

#ifndef __ASSEMBLER__

#include "lib/compiler.h"
#include "lib/types.h"

// Variables, so that a later start may choose them; nobody else knows the numbers.
extern uintptr_t direct_map_base;
extern uintptr_t direct_map_size; // to the end of what is mapped there, holes included
extern uintptr_t kernel_ranges_base;

// Distance from the link address to where the loader has put the image.
extern uint64_t kernel_slide;

extern char kernel_image_start[], kernel_image_end[];
extern char kernel_text_start[], kernel_text_end[];
extern char kernel_rodata_start[], kernel_rodata_end[];
extern char kernel_data_start[], kernel_data_end[];
extern char kernel_symbols_start[], kernel_symbols_end[];

// The entry stub's page tables: memory that nobody needs, and not mapped as a part of the image,
// after vspace_init().
extern char kernel_boot_tables_start[], kernel_boot_tables_end[];

// The direct map's address of physical memory; NULL where [address, address + size) is beyond its
// end. What isn't memory has no place in it: vspace_direct() looks.
static always_inline void *phys_to_virt(paddr_t address, size_t size)
{
    if (size > direct_map_size || address > direct_map_size - size)
        return NULL;
    return (void *)(direct_map_base + address);
}

static inline paddr_t kernel_image_phys(const void *symbol)
{
    return (uintptr_t)symbol - KERNEL_BASE + kernel_slide;
}

#endif
