// Mapping: absent entries become pages. First a look at everything, then all the tables that it
// takes, then the entries: nothing has to be undone.

#include "arch/x86_64/mtrr.h"
#include "arch/x86_64/page_table.h"

// Entries that follow each other in one table, of the largest pages that fit.
struct row {
    unsigned level, count;
    size_t size;
};

static struct row row_at(uintptr_t address, paddr_t physical, size_t size)
{
    unsigned level = LEVEL_SMALL;
    while (level < page_level_max() && size >= level_size(level + 1) &&
           is_aligned(address | physical, level_size(level + 1)))
        level++;
    size_t table = level_size(level + 1);
    size_t to_end = table - (address & (table - 1));
    size_t length = align_down(size < to_end ? size : to_end, level_size(level));
    return (struct row){level, (unsigned)(length >> level_shift(level)), length};
}

// As far as a large page may go: it must not have memory of two types, whatever its own is [SDM3
// 12.11.9].
static size_t uniform_size(paddr_t physical, size_t size)
{
    return size < LARGE_PAGE_SIZE ? size : mtrr_uniform_end(physical, physical + size) - physical;
}

static bool is_free(const struct place *place, const struct row *row)
{
    if (place->level < row->level)
        return false; // tables aren't empty
    if (place->level > row->level)
        return !*place->entry;
    for (unsigned i = 0; i < row->count; i++)
        if (place->entry[i])
            return false;
    return true;
}

// How many tables have to be made; BAD_ARGUMENT where something is mapped already.
static enum status plan(uintptr_t address, paddr_t physical, size_t size, unsigned *tables)
{
    uintptr_t counted[LEVEL_TOP + 1]; // the region of the table counted last, of each level
    for (unsigned level = 0; level <= LEVEL_TOP; level++)
        counted[level] = UINTPTR_MAX;
    for (*tables = 0; size;) {
        struct row row = row_at(address, physical, uniform_size(physical, size));
        struct place place = page_place(address);
        if (!is_free(&place, &row))
            return BAD_ARGUMENT;
        for (unsigned level = row.level; level < place.level; level++) {
            uintptr_t region = address >> level_shift(level + 1);
            *tables += counted[level] != region;
            counted[level] = region;
        }
        address += row.size;
        physical += row.size;
        size -= row.size;
    }
    return OK;
}

static void fill_row(uintptr_t address, paddr_t physical, const struct row *row, uint64_t bits,
                     paddr_t *tables)
{
    struct place place = page_place(address);
    while (place.level > row->level) {
        paddr_t table = table_list_pop(tables);
        write_entry(place.entry, table | PTE_LINK);
        count_entries(place.link, 1);
        place.link = place.entry;
        place.level--;
        place.entry = &table_at(table)[level_index(address, place.level)];
    }
    uint64_t entry = physical | page_encode(bits, row->level);
    for (unsigned i = 0; i < row->count; i++, entry += level_size(row->level))
        write_entry(&place.entry[i], entry);
    count_entries(place.link, (int)row->count);
}

static enum status map_range(uintptr_t address, paddr_t physical, size_t size, uint64_t bits)
{
    unsigned count;
    paddr_t tables;
    enum status status = plan(address, physical, size, &count);
    if (status != OK)
        return status;
    if (!table_list_fill(&tables, count))
        return NO_MEMORY;
    while (size) {
        struct row row = row_at(address, physical, uniform_size(physical, size));
        fill_row(address, physical, &row, bits, &tables);
        address += row.size;
        physical += row.size;
        size -= row.size;
    }
    return OK;
}

enum status arch_map(uintptr_t address, paddr_t physical, size_t size, unsigned rights)
{
    uint64_t bits = page_bits(rights);
    if (!bits)
        return BAD_ARGUMENT;
    if (size != PAGE_SIZE || !page_recall(address))
        return map_range(address, physical, size, bits);
    return arch_map_page(address, physical, rights) ? OK : BAD_ARGUMENT;
}
