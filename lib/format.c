// The printf family. One pass over the format; literal runs and strings are copied as runs.

#include "lib/format.h"
#include "lib/string.h"

struct output {
    char *at, *end; // where the next character goes; one past the last that may be written
    size_t cut;     // characters that found no room
};

enum flag { LEFT = 1, ZERO = 2, PLUS = 4, ALTERNATE = 8 };

// Small enough to be passed in one register.
struct spec {
    uint8_t flags;
    uint8_t size;             // of the argument in bytes
    int16_t width, precision; // precision -1: none given
};

static format_resolver *resolver;

void format_set_resolver(format_resolver *new_resolver)
{
    resolver = new_resolver;
}

// Returns for how many of `length` characters there is room; the others are counted as cut.
static inline size_t claim(struct output *out, size_t length)
{
    size_t room = (size_t)(out->end - out->at);
    if (likely(length <= room))
        return length;
    out->cut += length - room;
    return room;
}

static inline void put_run(struct output *out, const char *text, size_t length)
{
    char *to = out->at;
    size_t fits = claim(out, length);
    for (size_t i = 0; i < fits; i++)
        to[i] = text[i];
    out->at = to + fits;
}

static inline void put_text(struct output *out, const char *text)
{
    char *to = out->at;
    size_t room = (size_t)(out->end - to), i = 0;
    for (; i < room && text[i]; i++)
        to[i] = text[i];
    out->at = to + i;
    if (unlikely(text[i]))
        out->cut += strlen(text + i);
}

static inline void put_fill(struct output *out, char c, int count)
{
    if (count <= 0)
        return;
    char *to = out->at;
    size_t fits = claim(out, (size_t)count);
    for (size_t i = 0; i < fits; i++)
        to[i] = c;
    out->at = to + fits;
}

// `zeros` go between the prefix and the body; blanks fill the field's width around all three.
noinline static void put_field(struct output *out, struct spec spec, const char *prefix,
                               int prefix_length, int zeros, const char *body, size_t body_length)
{
    int blanks = spec.width - prefix_length - zeros - (int)body_length;
    if (!(spec.flags & LEFT))
        put_fill(out, ' ', blanks);
    put_run(out, prefix, (size_t)prefix_length);
    put_fill(out, '0', zeros);
    put_run(out, body, body_length);
    if (spec.flags & LEFT)
        put_fill(out, ' ', blanks);
}

static inline void put_string(struct output *out, struct spec spec, const char *text)
{
    if (unlikely(!text))
        text = "(null)";
    if (spec.width == 0 && spec.precision < 0) {
        put_text(out, text);
        return;
    }
    size_t limit = spec.precision < 0 ? SIZE_MAX : (size_t)spec.precision;
    put_field(out, spec, "", 0, 0, text, strnlen(text, limit));
}

struct number {
    uint64_t magnitude;
    const char *prefix; // sign or base
    bool hexadecimal, upper;
};

// The digits of a number, at least one, in front of `end`. Returns where they begin.
static inline char *hexadecimal_before(char *end, uint64_t value, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do
        *--end = digits[value & 15];
    while (value >>= 4);
    return end;
}

static inline char *decimal_before(char *end, uint64_t value)
{
    for (; value > UINT32_MAX; value /= 10) // rare, and dearer to divide
        *--end = (char)('0' + value % 10);
    uint32_t rest = (uint32_t)value;
    do
        *--end = (char)('0' + rest % 10);
    while (rest /= 10);
    return end;
}

// With a sign, a prefix, a precision or to the left: what is rarely asked for.
noinline static void put_decorated(struct output *out, struct spec spec, const char *digits,
                                   int length, const char *prefix)
{
    int prefix_length = (int)strlen(prefix);
    int least = spec.precision;
    if (least < 0 && (spec.flags & (ZERO | LEFT)) == ZERO)
        least = spec.width - prefix_length;
    if (spec.precision == 0 && length == 1 && digits[0] == '0')
        length = 0; // [C17 7.21.6.1]: zero with a precision of zero has no digits
    int zeros = least > length ? least - length : 0;
    put_field(out, spec, prefix, prefix_length, zeros, digits, (size_t)length);
}

