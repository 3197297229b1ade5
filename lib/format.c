// The printf family. One pass over the format; literal runs and strings are copied as runs.

#include "lib/format.h"
#include "lib/string.h"

struct output {
    char *at, *end; // where the next character goes; one past the last that may be written
    size_t length;  // of the whole text, cut or not
};

struct spec {
    bool left, zero, plus, alternate;
    int width, precision; // precision -1: none given
    int size;             // of the argument in bytes
};

static format_resolver *resolver;

void format_set_resolver(format_resolver *new_resolver)
{
    resolver = new_resolver;
}

static void put_run(struct output *out, const char *text, size_t length)
{
    size_t room = (size_t)(out->end - out->at);
    size_t fits = length < room ? length : room;
    out->length += length;
    char *to = out->at;
    out->at += fits;
    while (fits--)
        *to++ = *text++;
}

static void put_fill(struct output *out, char c, int count)
{
    for (; count > 0; count--)
        put_run(out, &c, 1);
}

// `zeros` go between the prefix and the body; blanks fill the field's width around all three.
static void put_field(struct output *out, const struct spec *spec, const char *prefix,
                      int prefix_length, int zeros, const char *body, size_t body_length)
{
    int blanks = spec->width - prefix_length - zeros - (int)body_length;
    if (!spec->left)
        put_fill(out, ' ', blanks);
    put_run(out, prefix, (size_t)prefix_length);
    put_fill(out, '0', zeros);
    put_run(out, body, body_length);
    if (spec->left)
        put_fill(out, ' ', blanks);
}

static void put_string(struct output *out, const struct spec *spec, const char *text)
{
    if (!text)
        text = "(null)";
    size_t length =
        spec->precision < 0 ? strlen(text) : strnlen(text, (size_t)spec->precision);
    put_field(out, spec, "", 0, 0, text, length);
}

static size_t digits_before(char *end, uint64_t value, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char *at = end;
    if (base == 16) {
        for (; value; value >>= 4)
            *--at = digits[value & 15];
    } else {
        for (; value; value /= 10)
            *--at = (char)('0' + value % 10);
    }
    return (size_t)(end - at);
}

static void put_number(struct output *out, const struct spec *spec, uint64_t value, bool negative,
                       unsigned base, bool upper)
{
    char buffer[20]; // 2^64 - 1 has 20 decimal digits
    char *end = buffer + sizeof(buffer);
    size_t length = digits_before(end, value, base, upper);
    const char *prefix = negative ? "-" : spec->plus ? "+" : "";
    if (base == 16)
        prefix = spec->alternate && value ? (upper ? "0X" : "0x") : "";
    int prefix_length = (int)strlen(prefix);
    int least = spec->precision < 0 ? 1 : spec->precision;
    if (spec->zero && !spec->left && spec->precision < 0)
        least = spec->width - prefix_length;
    int zeros = least > (int)length ? least - (int)length : 0;
    put_field(out, spec, prefix, prefix_length, zeros, end - length, length);
}

static void put_pointer(struct output *out, struct spec *spec, uintptr_t address)
{
    spec->precision = 16;
    put_number(out, spec, address, false, 16, false);
}

static void put_symbol(struct output *out, uintptr_t address)
{
    size_t offset;
    struct spec spec = {.precision = -1, .alternate = true};
    const char *name = resolver ? resolver(address, &offset) : NULL;
    if (!name) {
        put_pointer(out, &spec, address);
        return;
    }
    put_run(out, name, strlen(name));
    put_run(out, "+", 1);
    if (offset)
        put_number(out, &spec, offset, false, 16, false);
    else
        put_run(out, "0x0", 3);
}

static bool take_flag(struct spec *spec, char c)
{
    switch (c) {
    case '-':
        return spec->left = true;
    case '0':
        return spec->zero = true;
    case '+':
        return spec->plus = true;
    case '#':
        return spec->alternate = true;
    default:
        return false;
    }
}

enum { WIDTH_MAX = 4096 }; // a wild `*` must not print for hours

static int clamp_width(int value)
{
    return value > WIDTH_MAX ? WIDTH_MAX : value < -WIDTH_MAX ? -WIDTH_MAX : value;
}

static const char *take_number(const char *format, int *value)
{
    *value = 0;
    for (; *format >= '0' && *format <= '9'; format++)
        *value = clamp_width(*value * 10 + (*format - '0'));
    return format;
}

