// Page tables of the boot.
//
// The MMIO window: one page directory at the base of the kernel ranges. Its first entry names a
// table of 4 KiB pages for registers, the others are 2 MiB pages for framebuffers. Nothing is ever
// given back.

#include "arch/x86_64/paging.h"
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/stack.h"
#include "lib/bits.h"
#include "mm/layout.h"

enum { ENTRIES = 512 };

uintptr_t direct_map_base = 0xffff800000000000;
uintptr_t direct_map_size = BOOT_DIRECT_MAP_SIZE;
uintptr_t kernel_ranges_base = 0xffffc00000000000;
uint64_t kernel_slide; // set by the entry stub

extern uint64_t boot_pml4[ENTRIES], boot_pt[2 * ENTRIES];

static uint64_t mmio_pdpt[ENTRIES] page_aligned;
static uint64_t mmio_pd[ENTRIES] page_aligned;
static uint64_t mmio_pt[ENTRIES] page_aligned;
static unsigned small_used, large_used = 1; // entry 0 of the directory holds the small ones

enum {
    LINK_RIGHTS = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED,
    MMIO_RIGHTS = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL
};

// The reset value but for entry 4, which no mapping uses yet and is write-combining from now on:
// nothing has to be flushed for that. [SDM3 13.12]
#define PAT_KERNEL \
    (PAT_RESET ^ (uint64_t)(PAT_WRITE_BACK ^ PAT_WRITE_COMBINING) << 4 * PAT_ENTRY_BITS)

static bool is_ready, has_pat;

static void unmap_guard(struct guarded_stack *stack)
{
    uintptr_t address = (uintptr_t)stack->guard;
    boot_pt[(address - KERNEL_BASE - KERNEL_LINK) / PAGE_SIZE] = 0;
    invlpg(address);
}

static void link_mmio_window(void)
{
    mmio_pdpt[0] = kernel_image_phys(mmio_pd) | LINK_RIGHTS;
    mmio_pd[0] = kernel_image_phys(mmio_pt) | LINK_RIGHTS;
    boot_pml4[RANGES_SLOT] = kernel_image_phys(mmio_pdpt) | LINK_RIGHTS | PTE_NX;
}

void paging_init(void)
{
    for (unsigned i = 0; i < BOOT_STACKS; i++)
        unmap_guard(&boot_stack[i]);
    link_mmio_window();
    has_pat = cpuid(1, 0).edx & CPUID_1_EDX_PAT;
    if (has_pat)
        wrmsr(MSR_PAT, PAT_KERNEL);
    is_ready = true;
}

// Without a PAT the framebuffer is UC-, which an MTRR of the firmware may make write-combining.
static uint64_t type_bits(enum mmio_type type, bool large)
{
    if (type == MMIO_UNCACHED)
        return PTE_PCD | PTE_PWT;
    if (!has_pat)
        return PTE_PCD;
    return large ? PTE_LARGE_PAT : PTE_PAT;
}

// Entries were absent before, and absent ones aren't cached: nothing has to be flushed.
static void *fill(uint64_t *table, unsigned *used, paddr_t address, size_t pages,
                  uint64_t page_size, uint64_t rights)
{
    uintptr_t base = kernel_ranges_base + *used * page_size;
    for (size_t i = 0; i < pages; i++)
        table[(*used)++] = (address + i * page_size) | rights;
    return (void *)base;
}

enum status paging_map_mmio(paddr_t address, size_t size, enum mmio_type type, void **mapped)
{
    if (!is_ready)
        return NOT_SUPPORTED;
    if (size == 0 || address >= arch_physical_limit() || size > arch_physical_limit() - address)
        return OUT_OF_RANGE;
    bool large = size > LARGE_PAGE_SIZE / 2;
    uint64_t page_size = large ? LARGE_PAGE_SIZE : PAGE_SIZE;
    unsigned *used = large ? &large_used : &small_used;
    paddr_t start = align_down(address, page_size);
    size_t pages = (align_up(address + size, page_size) - start) / page_size;
    if (pages > ENTRIES - *used)
        return NO_MEMORY;
    void *base = fill(large ? mmio_pd : mmio_pt, used, start, pages, page_size,
                      MMIO_RIGHTS | PTE_NX | (large ? PTE_LARGE : 0) | type_bits(type, large));
    *mapped = (uint8_t *)base + (address - start);
    if (type == MMIO_WRITE_COMBINING)
        write_back_caches(); // what the firmware may have there mustn't overwrite what comes
    return OK;
}