static inline void put_number(struct output *out, struct spec spec, struct number number)
{
    char buffer[20]; // 2^64 - 1 has 20 decimal digits
    char *end = buffer + sizeof(buffer);
    const char *digits = number.hexadecimal
                             ? hexadecimal_before(end, number.magnitude, number.upper)
                             : decimal_before(end, number.magnitude);
    int length = (int)(end - digits);
    if (unlikely(spec.precision >= 0 || number.prefix || spec.flags & LEFT)) {
        put_decorated(out, spec, digits, length, number.prefix ? number.prefix : "");
        return;
    }
    put_fill(out, spec.flags & ZERO ? '0' : ' ', spec.width - length);
    put_run(out, digits, (size_t)length);
}

// `symbol+0x` and the offset that belongs behind it, or the address where there is no symbol.
static struct number put_symbol(struct output *out, struct spec *spec, uintptr_t address)
{
    size_t offset;
    const char *name = resolver ? resolver(address, &offset) : NULL;
    if (!name) {
        spec->precision = 16;
        return (struct number){.magnitude = address, .hexadecimal = true};
    }
    put_text(out, name);
    put_text(out, "+0x");
    return (struct number){.magnitude = offset, .hexadecimal = true};
}

static inline unsigned flag_of(char c)
{
    switch (c) {
    case '-':
        return LEFT;
    case '0':
        return ZERO;
    case '+':
        return PLUS;
    case '#':
        return ALTERNATE;
    default:
        return 0;
    }
}

enum { WIDTH_MAX = 4096 }; // a wild `*` must not print for hours

static inline int16_t clamp_width(int value)
{
    return (int16_t)(value > WIDTH_MAX ? WIDTH_MAX : value < -WIDTH_MAX ? -WIDTH_MAX : value);
}

static inline const char *take_number(const char *format, int16_t *value)
{
    int sum = 0;
    for (unsigned digit; (digit = (unsigned)(*format - '0')) <= 9; format++)
        sum = clamp_width(sum * 10 + (int)digit);
    *value = (int16_t)sum;
    return format;
}

static inline const char *take_length(const char *format, uint8_t *size)
{
    switch (*format) {
    case 'l':
    case 'z':
    case 't':
    case 'j':
        *size = sizeof(long);
        return format + 1 + (format[1] == 'l');
    case 'h':
        *size = format[1] == 'h' ? 1 : 2;
        return format + 1 + (format[1] == 'h');
    default:
        *size = sizeof(int);
        return format;
    }
}

// The list goes by pointer, in a structure since `va_list` is an array.
struct arguments {
    va_list list;
};

static inline int16_t take_star(struct arguments *args)
{
    return clamp_width(va_arg(args->list, int));
}

// Everything between `%` and the conversion's letter. Returns where that letter stands.
static inline const char *take_spec(const char *format, struct spec *result, struct arguments *args)
{
    struct spec spec = {.precision = -1};
    if (*format < 'a') { // most have neither flags nor width
        for (unsigned flag; *format <= '0' && (flag = flag_of(*format)); format++)
            spec.flags |= (uint8_t)flag;
        if (*format == '*')
            spec.width = take_star(args), format++;
        else
            format = take_number(format, &spec.width);
        if (spec.width < 0) {
            spec.flags |= LEFT;
            spec.width = (int16_t)-spec.width;
        }
        if (*format == '.') {
            if (*++format == '*')
                spec.precision = take_star(args), format++;
            else
                format = take_number(format, &spec.precision);
        }
    }
    format = take_length(format, &spec.size);
    *result = spec;
    return format;
}

