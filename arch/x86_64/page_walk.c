// All of the tables, entry by entry, for proofs. Reads what the processor reads, and shares no more
// with the code that fills the tables than their layout.

#include "arch/x86_64/page_table.h"

#define ADDRESS_BITS 48

// What holds down to some level: W, U and, inverted, NX, as far as every level allows them.
#define RIGHTS (PTE_WRITE | PTE_USER | PTE_NX)

static unsigned count_present(const uint64_t *table)
{
    unsigned count = 0;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        count += table[i] & PTE_PRESENT;
    return count;
}

// The rules that a table below `link` keeps: in reach, not empty, counted.
static bool is_sound(uint64_t link)
{
    if ((link & PTE_ADDRESS) >= direct_map_size)
        return false;
    unsigned count = count_present(table_at(link));
    return count && count == field_get(PTE_COUNT, link);
}

static void report(uint64_t entry, unsigned level, uint64_t address, uint64_t allowed,
                   arch_page_found *found, void *context)
{
    uint64_t bits = (page_decode(entry, level) & ~RIGHTS) | ((allowed ^ PTE_NX) & RIGHTS);
    struct mapping page = {
        .start = (uintptr_t)((int64_t)(address << (64 - ADDRESS_BITS)) >> (64 - ADDRESS_BITS)),
        .size = level_size(level),
        .physical = page_physical(entry, level),
        .rights = page_rights(bits),
    };
    found(&page, context);
}

// Follows one address down. Returns the level where that ends.
static unsigned follow(uint64_t address, uint64_t *entry, uint64_t *allowed, unsigned *broken)
{
    unsigned level = LEVEL_TOP;
    *entry = kernel_pml4[level_index(address, level)];
    *allowed = (*entry ^ PTE_NX) & RIGHTS;
    while (is_link(*entry, level)) {
        bool is_first = is_aligned(address, level_size(level));
        bool sound = !is_first || is_sound(*entry);
        *broken += !sound;
        if ((*entry & PTE_ADDRESS) >= direct_map_size) {
            *entry = 0;
            return level;
        }
        *entry = table_at(*entry)[level_index(address, --level)];
        *allowed &= *entry ^ PTE_NX;
    }
    return level;
}

unsigned arch_walk_tables(arch_page_found *found, void *context)
{
    unsigned broken = 0;
    for (uint64_t address = 0; address < BIT(ADDRESS_BITS);) {
        uint64_t entry, allowed;
        unsigned level = follow(address, &entry, &allowed, &broken);
        broken += entry && (!(entry & PTE_PRESENT) || allowed & PTE_USER);
        if (entry & PTE_PRESENT)
            report(entry, level, address, allowed, found, context);
        address += level_size(level);
    }
    return broken;
}