static const char *take_length(const char *format, int *size)
{
    *size = sizeof(int);
    for (;; format++) {
        if (*format == 'h')
            *size /= 2;
        else if (*format == 'l' || *format == 'z' || *format == 't' || *format == 'j')
            *size = sizeof(long);
        else
            return format;
    }
}

static int64_t narrow(int64_t value, int size)
{
    return size == 1 ? (int8_t)value : size == 2 ? (int16_t)value : value;
}

static uint64_t narrow_unsigned(uint64_t value, int size)
{
    return size == 1 ? (uint8_t)value : size == 2 ? (uint16_t)value : value;
}

// Everything between `%` and the conversion's letter. Returns where that letter stands. The
// list goes by pointer since it is read here and by the caller: `va_list *` works on a copy.
struct arguments {
    va_list list;
};

static const char *take_spec(const char *format, struct spec *spec, struct arguments *args)
{
    *spec = (struct spec){.precision = -1};
    while (take_flag(spec, *format))
        format++;
    if (*format == '*') {
        spec->width = clamp_width(va_arg(args->list, int));
        format++;
    } else if (*format >= '1' && *format <= '9') {
        format = take_number(format, &spec->width);
    }
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*format == '.') {
        if (*++format == '*') {
            spec->precision = clamp_width(va_arg(args->list, int));
            format++;
        } else {
            format = take_number(format, &spec->precision);
        }
    }
    return take_length(format, &spec->size);
}

static void put_signed(struct output *out, const struct spec *spec, struct arguments *args)
{
    bool wide = spec->size == sizeof(long);
    int64_t value = wide ? va_arg(args->list, long) : narrow(va_arg(args->list, int), spec->size);
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    put_number(out, spec, magnitude, value < 0, 10, false);
}

static void put_unsigned(struct output *out, struct spec *spec, struct arguments *args, char letter)
{
    bool wide = spec->size == sizeof(long);
    uint64_t value = wide ? va_arg(args->list, unsigned long)
                          : narrow_unsigned(va_arg(args->list, unsigned), spec->size);
    spec->plus = false;
    put_number(out, spec, value, false, letter == 'u' ? 10 : 16, letter == 'X');
}

// Returns where the format goes on behind the conversion.
static const char *put_conversion(struct output *out, const char *format, struct arguments *args)
{
    struct spec spec;
    const char *letter = take_spec(format, &spec, args);
    switch (*letter) {
    case 'd':
    case 'i':
        put_signed(out, &spec, args);
        break;
    case 'u':
    case 'x':
    case 'X':
        put_unsigned(out, &spec, args, *letter);
        break;
    case 'c': {
        char c = (char)va_arg(args->list, int);
        put_field(out, &spec, "", 0, 0, &c, 1);
        break;
    }
    case 's':
        put_string(out, &spec, va_arg(args->list, const char *));
        break;
    case 'p':
        if (letter[1] == 'S') {
            put_symbol(out, (uintptr_t)va_arg(args->list, void *));
            return letter + 2;
        }
        put_pointer(out, &spec, (uintptr_t)va_arg(args->list, void *));
        break;
    case '%':
        put_run(out, "%", 1);
        break;
    default: // not ours: show it as it stands, so that the mistake can be seen
        put_run(out, format - 1, (size_t)(letter - format + 1 + (*letter != 0)));
        return letter + (*letter != 0);
    }
    return letter + 1;
}

size_t vsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    struct output out = {buffer, buffer + (size ? size - 1 : 0), 0};
    struct arguments arguments;
    va_copy(arguments.list, args);
    while (*format) {
        size_t run = 0;
        while (format[run] && format[run] != '%')
            run++;
        if (run)
            put_run(&out, format, run);
        format += run;
        if (*format)
            format = put_conversion(&out, format + 1, &arguments);
    }
    va_end(arguments.list);
    if (size)
        *out.at = 0;
    return out.length;
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
    uint64_t whole = bytes, rest = 0;
    for (; whole >= 1024 && unit < ARRAY_SIZE(units) - 1; unit++) {
        rest = whole % 1024;
        whole /= 1024;
    }
    unsigned tenths = (unsigned)(rest * 10 / 1024);
    if (tenths && whole < 100)
        snprintf(buffer, FORMAT_SIZE_MAX, "%lu.%u %s", whole, tenths, units[unit]);
    else
        snprintf(buffer, FORMAT_SIZE_MAX, "%lu %s", whole, units[unit]);
    return buffer;
}
