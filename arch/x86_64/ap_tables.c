// Page tables for the way of a starting processor into long mode. Nothing in them is writable and
// executable, and nothing is writable in their lower half at all.

#include "arch/x86_64/ap_tables.h"
#include "arch/x86_64/page_table.h"
#include "arch/x86_64/registers.h"
#include "lib/string.h"
#include "mm/page.h"

enum { TOP_LEVEL = 3, LOWER_HALF = TABLE_ENTRIES / 2 };

extern const uint8_t enter_long_mode[], enter_long_mode_end[], boot_gdt[];

static bool map_to_itself(paddr_t top, paddr_t address, uint64_t rights)
{
    uint64_t *table = table_at(top);
    address = align_down(address, PAGE_SIZE);
    for (unsigned level = TOP_LEVEL; level; level--) {
        uint64_t *entry = &table[address >> (PAGE_SHIFT + 9 * level) & (TABLE_ENTRIES - 1)];
        paddr_t next = *entry ? 0 : page_alloc(PAGE_ZERO);
        if (!*entry && !next)
            return false;
        if (next)
            *entry = next | PTE_PRESENT | PTE_ACCESSED;
        table = table_at(*entry);
    }
    table[address >> PAGE_SHIFT & (TABLE_ENTRIES - 1)] =
        address | PTE_PRESENT | PTE_ACCESSED | rights;
    return true;
}

static bool map_way(paddr_t top, paddr_t trampoline)
{
    paddr_t code = kernel_image_phys(enter_long_mode);
    paddr_t code_end = kernel_image_phys(enter_long_mode_end) - 1;
    return map_to_itself(top, code, 0) && map_to_itself(top, code_end, 0) &&
           map_to_itself(top, kernel_image_phys(boot_gdt), PTE_NX) &&
           map_to_itself(top, trampoline, PTE_NX);
}

paddr_t ap_tables_build(paddr_t trampoline)
{
    paddr_t top = page_alloc(PAGE_BELOW_4G);
    if (!top)
        return 0;
    memset(table_at(top), 0, LOWER_HALF * sizeof(uint64_t));
    memcpy(table_at(top) + LOWER_HALF, kernel_pml4 + LOWER_HALF, LOWER_HALF * sizeof(uint64_t));
    if (map_way(top, trampoline))
        return top;
    ap_tables_free(top);
    return 0;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the tables
static void free_below(uint64_t *table, unsigned count, unsigned level)
{
    for (unsigned i = 0; i < count && level; i++)
        if (table[i]) {
            free_below(table_at(table[i]), TABLE_ENTRIES, level - 1);
            page_free(table[i] & PTE_ADDRESS);
        }
}

void ap_tables_free(paddr_t top)
{
    free_below(table_at(top), LOWER_HALF, TOP_LEVEL);
    page_free(top);
}
