// Page tables: what walking, mapping and changing share.
//
// Invariants: no table but the top one is empty. An entry that names a table counts the entries in
// use there, and allows everything: the last level alone decides. Accessed and dirty bits are set
// from the start, so the processor writes nothing here.
#pragma once

#include "arch/arch.h"
#include "arch/x86_64/page_inline.h"
#include "arch/x86_64/registers.h"
#include "lib/bits.h"
#include "mm/layout.h"

enum { TABLE_ENTRIES = 512, LEVEL_SMALL = 1, LEVEL_LARGE, LEVEL_HUGE, LEVEL_TOP };

#define PTE_LINK (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED) // rights of an entry that names a table

// The top table: in the image, since every processor starts with it, from 32-bit code.
extern uint64_t kernel_pml4[TABLE_ENTRIES];

// The entry that decides about an address: absent, or a page. `link` names its table; NULL for the
// top one.
struct place {
    uint64_t *link, *entry;
    unsigned level;
};

// In entries of tables that are on a list: a piece of the next one's address.
#define PTE_CHAIN BITS(58, 52)

static inline unsigned level_shift(unsigned level)
{
    return PAGE_SHIFT + 9 * (level - 1);
}

static inline size_t level_size(unsigned level)
{
    return BIT(level_shift(level));
}

static inline unsigned level_index(uintptr_t address, unsigned level)
{
    return address >> level_shift(level) & (TABLE_ENTRIES - 1);
}

static inline bool is_link(uint64_t entry, unsigned level)
{
    return level > LEVEL_SMALL && (entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

static inline uint64_t *table_at(uint64_t entry)
{
    return (uint64_t *)(direct_map_base + (entry & PTE_ADDRESS));
}

// `count` entries more are in use in the table that `link` names, or fewer.
static inline void count_entries(uint64_t *link, int count)
{
    if (link)
        *link += (uint64_t)count * PTE_COUNT_ONE;
}

// Entries are written as a whole, and after what they lead to.
static inline void write_entry(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

// Sets up what the processor can do.
void page_table_init(bool has_huge_pages, bool has_pat);

// The largest pages that there are.
unsigned page_level_max(void);

struct place page_place(uintptr_t address);

// Makes `recent_table` the one of small pages that holds `address`; false where there is none.
must_use bool page_recall(uintptr_t address);

// Forgets the recent table, since tables are about to be freed.
void page_forget(void);

unsigned page_rights(uint64_t bits);

// A small page's bits in an entry of some level, and out of it.
uint64_t page_encode(uint64_t bits, unsigned level);
uint64_t page_decode(uint64_t entry, unsigned level);
paddr_t page_physical(uint64_t entry, unsigned level);

// Lists of tables: allocated ones, all zero, or none and false; and those that have come out of use
// and may still be walked by some processor.
must_use bool table_list_fill(paddr_t *list, unsigned count);
paddr_t table_list_pop(paddr_t *list);
void table_discard(uint64_t entry);
