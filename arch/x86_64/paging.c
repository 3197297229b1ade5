// The boot's page tables, the final ones' image, and the switch.

#include "arch/x86_64/paging.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/mtrr.h"
#include "arch/x86_64/page_table.h"
#include "arch/x86_64/stack.h"
#include "kernel/log.h"
#include "mm/memory_map.h"

enum { FLUSH_PAGES_MAX = 32 }; // more of them cost more than losing all

uint64_t kernel_slide; // set by the entry stub

extern uint64_t boot_pt[2 * TABLE_ENTRIES]; // boot.S

// The reset value but for entry 4, which no mapping uses yet and is write-combining from now on:
// nothing has to be flushed for that. [SDM3 12.12]
#define PAT_KERNEL \
    (PAT_RESET ^ (uint64_t)(PAT_WRITE_BACK ^ PAT_WRITE_COMBINING) << 4 * PAT_ENTRY_BITS)

static void unmap_at_boot(const void *page)
{
    boot_pt[((uintptr_t)page - KERNEL_BASE - KERNEL_LINK) / PAGE_SIZE] = 0;
    invlpg((uintptr_t)page);
}

void paging_init(void)
{
    for (unsigned i = 0; i < BOOT_STACKS; i++)
        unmap_at_boot(boot_stack[i].guard);
    unmap_at_boot(boot_stack_above);
}

// --- The final tables ----------------------------------------------------------------------------

static enum status map_image(void)
{
    static const struct {
        const char *start, *end;
        unsigned rights;
    } parts[] = {
        {kernel_text_start, kernel_text_end, MAP_EXECUTE},
        {kernel_rodata_start, kernel_rodata_end, MAP_READ},
        {kernel_data_start, kernel_data_end, MAP_WRITE},
        {kernel_symbols_start, kernel_symbols_end, MAP_READ},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        uintptr_t start = align_down((uintptr_t)parts[i].start, PAGE_SIZE);
        size_t size = align_up((uintptr_t)parts[i].end, PAGE_SIZE) - start;
        paddr_t physical = kernel_image_phys((const void *)start);
        enum status status = size ? arch_map(start, physical, size, parts[i].rights) : OK;
        if (status != OK)
            return status;
    }
    return OK;
}

static enum status unmap_holes(void)
{
    size_t tables = (size_t)(kernel_boot_tables_end - kernel_boot_tables_start);
    enum status status = arch_unmap((uintptr_t)kernel_boot_tables_start, tables);
    for (unsigned i = 0; i < BOOT_STACKS && status == OK; i++)
        status = arch_unmap((uintptr_t)boot_stack[i].guard, PAGE_SIZE);
    return status == OK ? arch_unmap((uintptr_t)boot_stack_above, PAGE_SIZE) : status;
}

// How much of a range isn't cached, and where the first of it is.
static uint64_t slow_memory(const struct memory_range *range, paddr_t *first)
{
    uint64_t slow = 0;
    paddr_t unused_end;
    for (paddr_t at = range->start, end; at < range->end; at = end) {
        end = mtrr_uniform_end(at, range->end);
        if (mtrr_type(at, &unused_end) == TYPE_WRITE_BACK)
            continue;
        *first = *first ? *first : at;
        slow += end - at;
    }
    return slow;
}

// Firmware that leaves memory uncached makes a machine a hundred times slower.
static void warn_of_slow_memory(const struct memory_map *map)
{
    uint64_t slow = 0;
    paddr_t first = 0; // never usable
    for (unsigned i = 0; i < map->count; i++)
        if (map->ranges[i].kind == MEMORY_USABLE)
            slow += slow_memory(&map->ranges[i], &first);
    if (slow)
        log_warn("paging: %lu KiB of memory, from 0x%lx on, are not cached: the firmware's MTRRs",
                 slow / 1024, first);
}

static bool has_pat(void)
{
    return cpuid(1, 0).edx & CPUID_1_EDX_PAT;
}

enum status arch_tables_init(const struct memory_map *map)
{
    bool has_huge_pages = cpuid_has(0x80000001) && cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_1G;
    page_table_init(has_huge_pages, has_pat());
    mtrr_init();
    warn_of_slow_memory(map);
    enum status status = map_image();
    return status == OK ? unmap_holes() : status;
}

static uint64_t cr4_wanted(void)
{
    uint64_t cr4 = CR4_KERNEL;
    if (!cpuid_has(7))
        return cr4;
    struct cpuid features = cpuid(7, 0);
    cr4 |= features.ebx & CPUID_7_EBX_SMEP ? CR4_SMEP : 0;
    cr4 |= features.ebx & CPUID_7_EBX_SMAP ? CR4_SMAP : 0;
    cr4 |= features.ecx & CPUID_7_ECX_UMIP ? CR4_UMIP : 0;
    return cr4;
}

// The boot's pages are global ones, which a new CR3 alone leaves in the TLB.
void arch_tables_enable(void)
{
    uint64_t cr4 = cr4_wanted();
    uintptr_t state = arch_irq_save();
    if (has_pat())
        wrmsr(MSR_PAT, PAT_KERNEL);
    write_cr4(cr4 & ~CR4_PGE);
    write_cr3(kernel_image_phys(kernel_pml4));
    write_cr4(cr4);
    arch_irq_restore(state);
}

// --- Caches --------------------------------------------------------------------------------------

void arch_tlb_flush(uintptr_t address, size_t size)
{
    if (size > FLUSH_PAGES_MAX * PAGE_SIZE) {
        uintptr_t state = arch_irq_save();
        uint64_t cr4 = read_cr4();
        write_cr4(cr4 & ~CR4_PGE); // global pages go too [SDM3 5.10.4.1]
        write_cr4(cr4);
        arch_irq_restore(state);
        return;
    }
    for (uintptr_t end = address + size; address != end; address += PAGE_SIZE)
        invlpg(address);
}

void arch_write_back_caches(void)
{
    write_back_caches();
}
