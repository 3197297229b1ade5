// lib/format against the C library's own printf, over random conversions and sizes of buffer.
// Catches wrong padding, signs and prefixes in any mix of flags, lengths that aren't narrowed, a
// return value that isn't the whole text's length, a byte written past the buffer (each ends where
// its allocation does), a format read past its end, and widths that run for ever.

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

static int (*const libc_snprintf)(char *, size_t, const char *, ...) = snprintf;

#include "tests/host/host.h"

#include "lib/string.c"

#include "lib/format.c"

#include "lib/bits.h"

enum { ROUNDS = 300000, TEXT_MAX = 512 };

static char reference[TEXT_MAX];

// Ours into a buffer of exactly `size` bytes, against what the C library has left in `reference`.
#define CHECK_SIZE(size, ...)                                                             \
    do {                                                                                  \
        size_t size_ = (size);                                                            \
        char *ours_ = malloc(size_ ? size_ : 1);                                          \
        size_t whole_ = (size_t)libc_snprintf(reference, sizeof(reference), __VA_ARGS__); \
        assert_int_equal(snprintf(size_ ? ours_ : NULL, size_, __VA_ARGS__), whole_);     \
        if (size_ && whole_ >= size_)                                                     \
            reference[size_ - 1] = 0;                                                     \
        if (size_)                                                                        \
            assert_string_equal(ours_, reference);                                        \
        free(ours_);                                                                      \
    } while (0)

#define CHECK(...) CHECK_SIZE(TEXT_MAX, __VA_ARGS__)

struct conversion {
    char format[48];
    int stars, star[2]; // `*` in width or precision, and what goes with them
    char letter;
    bool wide; // the argument is a long
};

// The library under test must not build its own tests.
static void add(struct conversion *c, const char *text)
{
    char *end = c->format + strlen(c->format);
    while ((*end++ = *text++))
        ;
}

static void add_number(struct conversion *c, int number)
{
    if (random_below(3) == 0) {
        c->star[c->stars++] = number;
        add(c, "*");
    } else {
        char digits[12];
        libc_snprintf(digits, sizeof(digits), "%d", number);
        add(c, digits);
    }
}

static void random_conversion(struct conversion *c)
{
    static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z", "t", "j"};
    static const char letters[] = "diuxXcs";
    c->format[0] = 0;
    c->stars = 0;
    c->letter = letters[random_below(sizeof(letters) - 1)];
    bool hex = c->letter == 'x' || c->letter == 'X', text = c->letter == 'c' || c->letter == 's';
    add(c, "[%");
    // What the standard leaves undefined is left out: 0 and # with text, # with decimals.
    for (unsigned i = random_below(4); i--;)
        add(c, (const char *[]){"-", "+", text ? "-" : "0", hex ? "#" : "-"}[random_below(4)]);
    if (random_below(2))
        add_number(c, 1 + (int)random_below(30));
    if (c->letter != 'c' && random_below(2)) {
        add(c, ".");
        if (random_below(8))
            add_number(c, (int)random_below(30));
    }
    if (c->stars && random_below(4) == 0)
        c->star[random_below((uint64_t)c->stars)] = -(int)random_below(20);
    unsigned length = text ? 2 : (unsigned)random_below(ARRAY_SIZE(lengths));
    c->wide = length > 2;
    add(c, lengths[length]);
    add(c, (const char[]){c->letter, ']', 0});
}

static long random_value(void)
{
    static const long edges[] = {0,   1,   -1,        9,         10,        127,
                                 128, 255, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    switch (random_below(3)) {
    case 0:
        return edges[random_below(ARRAY_SIZE(edges))];
    case 1:
        return (long)(random_u64() >> random_below(64));
    default:
        return (long)random_u64();
    }
}

#define CHECK_STARS(c, size, value)                                           \
    do {                                                                      \
        if ((c)->stars == 0)                                                  \
            CHECK_SIZE(size, (c)->format, value);                             \
        else if ((c)->stars == 1)                                             \
            CHECK_SIZE(size, (c)->format, (c)->star[0], value);               \
        else                                                                  \
            CHECK_SIZE(size, (c)->format, (c)->star[0], (c)->star[1], value); \
    } while (0)

static void conversions_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "keelson", "a rather long piece of text"};
    random_seed(10);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct conversion c;
        random_conversion(&c);
        size_t size = random_below(3) ? TEXT_MAX : random_below(40);
        long value = random_value();
        int narrow_value = c.letter == 'c' ? 'a' + (int)random_below(26) : (int)value;
        if (c.letter == 's')
            CHECK_STARS(&c, size, texts[round % ARRAY_SIZE(texts)]);
        else if (c.wide)
            CHECK_STARS(&c, size, value);
        else
            CHECK_STARS(&c, size, narrow_value);
    }
}

