// Memory and strings. The first group has the C library's names and meaning, because the compiler
// calls it; the second is ours and always bounded.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int character);

// Copies at most size - 1 of the `length` bytes at `from`, stops at a NUL among them, and always
// terminates. Returns false where something had to be cut off. `size` is at least 1.
bool string_copy(char *to, size_t size, const char *from, size_t length);

bool string_equal(const char *a, const char *b);
bool string_starts_with(const char *text, const char *prefix);

// Shell-style match of the whole text: `*` is any run of characters, `?` any one. Linear in
// pattern times text at worst.
bool string_matches(const char *text, const char *pattern);
