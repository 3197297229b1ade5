// The text of a line that is being typed.

#include "monitor/line.h"
#include "lib/string.h"
#include "lib/utf8.h"

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
    while (length && text[length] && utf8_is_continuation(text[length]))
        length--;
    memcpy(line->text, text, length);
    line->text[length] = 0;
    line->length = line->cursor = (unsigned)length;
}

unsigned line_before(const struct line *line)
{
    unsigned at = line->cursor;
    while (at && utf8_is_continuation(line->text[--at]))
        ;
    return at;
}

unsigned line_behind(const struct line *line)
{
    unsigned at = line->cursor;
    while (at < line->length && utf8_is_continuation(line->text[++at]))
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
