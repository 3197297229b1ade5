// The kernel's own symbols: a compact table in the image, made from it at build time
// (tools/symbols.py), so that addresses can be shown with names.
#pragma once

#include "lib/types.h"

// The symbol that holds `address` and the distance from its start, or NULL.
const char *symbol_find(uintptr_t address, size_t *offset);

// The address of a symbol by its name, or 0. With static functions of the same name, the first.
uintptr_t symbol_address(const char *name);

typedef bool symbol_function(void *context, uintptr_t address, const char *name);

// Calls `show` for every symbol whose name matches the pattern; `show` returns false to stop.
void symbol_match(const char *pattern, symbol_function *show, void *context);

// Makes `%pS` resolve through this table.
void symbol_init(void);