static inline struct number take_signed(struct spec spec, struct arguments *args)
{
    int64_t value = spec.size == 8 ? va_arg(args->list, long) : va_arg(args->list, int);
    if (spec.size < 4)
        value = spec.size == 1 ? (int8_t)value : (int16_t)value;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    const char *sign = value < 0 ? "-" : spec.flags & PLUS ? "+" : NULL;
    return (struct number){.magnitude = magnitude, .prefix = sign};
}

static inline struct number take_unsigned(struct spec spec, struct arguments *args, char letter)
{
    uint64_t value =
        spec.size == 8 ? va_arg(args->list, unsigned long) : va_arg(args->list, unsigned);
    if (spec.size < 4)
        value = spec.size == 1 ? (uint8_t)value : (uint16_t)value;
    struct number number = {
        .magnitude = value, .hexadecimal = letter != 'u', .upper = letter == 'X'};
    if (number.hexadecimal && spec.flags & ALTERNATE && value)
        number.prefix = number.upper ? "0X" : "0x";
    return number;
}

// Returns where the format goes on behind the conversion.
static inline const char *put_conversion(struct output *out, const char *format,
                                         struct arguments *args)
{
    struct spec spec;
    struct number number;
    const char *letter = take_spec(format, &spec, args);
    switch (*letter) {
    case 'd':
    case 'i':
        number = take_signed(spec, args);
        break;
    case 'u':
    case 'x':
    case 'X':
        number = take_unsigned(spec, args, *letter);
        break;
    case 'p':
        spec.size = sizeof(void *);
        number = take_unsigned(spec, args, 'x');
        if (letter[1] == 'S')
            number = put_symbol(out, &spec, number.magnitude), letter++;
        else
            spec.precision = 16;
        break;
    case 's':
        put_string(out, spec, va_arg(args->list, const char *));
        return letter + 1;
    case 'c': {
        char c = (char)va_arg(args->list, int);
        put_field(out, spec, "", 0, 0, &c, 1);
        return letter + 1;
    }
    case '%':
        put_run(out, "%", 1);
        return letter + 1;
    default: // not ours: show it as it stands, so that the mistake can be seen
        put_run(out, format - 1, (size_t)(letter - format + 1 + (*letter != 0)));
        return letter + (*letter != 0);
    }
    put_number(out, spec, number);
    return letter + 1;
}

static inline bool is_literal(char c)
{
    return (unsigned char)c > '%' || (c && c != '%'); // most are above `%`: one comparison
}

size_t vsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    char nothing;
    if (size == 0)
        buffer = &nothing; // it may be NULL, to which nothing can be added
    struct output out = {buffer, buffer + (size ? size - 1 : 0), 0};
    struct arguments arguments;
    va_copy(arguments.list, args);
    for (;;) {
        char *to = out.at;
        size_t room = (size_t)(out.end - to), run = 0;
        for (; run < room && is_literal(format[run]); run++)
            to[run] = format[run];
        out.at = to + run;
        format += run;
        if (*format == '%')
            format = put_conversion(&out, format + 1, &arguments);
        else if (*format)
            out.cut++, format++;
        else
            break;
    }
    va_end(arguments.list);
    if (size)
        *out.at = 0;
    return (size_t)(out.at - buffer) + out.cut;
}

size_t snprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t length = vsnprintf(buffer, size, format, args);
    va_end(args);
    return length;
}

char *format_size(char buffer[FORMAT_SIZE_MAX], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    while (unit < ARRAY_SIZE(units) - 1 && bytes >> (10 * unit + 10))
        unit++;
    uint64_t whole = bytes >> (10 * unit), rest = bytes - (whole << (10 * unit));
    unsigned tenths = (unsigned)((unsigned __int128)rest * 10 >> (10 * unit));
    if (tenths && whole < 100)
        snprintf(buffer, FORMAT_SIZE_MAX, "%lu.%u %s", whole, tenths, units[unit]);
    else
        snprintf(buffer, FORMAT_SIZE_MAX, "%lu %s", whole, units[unit]);
    return buffer;
}
