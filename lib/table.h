// Tables that the linker collects: an entry is defined in any source file and found by walking the
// table, sorted by name. linker.ld lists the tables.
#pragma once

#define TABLE_ENTRY(type, table, name)     \
    static const type table##_entry_##name \
        __attribute__((used, aligned(_Alignof(type)), section(".table." #table "." #name)))

#define TABLE_DECLARE(type, table) extern const type table##_table_start[], table##_table_end[]

#define TABLE_FOREACH(entry, table) \
    for (entry = table##_table_start; entry != table##_table_end; entry++)
