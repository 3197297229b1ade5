// Page tables: entries, walks, and the memory that tables are made of.

#include "arch/x86_64/page_table.h"
#include "arch/x86_64/mtrr.h"
#include "mm/page.h"

enum { CHAIN_BITS = 7, CHAIN_ENTRIES = 6 };

#define FLAGS                                                                            \
    (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_PWT | PTE_PCD | PTE_ACCESSED | PTE_DIRTY | \
     PTE_GLOBAL | PTE_NX)
#define READ     (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL | PTE_NX)
#define WRITE    (READ | PTE_WRITE | PTE_DIRTY)
#define EXECUTE  (READ & ~PTE_NX)
#define UNCACHED (PTE_PCD | PTE_PWT)

uint64_t kernel_pml4[TABLE_ENTRIES] page_aligned;
struct recent_table recent_table = {.region = UINTPTR_MAX};
paddr_t idle_tables;

static unsigned level_max = LEVEL_LARGE;
uint64_t page_bits_of[PAGE_RIGHTS] = {
    [MAP_READ] = READ,
    [MAP_WRITE] = WRITE,
    [MAP_EXECUTE] = EXECUTE,
    [MAP_UNCACHED] = READ | UNCACHED,
    [MAP_UNCACHED | MAP_WRITE] = WRITE | UNCACHED,
    [MAP_WRITE_COMBINING] = READ | PTE_PAT,
    [MAP_WRITE_COMBINING | MAP_WRITE] = WRITE | PTE_PAT,
};

void page_table_init(bool has_huge_pages, bool has_pat)
{
    level_max = has_huge_pages ? LEVEL_HUGE : LEVEL_LARGE;
    if (has_pat)
        return;
    // The framebuffer is UC- then, which an MTRR of the firmware may make write-combining.
    page_bits_of[MAP_WRITE_COMBINING] = READ | PTE_PCD;
    page_bits_of[MAP_WRITE_COMBINING | MAP_WRITE] = WRITE | PTE_PCD;
}

unsigned page_level_max(void)
{
    return level_max;
}

// --- Entries -------------------------------------------------------------------------------------

unsigned page_rights(uint64_t bits)
{
    unsigned rights = bits & PTE_WRITE ? MAP_WRITE : MAP_READ;
    if (!(bits & PTE_NX))
        rights |= MAP_EXECUTE;
    if ((bits & UNCACHED) == UNCACHED)
        rights |= MAP_UNCACHED;
    else if (bits & (PTE_PCD | PTE_PAT))
        rights |= MAP_WRITE_COMBINING;
    return rights;
}

uint64_t page_encode(uint64_t bits, unsigned level)
{
    if (level == LEVEL_SMALL)
        return bits;
    return (bits & ~PTE_PAT) | PTE_LARGE | (bits & PTE_PAT ? PTE_LARGE_PAT : 0);
}

uint64_t page_decode(uint64_t entry, unsigned level)
{
    bool has_pat_bit = entry & (level == LEVEL_SMALL ? PTE_PAT : PTE_LARGE_PAT);
    return (entry & FLAGS) | (has_pat_bit ? PTE_PAT : 0);
}

paddr_t page_physical(uint64_t entry, unsigned level)
{
    return align_down(entry & PTE_ADDRESS, level_size(level));
}

// --- Walks ---------------------------------------------------------------------------------------

struct place page_place(uintptr_t address)
{
    struct place place = {NULL, &kernel_pml4[level_index(address, LEVEL_TOP)], LEVEL_TOP};
    while (is_link(*place.entry, place.level)) {
        place.link = place.entry;
        place.level--;
        place.entry = &table_at(*place.link)[level_index(address, place.level)];
    }
    return place;
}

bool page_recall(uintptr_t address)
{
    struct place place = page_place(address);
    if (place.level != LEVEL_SMALL)
        return false;
    recent_table = (struct recent_table){address >> level_shift(LEVEL_LARGE), place.link,
                                         table_at(*place.link)};
    return true;
}

void page_forget(void)
{
    recent_table.region = UINTPTR_MAX;
}

static struct mapping mapping_at(uintptr_t address, const struct place *place)
{
    return (struct mapping){
        .start = align_down(address, level_size(place->level)),
        .size = level_size(place->level),
        .physical = page_physical(*place->entry, place->level),
        .rights = page_rights(page_decode(*place->entry, place->level)),
    };
}

bool arch_translate(uintptr_t address, struct mapping *mapping)
{
    if ((uint64_t)((int64_t)(address << 16) >> 16) != address)
        return false;
    struct place place = page_place(address);
    if (!(*place.entry & PTE_PRESENT))
        return false;
    *mapping = mapping_at(address, &place);
    return true;
}

bool arch_find_page(uintptr_t start, uintptr_t end, struct mapping *page)
{
    while (start < end) {
        struct place place = page_place(start);
        if (*place.entry & PTE_PRESENT) {
            *page = mapping_at(start, &place);
            return true;
        }
        start = align_down(start, level_size(place.level)) + level_size(place.level);
    }
    return false;
}

// --- Tables --------------------------------------------------------------------------------------

// Lists are threaded through bits that the processor ignores, six pieces of an address: a table
// that some processor still walks keeps meaning what it has meant.
static void set_next(paddr_t table, paddr_t next)
{
    uint64_t *entries = table_at(table), frame = next >> PAGE_SHIFT;
    for (unsigned i = 0; i < CHAIN_ENTRIES; i++, frame >>= CHAIN_BITS)
        entries[i] = (entries[i] & ~PTE_CHAIN) | (frame << 52 & PTE_CHAIN);
}

static paddr_t next_of(paddr_t table)
{
    const uint64_t *entries = table_at(table);
    uint64_t frame = 0;
    for (unsigned i = CHAIN_ENTRIES; i-- > 0;)
        frame = frame << CHAIN_BITS | field_get(PTE_CHAIN, entries[i]);
    return frame << PAGE_SHIFT;
}

bool table_list_fill(paddr_t *list, unsigned count)
{
    // What is needed before the direct map is final has to be reached by the boot's.
    unsigned flags = PAGE_ZERO | (direct_map_size <= BOOT_DIRECT_MAP_SIZE ? PAGE_BELOW_4G : 0);
    for (*list = NO_PAGE; count--;) {
        paddr_t table = page_alloc(flags);
        if (!table) {
            arch_free_tables(*list);
            *list = NO_PAGE;
            return false;
        }
        set_next(table, *list);
        *list = table;
    }
    return true;
}

paddr_t table_list_pop(paddr_t *list)
{
    paddr_t table = *list;
    *list = next_of(table);
    set_next(table, NO_PAGE);
    return table;
}

void table_discard(uint64_t entry)
{
    set_next(entry & PTE_ADDRESS, idle_tables);
    idle_tables = entry & PTE_ADDRESS;
    page_forget();
}

void arch_free_tables(paddr_t tables)
{
    while (tables) {
        paddr_t next = next_of(tables);
        page_free(tables);
        tables = next;
    }
}
