// Text from people and loaders into values.

#include "lib/parse.h"
#include "lib/string.h"

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 'a' ^ 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

// Reads digits as far as they go. Returns the first character behind them, or NULL where there is
// no digit or the value doesn't fit.
static const char *parse_digits(const char *text, uint64_t *value)
{
    unsigned base = 10;
    if (text[0] == '0' && (text[1] | 0x20) == 'x')
        base = 16, text += 2;
    else if (text[0] == '0' && (text[1] | 0x20) == 'b')
        base = 2, text += 2;
    const char *start = text;
    uint64_t sum = 0;
    for (unsigned digit; (digit = (unsigned)digit_value(*text)) < base; text++)
        if (__builtin_mul_overflow(sum, base, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return NULL;
    *value = sum;
    return text == start ? NULL : text;
}

bool parse_u64(const char *text, uint64_t *value)
{
    uint64_t number;
    const char *end = parse_digits(text, &number);
    if (!end || *end)
        return false;
    *value = number;
    return true;
}

bool parse_size(const char *text, uint64_t *bytes)
{
    static const char suffixes[] = "kmgt";
    uint64_t number;
    const char *end = parse_digits(text, &number);
    if (!end)
        return false;
    if (*end) {
        const char *suffix = strchr(suffixes, *end | 0x20);
        if (!suffix || !*suffix || end[1])
            return false;
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (number > UINT64_MAX >> shift)
            return false;
        number <<= shift;
    }
    *bytes = number;
    return true;
}

bool parse_seconds(const char *text, uint64_t *ns)
{
    uint64_t sum, digit_ns = 1000000000;
    const char *end = parse_digits(text, &sum);
    if (!end || __builtin_mul_overflow(sum, digit_ns, &sum))
        return false;
    if (*end == '.') {
        for (end++; digit_ns > 1 && *end >= '0' && *end <= '9'; end++)
            if (__builtin_add_overflow(sum, (uint64_t)(*end - '0') * (digit_ns /= 10), &sum))
                return false;
        if (end[-1] == '.')
            return false;
    }
    if (*end)
        return false;
    *ns = sum;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Walks over one character of quoted text: keeps *quote up to date, and returns true where `*at`
// is text and not syntax. A backslash is skipped.
static bool step_quoted(const char **at, char *quote)
{
    char c = **at;
    if (*quote ? c == *quote : c == '"' || c == '\'') {
        *quote = *quote ? 0 : c;
        return false;
    }
    if (c == '\\' && *quote != '\'' && (*at)[1])
        (*at)++;
    return true;
}

int parse_words(char *line, char **words, int max)
{
    int count = 0;
    const char *from = line;
    char *to = line; // never ahead of `from`: syntax only shrinks
    for (;;) {
        while (is_blank(*from))
            from++;
        if (!*from)
            return count;
        if (count == max)
            return PARSE_TOO_MANY;
        words[count++] = to;
        char quote = 0;
        for (; *from && (quote || !is_blank(*from)); from++)
            if (step_quoted(&from, &quote))
                *to++ = *from;
        if (quote)
            return PARSE_OPEN_QUOTE;
        bool last = !*from;
        from += !last;
        *to++ = 0;
        if (last)
            return count;
    }
}

char *parse_next_part(char **rest)
{
    char *part = *rest, quote = 0;
    if (!part)
        return NULL;
    const char *at = part;
    for (; *at && (quote || *at != ';'); at++)
        (void)step_quoted(&at, &quote);
    char *end = part + (at - part);
    *rest = *end ? end + 1 : NULL;
    *end = 0;
    return part;
}