static void several_conversions_take_their_own_arguments(void **state)
{
    (void)state;
    CHECK("plain");
    CHECK("%s", "");
    CHECK("100%% of %d", 7);
    CHECK("%d %u %x %s %c|%5d|%-5d|%05d", -1, 2u, 3u, "four", '5', 6, 7, 8);
    CHECK("%hhd %hd %d %ld %lld %zd %td %jd", (signed char)-1, (short)-2, -3, -4l, -5ll,
          (ssize_t)-6, (ptrdiff_t)-7, (intmax_t)-8);
    CHECK("%*d %.*s %-*d!", 6, 42, 3, "abcdef", 4, 7);
    CHECK("%lx %x", 0x123456789abcdef0ul, 0x9abcdef0u);
    CHECK("%lu", UINT64_MAX);
    CHECK("%ld %ld", (long)INT64_MIN, (long)INT64_MAX);
    CHECK("%.0d|%.0x|%#.0x|%+.0d", 0, 0u, 0u, 0);
    CHECK("%#x %#X %#x %#010x %#-10x|", 0u, 0xabcu, 1u, 0xbeefu, 0xbeefu);
    CHECK("%+d %+d %+05d %-+5d|", 0, -1, 12, 12);
    CHECK("%d %d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8, 9); // beyond the registers
}

static void text_is_cut_at_every_size(void **state)
{
    (void)state;
    for (size_t size = 0; size < 32; size++) {
        CHECK_SIZE(size, "%s", "0123456789abcdef");
        CHECK_SIZE(size, "ab%dcd%5xef", -123, 0xfeedu);
        CHECK_SIZE(size, "%020d", -5);
        CHECK_SIZE(size, "%-20s|", "left");
    }
}

// A precision bounds what is read: the text has no end of its own.
static void precision_bounds_an_open_text(void **state)
{
    (void)state;
    char *open = malloc(4), text[16];
    open[0] = 'S', open[1] = 'S', open[2] = 'D', open[3] = 'T';
    assert_int_equal(snprintf(text, sizeof(text), "%.4s", open), 4);
    assert_string_equal(text, "SSDT");
    assert_int_equal(snprintf(text, sizeof(text), "%.*s", 2, open), 2);
    assert_string_equal(text, "SS");
    free(open);
}

static void missing_text_is_named(void **state)
{
    (void)state;
    char text[16];
    const char *volatile missing = NULL;
    assert_int_equal(snprintf(text, sizeof(text), "%s", missing), 6);
    assert_string_equal(text, "(null)");
}

// Bounded work, whatever a wild `*` says; the buffer's end holds.
static void huge_widths_end(void **state)
{
    (void)state;
    static const int wild[] = {INT32_MAX, INT32_MIN, INT32_MIN + 1, 1000000000, -1000000000};
    char *text = malloc(8);
    for (unsigned round = 0; round < 1000; round++) {
        int width = wild[round % ARRAY_SIZE(wild)];
        assert_true(snprintf(text, 8, "%*d", width, 1) >= 8);
        assert_int_equal(text[7], 0);
        (void)snprintf(text, 8, "%.*d", width, 1);
        (void)snprintf(text, 8, "%0*x", width, 1u);
        (void)snprintf(text, 8, "%*s", width, "a");
        assert_int_equal(snprintf(text, 8, "%.*s", width, "abc"), 3);
    }
    const char *volatile huge = "%99999999999999999999d|%.99999999999999999999d";
    assert_true(snprintf(text, 8, huge, 1, 1) >= 8);
    free(text);
}

static void strange_formats_end_at_their_nul(void **state)
{
    (void)state;
    static const char *const formats[] = {"%",   "a%", "%-",  "%0", "%5", "%.",
                                          "%.3", "%l", "%hh", "%#", "% ", "%ll"};
    char text[64];
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        size_t size = strlen(formats[i]) + 1;
        char *format = malloc(size);
        memcpy(format, formats[i], size);
        size_t length = snprintf(text, sizeof(text), format, 1l);
        assert_true(length < sizeof(text));
        assert_int_equal(strlen(text), length);
        free(format);
    }
}

static void there_is_no_writing_conversion(void **state)
{
    (void)state;
    const char *volatile format = "abc%n%hhn%ln";
    long written[3] = {-1, -1, -1};
    char text[64];
    (void)snprintf(text, sizeof(text), format, &written[0], &written[1], &written[2]);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(written[i], -1);
}

static void pointers_show_their_value(void **state)
{
    (void)state;
    static const uintptr_t values[] = {0, 1, 0xdeadbeef, 0xffff800000000000, UINTPTR_MAX};
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        char text[32], *end;
        size_t length = snprintf(text, sizeof(text), "%p", (void *)values[i]);
        assert_int_equal(length, strlen(text));
        assert_true(strtoull(text, &end, 16) == values[i]);
        assert_int_equal(*end, 0);
    }
}

