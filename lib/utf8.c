// UTF-8.

#include "lib/utf8.h"

// The first byte. Which second bytes it allows keeps out what is too long, surrogates, and what
// lies beyond U+10FFFF [Unicode 3.9, table 3-7].
static enum utf8_result take_first(struct utf8_decoder *decoder, uint8_t byte)
{
    decoder->code_point = byte;
    if (byte < 0x80)
        return UTF8_DONE;
    if (byte < 0xc2 || byte > 0xf4)
        return UTF8_BAD;
    decoder->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    decoder->code_point = byte & (0x3fu >> decoder->missing);
    decoder->next_min = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    decoder->next_max = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return UTF8_MORE;
}

enum utf8_result utf8_decode(struct utf8_decoder *decoder, uint8_t byte)
{
    if (!decoder->missing)
        return take_first(decoder, byte);
    if (byte < decoder->next_min || byte > decoder->next_max) {
        decoder->missing = 0;
        return UTF8_BAD_BEFORE;
    }
    decoder->next_min = 0x80;
    decoder->next_max = 0xbf;
    decoder->code_point = decoder->code_point << 6 | (byte & 0x3f);
    return --decoder->missing ? UTF8_MORE : UTF8_DONE;
}

unsigned utf8_encode(char text[UTF8_LENGTH_MAX], uint32_t code_point)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0}; // by length
    unsigned length = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (unsigned i = length; --i; code_point >>= 6)
        text[i] = (char)(0x80 | (code_point & 0x3f));
    text[0] = (char)(leads[length] | code_point);
    return length;
}

uint32_t utf8_next(const char **text)
{
    struct utf8_decoder decoder = {.missing = 0};
    while (utf8_decode(&decoder, (uint8_t) * (*text)++) == UTF8_MORE)
        ;
    return decoder.code_point;
}
