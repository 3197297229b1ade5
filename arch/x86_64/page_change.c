// Unmapping and changing rights. Large pages are split where a range ends inside of them, with
// tables that are allocated before anything is touched.
//
// Small pages are joined to a large one again when arch_protect() has left a whole table of them
// with the same rights, over memory that is contiguous and of one type; then large ones to a huge
// one. Mapping and unmapping join nothing.

#include "arch/x86_64/mtrr.h"
#include "arch/x86_64/page_table.h"

static bool is_page(const struct place *place)
{
    return *place->entry & PTE_PRESENT;
}

// --- Splitting -----------------------------------------------------------------------------------

// Whether an end of the range falls inside the page of this level.
static bool cuts(uintptr_t border, unsigned level)
{
    return level > LEVEL_SMALL && !is_aligned(border, level_size(level));
}

// How many tables it takes to have a border between pages there.
static unsigned splits_at(const struct place *place, uintptr_t border)
{
    unsigned count = 0;
    while (is_page(place) && cuts(border, place->level - count))
        count++;
    return count;
}

// Both ends may lie in the same page, and even in the same part of it.
static unsigned splits_of(uintptr_t start, uintptr_t end)
{
    struct place first = page_place(start), last = page_place(end - 1);
    unsigned count = splits_at(&first, start) + splits_at(&last, end);
    if (first.entry != last.entry || !is_page(&first))
        return count;
    for (unsigned level = first.level; cuts(start, level) && cuts(end, level) &&
                                       start >> level_shift(level) == end >> level_shift(level);
         level--)
        count--;
    return count;
}

static void split(const struct place *place, paddr_t *tables)
{
    paddr_t table = table_list_pop(tables);
    unsigned below = place->level - 1;
    uint64_t bits = page_decode(*place->entry, place->level);
    uint64_t entry = page_physical(*place->entry, place->level) | page_encode(bits, below);
    uint64_t *entries = table_at(table);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++, entry += level_size(below))
        entries[i] = entry;
    write_entry(place->entry, table | PTE_LINK | TABLE_ENTRIES * PTE_COUNT_ONE);
}

// --- Joining -------------------------------------------------------------------------------------

static bool are_joinable(const uint64_t *entries, unsigned level)
{
    size_t size = level_size(level);
    uint64_t first = entries[0];
    paddr_t physical = page_physical(first, level - 1);
    if (is_link(first, level - 1) || !is_aligned(physical, size))
        return false;
    for (unsigned i = 1; i < TABLE_ENTRIES; i++)
        if (entries[i] != first + i * level_size(level - 1))
            return false;
    return mtrr_uniform_end(physical, physical + size) == physical + size;
}

// Makes one page of `level` of the table below the entry, if it can be.
static void join(uint64_t *entry, unsigned level)
{
    uint64_t link = *entry;
    if (!is_link(link, level) || field_get(PTE_COUNT, link) != TABLE_ENTRIES ||
        !are_joinable(table_at(link), level))
        return;
    uint64_t first = table_at(link)[0];
    write_entry(entry, page_physical(first, level - 1) |
                           page_encode(page_decode(first, level - 1), level));
    table_discard(link);
}

// The same for what holds `address`. Returns where the next one may be: without tables on the way
// there, far away.
static uintptr_t join_at(uintptr_t address, unsigned level)
{
    uint64_t *entry = &kernel_pml4[level_index(address, LEVEL_TOP)];
    unsigned at = LEVEL_TOP;
    while (at > level && is_link(*entry, at))
        entry = &table_at(*entry)[level_index(address, --at)];
    if (at == level)
        join(entry, level);
    return align_down(address, level_size(at)) + level_size(at);
}

static void join_range(uintptr_t start, uintptr_t last)
{
    for (unsigned level = LEVEL_LARGE; level <= page_level_max(); level++)
        for (uintptr_t at = start, next; at <= last; at = next) {
            next = join_at(at, level);
            if (next < at)
                break; // the end of all addresses
        }
}

// --- Changing ------------------------------------------------------------------------------------

// Gives back the table that `address` was mapped in, and those above it, as far as they are empty.
static void prune(uintptr_t address)
{
    uint64_t *links[LEVEL_TOP + 1]; // by the level that they stand in
    unsigned level = LEVEL_TOP;
    uint64_t *entry = &kernel_pml4[level_index(address, LEVEL_TOP)];
    while (is_link(*entry, level)) {
        links[level] = entry;
        entry = &table_at(*entry)[level_index(address, --level)];
    }
    while (++level <= LEVEL_TOP && !(*links[level] & PTE_COUNT)) {
        uint64_t empty = *links[level];
        write_entry(links[level], 0);
        table_discard(empty);
        if (level < LEVEL_TOP)
            count_entries(links[level + 1], -1);
    }
}

// Changes the pages of one table that lie in the range as a whole, up to the first that doesn't.
// `bits` 0 takes them out. Returns how far that went.
static size_t change_row(const struct place *place, uintptr_t address, size_t size, uint64_t bits)
{
    unsigned index = level_index(address, place->level);
    size_t page = level_size(place->level), done = 0;
    int removed = 0;
    for (uint64_t *entry = place->entry;
         index < TABLE_ENTRIES && size - done >= page && !is_link(*entry, place->level);
         entry++, index++, done += page) {
        if (!*entry)
            continue;
        removed += !bits;
        write_entry(entry,
                    bits ? page_physical(*entry, place->level) | page_encode(bits, place->level)
                         : 0);
    }
    count_entries(place->link, -removed);
    if (removed && place->link && !(*place->link & PTE_COUNT))
        prune(address);
    return done;
}

static enum status change(uintptr_t address, size_t size, uint64_t bits)
{
    paddr_t tables;
    if (!table_list_fill(&tables, splits_of(address, address + size)))
        return NO_MEMORY;
    while (size) {
        struct place place = page_place(address);
        size_t page = level_size(place.level), inside = address & (page - 1);
        size_t left = page - inside, step = left < size ? left : size;
        if (!inside && step == page)
            step = change_row(&place, address, size, bits);
        else if (is_page(&place)) {
            split(&place, &tables);
            continue;
        }
        address += step;
        size -= step;
    }
    return OK;
}

enum status arch_unmap(uintptr_t address, size_t size)
{
    if (size == PAGE_SIZE && page_recall(address) && arch_unmap_page(address))
        return OK;
    return change(address, size, 0);
}

enum status arch_protect(uintptr_t address, size_t size, unsigned rights)
{
    uint64_t bits = page_bits(rights);
    if (!bits)
        return BAD_ARGUMENT;
    enum status status = change(address, size, bits);
    if (status == OK)
        join_range(address, address + size - 1);
    return status;
}