static const char *resolve(uintptr_t address, size_t *offset)
{
    if (address < 0x1000 || address >= 0x2000)
        return NULL;
    *offset = address - 0x1000;
    return "kmain";
}

static void symbols_are_resolved(void **state)
{
    (void)state;
    const char *volatile format = "<%pS>";
    char text[64], *end;
    format_set_resolver(NULL);
    (void)snprintf(text, sizeof(text), format, (void *)0x1010);
    assert_true(strtoull(text + 1, &end, 16) == 0x1010 && *end == '>');

    format_set_resolver(resolve);
    assert_int_equal(snprintf(text, sizeof(text), format, (void *)0x1010), 12);
    assert_string_equal(text, "<kmain+0x10>");
    (void)snprintf(text, sizeof(text), format, (void *)0x1000);
    assert_string_equal(text, "<kmain+0x0>");
    (void)snprintf(text, sizeof(text), format, (void *)0x2000);
    assert_true(strtoull(text + 1, &end, 16) == 0x2000 && *end == '>');
    assert_int_equal(snprintf(text, 6, format, (void *)0x1010), 12);
    assert_string_equal(text, "<kmai");
    format_set_resolver(NULL);
}

static void sizes_for_people(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } known[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {640ull << 10, "640 KiB"},
        {1536ull << 20, "1.5 GiB"},
        {512ull << 20, "512 MiB"},
        {1ull << 40, "1 TiB"},
        {1ull << 60, "1 EiB"},
    };
    char *text = malloc(FORMAT_SIZE_MAX);
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        assert_ptr_equal(format_size(text, known[i].bytes), text);
        assert_string_equal(text, known[i].text);
    }
    free(text);
}

// Read back, a size is off by less than one unit of the last digit that is shown.
static void sizes_for_people_are_close(void **state)
{
    (void)state;
    static const char units[] = "BKMGTPE";
    random_seed(11);
    for (unsigned round = 0; round < ROUNDS / 3; round++) {
        uint64_t bytes = round ? random_u64() >> random_below(64) : UINT64_MAX;
        char *text = malloc(FORMAT_SIZE_MAX), *end;
        double shown = strtod(format_size(text, bytes), &end);
        const char *unit = strchr(units, end[1]);
        assert_int_equal(*end, ' ');
        assert_non_null(unit);
        assert_string_equal(end + 2, unit == units ? "" : "iB");
        double scale = 1;
        for (const char *u = units; u != unit; u++)
            scale *= 1024;
        double digit = strchr(text, '.') ? scale / 10 : scale;
        double error = (double)bytes - shown * scale;
        assert_true(error < digit * 1.001 && error > -digit * 1.001);
        assert_true(shown < 1024 && (shown >= 1 || !bytes));
        free(text);
    }
}

static void bits_and_fields(void **state)
{
    (void)state;
    assert_true(BIT(0) == 1 && BIT(63) == 0x8000000000000000);
    assert_true(BITS(7, 0) == 0xff && BITS(63, 0) == UINT64_MAX && BITS(63, 63) == BIT(63));
    assert_true(BITS(51, 12) == 0x000ffffffffff000 && BITS(5, 5) == 0x20);
    assert_true(field_get(BITS(15, 8), 0x123456) == 0x34);
    assert_true(field_get(BITS(63, 60), 0xa000000000000000) == 0xa);
    assert_true(align_down(0x1fff, 0x1000) == 0x1000 && align_down(0x1000, 0x1000) == 0x1000);
    assert_true(align_up(0x1001, 0x1000) == 0x2000 && align_up(0x1000, 0x1000) == 0x1000);
    assert_true(align_up(0, 8) == 0 && align_up(UINT64_MAX, 0x1000) == 0);
    assert_true(is_aligned(0, 8) && is_aligned(16, 8) && !is_aligned(12, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions_agree_with_the_c_library),
        cmocka_unit_test(several_conversions_take_their_own_arguments),
        cmocka_unit_test(text_is_cut_at_every_size),
        cmocka_unit_test(precision_bounds_an_open_text),
        cmocka_unit_test(missing_text_is_named),
        cmocka_unit_test(huge_widths_end),
        cmocka_unit_test(strange_formats_end_at_their_nul),
        cmocka_unit_test(there_is_no_writing_conversion),
        cmocka_unit_test(pointers_show_their_value),
        cmocka_unit_test(symbols_are_resolved),
        cmocka_unit_test(sizes_for_people),
        cmocka_unit_test(sizes_for_people_are_close),
        cmocka_unit_test(bits_and_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
