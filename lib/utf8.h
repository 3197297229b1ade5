// UTF-8 [Unicode 3.9]: byte by byte from streams that nobody vouches for, and in text that is known
// to be well-formed.
#pragma once

#include "lib/types.h"

enum { UTF8_LENGTH_MAX = 4, UTF8_REPLACEMENT = 0xfffd };

enum utf8_result {
    UTF8_MORE,       // the character isn't complete
    UTF8_DONE,       // `code_point` is one; ASCII too
    UTF8_BAD,        // the byte begins no character
    UTF8_BAD_BEFORE, // what came before was cut off, and is forgotten; the byte is to be given
                     // again
};

// The state of one stream; all zero at first.
struct utf8_decoder {
    uint32_t code_point;
    uint8_t missing;            // bytes; not 0: in the middle of a character
    uint8_t next_min, next_max; // what the next of them may be
};

// Takes one byte. Nothing is accepted that is longer than need be, a surrogate, or beyond U+10FFFF.
enum utf8_result utf8_decode(struct utf8_decoder *decoder, uint8_t byte);

// Writes a character (below U+110000). Returns its length.
unsigned utf8_encode(char text[UTF8_LENGTH_MAX], uint32_t code_point);

// Reads one character of well-formed text and moves *text behind it.
uint32_t utf8_next(const char **text);

// Whether the byte goes on with a character that an earlier one has begun.
static inline bool utf8_is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}
