// Linker tables on a hosted linker, which gives every section with a C name its own start and end.
#pragma once

#define TABLE_ENTRY(type, table, name)     \
    static const type table##_entry_##name \
        __attribute__((used, aligned(_Alignof(type)), section("table_" #table)))

#define TABLE_DECLARE(type, table)                                   \
    extern const type __start_table_##table[] __attribute__((weak)); \
    extern const type __stop_table_##table[] __attribute__((weak))

#define TABLE_FOREACH(entry, table) \
    for (entry = __start_table_##table; entry != __stop_table_##table; entry++)
