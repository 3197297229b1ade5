// The text of a line that is being typed.

#include "monitor/line.h"
#include "lib/string.h"

static bool is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
           (uint8_t)c >= 0x80;
}

bool line_insert(struct line *line, const char *text, unsigned length)
{
    if (length > LINE_TEXT_MAX - line->length)
        return false;
    char *at = line->text + line->cursor;
    memmove(at + length, at, line->length - line->cursor + 1);
    memcpy(at, text, length);
    line->length += length;
    line->cursor += length;
    return true;
}

void line_delete(struct line *line, unsigned from, unsigned to)
{
    unsigned start = from < to ? from : to, end = from < to ? to : from;
    memmove(line->text + start, line->text + end, line->length - end + 1);
    line->length -= end - start;
    line->cursor = start;
}

void line_set(struct line *line, const char *text)
{
    size_t length = strnlen(text, LINE_TEXT_MAX);
    while (length && text[length] && is_continuation(text[length]))
        length--;
    memcpy(line->text, text, length);
    line->text[length] = 0;
    line->length = line->cursor = (unsigned)length;
}

unsigned line_before(const struct line *line)
{
    unsigned at = line->cursor;
    while (at && is_continuation(line->text[--at]))
        ;
    return at;
}

unsigned line_behind(const struct line *line)
{
    unsigned at = line->cursor;
    while (at < line->length && is_continuation(line->text[++at]))
        ;
    return at;
}

unsigned line_before_word(const struct line *line)
{
    unsigned at = line->cursor;
    while (at && !is_word(line->text[at - 1]))
        at--;
    while (at && is_word(line->text[at - 1]))
        at--;
    return at;
}

unsigned line_behind_word(const struct line *line)
{
    unsigned at = line->cursor;
    while (at < line->length && !is_word(line->text[at]))
        at++;
    while (at < line->length && is_word(line->text[at]))
        at++;
    return at;
}

unsigned line_before_blank(const struct line *line)
{
    unsigned at = line->cursor;
    while (at && line->text[at - 1] == ' ')
        at--;
    while (at && line->text[at - 1] != ' ')
        at--;
    return at;
}

unsigned line_encode(char bytes[4], uint32_t code)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    unsigned length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (unsigned i = length; --i; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(leads[length] | code);
    return length;
}

uint32_t line_decode(const char **text)
{
    uint8_t lead = (uint8_t) * (*text)++;
    unsigned more = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t code = more ? lead & (0x3fu >> more) : lead;
    while (more-- && is_continuation(**text))
        code = code << 6 | ((uint8_t) * (*text)++ & 0x3f);
    return code;
}
