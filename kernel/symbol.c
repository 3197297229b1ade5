// The kernel's own symbols. The table is sorted by address; each entry holds its address relative
// to the image's start and its name's place among the names.

#include "kernel/symbol.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/layout.h"

struct symbol {
    uint32_t offset, name;
};

// Written by tools/symbols.py; empty in the first of the two links.
extern const struct symbol symbol_table[];
extern const uint32_t symbol_count;
extern const char symbol_names[];

const char *symbol_find(uintptr_t address, size_t *offset)
{
    uintptr_t base = (uintptr_t)kernel_image_start;
    if (address < base || address >= (uintptr_t)kernel_data_end)
        return NULL;
    uint32_t target = (uint32_t)(address - base), low = 0, high = symbol_count;
    while (low < high) { // the first symbol above the address is at `low` in the end
        uint32_t middle = low + (high - low) / 2;
        if (symbol_table[middle].offset <= target)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct symbol *symbol = &symbol_table[low - 1];
    *offset = target - symbol->offset;
    return symbol_names + symbol->name;
}

uintptr_t symbol_address(const char *name)
{
    for (uint32_t i = 0; i < symbol_count; i++)
        if (string_equal(symbol_names + symbol_table[i].name, name))
            return (uintptr_t)kernel_image_start + symbol_table[i].offset;
    return 0;
}

void symbol_match(const char *pattern, symbol_function *show, void *context)
{
    for (uint32_t i = 0; i < symbol_count; i++) {
        const char *name = symbol_names + symbol_table[i].name;
        if (string_matches(name, pattern) &&
            !show(context, (uintptr_t)kernel_image_start + symbol_table[i].offset, name))
            return;
    }
}

void symbol_init(void)
{
    format_set_resolver(symbol_find);
}
