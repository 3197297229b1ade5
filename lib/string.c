// Memory and strings. Copies go by words of 8 bytes: the file is compiled so that the compiler
// doesn't recognise these loops and call the functions that they implement.

#include "lib/string.h"

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    for (; size >= sizeof(word); size -= sizeof(word), d += sizeof(word), s += sizeof(word))
        *(word *)d = *(const word *)s;
    while (size--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((uintptr_t)d - (uintptr_t)s >= size)
        return memcpy(to, from, size); // ascending order never overwrites what it has yet to read
    while (size >= sizeof(word)) {
        size -= sizeof(word);
        *(word *)(d + size) = *(const word *)(s + size);
    }
    while (size--)
        d[size] = s[size];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    uint8_t *d = to;
    uint64_t pattern = (uint8_t)byte * 0x0101010101010101ull;
    for (; size >= sizeof(word); size -= sizeof(word), d += sizeof(word))
        *(word *)d = pattern;
    while (size--)
        *d++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;
    for (; size >= sizeof(word) && *(const word *)x == *(const word *)y; size -= sizeof(word))
        x += sizeof(word), y += sizeof(word);
    for (; size && *x == *y; size--)
        x++, y++;
    return size ? *x - *y : 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

size_t strnlen(const char *text, size_t limit)
{
    size_t length = 0;
    while (length < limit && text[length])
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t limit)
{
    for (; limit && *a == *b && *a; limit--)
        a++, b++;
    return limit ? (uint8_t)*a - (uint8_t)*b : 0;
}

char *strchr(const char *text, int character)
{
    for (;; text++) {
        if (*text == (char)character)
            return (char *)text;
        if (!*text)
            return NULL;
    }
}

bool string_copy(char *to, size_t size, const char *from, size_t length)
{
    length = strnlen(from, length);
    size_t fits = length < size ? length : size - 1;
    memcpy(to, from, fits);
    to[fits] = 0;
    return fits == length;
}

bool string_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool string_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool string_matches(const char *text, const char *pattern)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++, text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry; // let the last star take one character more
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}
