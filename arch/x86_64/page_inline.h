// Mapping a page where that is quick: in the table that small pages were mapped in last. The rest
// is in page_map.c and page_change.c.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum { PAGE_RIGHTS = 16, REGION_SHIFT = 21, ENTRY_MASK = 511, ENTRY_SHIFT = 12 };

#define PTE_COUNT_SHIFT 52 // of an entry that names a table: how many of its entries are in use
#define PTE_COUNT_ONE   (1ull << PTE_COUNT_SHIFT)
#define PTE_COUNT       (0x3ffull << PTE_COUNT_SHIFT)

// That table. Forgotten when any table is put out of use.
struct recent_table {
    uintptr_t region;         // address >> REGION_SHIFT
    uint64_t *link, *entries; // the entry that names it, and its own
};
extern struct recent_table recent_table;

// A small page's entry but for the address, by enum map_rights; 0: no such rights.
extern uint64_t page_bits_of[PAGE_RIGHTS];

// Tables that are out of use, and may still be walked by some processor, as a list.
extern paddr_t idle_tables;

static inline uint64_t page_bits(unsigned rights)
{
    return rights < PAGE_RIGHTS ? page_bits_of[rights] : 0;
}

static inline bool page_is_recent(uintptr_t address)
{
    return address >> REGION_SHIFT == recent_table.region;
}

static inline uint64_t *recent_entry(uintptr_t address)
{
    return &recent_table.entries[address >> ENTRY_SHIFT & ENTRY_MASK];
}

static inline bool arch_map_page(uintptr_t address, paddr_t physical, unsigned rights)
{
    uint64_t bits = page_bits(rights);
    if (unlikely(!bits || !page_is_recent(address)))
        return false;
    uint64_t *entry = recent_entry(address);
    if (unlikely(*entry))
        return false;
    __atomic_store_n(entry, physical | bits, __ATOMIC_RELEASE);
    *recent_table.link += PTE_COUNT_ONE;
    return true;
}

static inline bool arch_unmap_page(uintptr_t address)
{
    if (unlikely(!page_is_recent(address)))
        return false;
    uint64_t *entry = recent_entry(address), link = *recent_table.link - PTE_COUNT_ONE;
    if (unlikely(!*entry || !(link & PTE_COUNT)))
        return false;
    __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    *recent_table.link = link;
    return true;
}

static inline paddr_t arch_take_tables(void)
{
    paddr_t tables = idle_tables;
    if (unlikely(tables))
        idle_tables = 0;
    return tables;
}
