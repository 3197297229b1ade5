// The printf family: text into a buffer, nothing else.
//
// Conversions: d i u x X c s p %, flags `-` `0` `+` `#`, width and precision (numbers or `*`),
// lengths hh h l ll z t j; width and precision are cut at 4096. `%pS` prints an address as
// symbol+offset where a resolver is set. There is no floating point and no %n.
#pragma once

#include <stdarg.h>

#include "lib/compiler.h"
#include "lib/types.h"

// Writes at most size - 1 characters and a NUL (nothing where size is 0). Returns the length that
// the whole text has, without the NUL: the text was cut where that is >= size. Any context.
size_t snprintf(char *buffer, size_t size, const char *format, ...) printf_like(3, 4);
size_t vsnprintf(char *buffer, size_t size, const char *format, va_list args) printf_like(3, 0);

// Resolves an address for `%pS`: the symbol's name and, in *offset, the distance from its start;
// NULL where the address belongs to no symbol.
typedef const char *format_resolver(uintptr_t address, size_t *offset);
void format_set_resolver(format_resolver *resolver);

// A size for people: "640 KiB", "1.5 GiB". Returns `buffer`, which holds FORMAT_SIZE_MAX bytes.
enum { FORMAT_SIZE_MAX = 16 };
char *format_size(char buffer[FORMAT_SIZE_MAX], uint64_t bytes);
