// Text from people and loaders into values. Nothing is accepted that isn't understood to its end.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

// "42", "0x2a", "0b101010". Returns false, and leaves *value alone, where the text is empty, has
// anything else in it, or means more than 64 bits.
must_use bool parse_u64(const char *text, uint64_t *value);

// A number with an optional K, M, G or T (or k, m, g, t) behind it: powers of 1024.
must_use bool parse_size(const char *text, uint64_t *bytes);

// Seconds, with up to nine decimals: "2", "0.25".
must_use bool parse_seconds(const char *text, uint64_t *ns);

// Splits a line in place into words at blanks. Quotes, single or double, keep blanks and may begin
// inside a word (run="a; b" and "run=a; b" are the same word); a backslash makes the next
// character ordinary, except inside single quotes. Returns the number of words, PARSE_TOO_MANY
// where there are more than `max`, or PARSE_OPEN_QUOTE where a quote is never closed.
enum { PARSE_TOO_MANY = -1, PARSE_OPEN_QUOTE = -2 };
must_use int parse_words(char *line, char **words, int max);

// Cuts the first part off *rest, which ends at a `;` outside quotes or at the end of the text. The
// `;` is overwritten. Returns the part, or NULL when nothing is left.
char *parse_next_part(char **rest);
