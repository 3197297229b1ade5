// lib/parse and the names of status values. Catches numbers that wrap instead of being refused or
// that are believed up to the first strange character, suffixes that overflow, words that come back
// from GRUB's quoting changed, an escape or a quote that reads past the line's end (each line ends
// where its allocation does), and a `;` inside quotes that cuts a command in two.

#include "tests/host/lib.h"

enum { UNTOUCHED = 0x5a5a };

static void expect_number(const char *text, uint64_t expected)
{
    uint64_t value = UNTOUCHED;
    if (!parse_u64(text, &value) || value != expected)
        fail_msg("'%s' gives %lu", text, value);
}

static void expect_no_number(const char *text)
{
    uint64_t value = UNTOUCHED;
    if (parse_u64(text, &value) || value != UNTOUCHED)
        fail_msg("'%s' gives %lu", text, value);
}

static void numbers_in_three_bases(void **state)
{
    (void)state;
    expect_number("0", 0);
    expect_number("42", 42);
    expect_number("007", 7); // not octal
    expect_number("08", 8);
    expect_number("0x2a", 42);
    expect_number("0xDeadBeef", 0xdeadbeef);
    expect_number("0b101010", 42);
    expect_number("0b0", 0);
    expect_number("0xb", 11);
    expect_number("0x0b1", 0xb1);
    expect_number("18446744073709551615", UINT64_MAX);
    expect_number("0xffffffffffffffff", UINT64_MAX);
    expect_number("0x0000000000000000000001", 1);
    expect_number("0b1111111111111111111111111111111111111111111111111111111111111111", UINT64_MAX);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    " ",   "x",    "0x",  "0b",   "0xg", "0b2",  "0b102", "12a",   "a12",  "12 ",
        " 12", "+1",  "-1",   "1.5", "0x1g", "1k",  "0x-1", "1e3",   "1_000", "0x 1", "\xb2",
        "1\n", "0o7", "0xx1", "/",   ":",    "0x`", "0x@",  "0x/",   "0x:",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        expect_no_number(bad[i]);
}

static void more_than_64_bits_is_refused(void **state)
{
    (void)state;
    expect_no_number("18446744073709551616"); // 2^64
    expect_no_number("18446744073709551620"); // wraps in the addition
    expect_no_number("36893488147419103232"); // 2^65: wraps in the multiplication
    expect_no_number("99999999999999999999999999999999999999");
    expect_no_number("0x10000000000000000");
    expect_no_number("0b10000000000000000000000000000000000000000000000000000000000000000");
}

static void numbers_read_back(void **state)
{
    (void)state;
    char text[80];
    random_seed(20);
    for (unsigned round = 0; round < 100000; round++) {
        uint64_t number = random_u64() >> random_below(64);
        (void)snprintf(text, sizeof(text), "%lu", number);
        expect_number(text, number);
        (void)snprintf(text, sizeof(text), "0x%lx", number);
        expect_number(text, number);
    }
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"4096", 4096},
        {"1k", 1024},
        {"1K", 1024},
        {"512M", 512ull << 20},
        {"512m", 512ull << 20},
        {"3g", 3ull << 30},
        {"3G", 3ull << 30},
        {"2T", 2ull << 40},
        {"2t", 2ull << 40},
        {"0x10M", 16ull << 20},
        {"16777215T", 16777215ull << 40},
        {"18014398509481983K", 18014398509481983ull << 10},
    };
    static const char *const bad[] = {
        "",
        "K",
        "M",
        "1KB",
        "1KiB",
        "1 K",
        "1P",
        "1B",
        "-1M",
        "1.5G",
        "0xG",
        "1Mx",
        "k1",
        "1\x4b\x4b",
        "16777216T",
        "18014398509481984K",
        "17592186044416M",
        "17179869184G",
        "99999999999999999999",
        "1\xcb",
        "1@",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        uint64_t bytes = UNTOUCHED;
        if (!parse_size(good[i].text, &bytes) || bytes != good[i].bytes)
            fail_msg("'%s' gives %lu", good[i].text, bytes);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        uint64_t bytes = UNTOUCHED;
        if (parse_size(bad[i], &bytes) || bytes != UNTOUCHED)
            fail_msg("'%s' gives %lu", bad[i], bytes);
    }
}

static char *exact(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(malloc(size), text, size);
}

// `expected` ends with NULL.
static void expect_words(const char *text, const char *const *expected)
{
    char *line = exact(text), *words[8];
    int count = parse_words(line, words, 8), i = 0;
    for (; i < count && expected[i]; i++)
        if (!string_equal(words[i], expected[i]))
            fail_msg("[%s]: word %d is [%s], not [%s]", text, i, words[i], expected[i]);
    if (count != i || expected[i])
        fail_msg("[%s]: %d words", text, count);
    free(line);
}

#define EXPECT_WORDS(text, ...) expect_words(text, (const char *const[]){__VA_ARGS__, NULL})

static void seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"0", 0},
        {"2", 2000000000},
        {"0.25", 250000000},
        {"1.000000001", 1000000001},
        {"0.123456789", 123456789},
        {"18446744073.709551615", UINT64_MAX},
    };
    static const char *const bad[] = {"",
                                      ".",
                                      ".5",
                                      "1.",
                                      "-1",
                                      "1.5s",
                                      "1..5",
                                      "1.5.5",
                                      "1.0000000001",
                                      "1e3",
                                      " 1",
                                      "18446744073.709551616",
                                      "18446744074",
                                      "99999999999999999999"};
    uint64_t ns;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(parse_seconds(good[i].text, &ns) && ns == good[i].ns);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ns = 42;
        assert_false(parse_seconds(bad[i], &ns));
        assert_int_equal(ns, 42);
    }
}

static void words_are_split_at_blanks(void **state)
{
    (void)state;
    expect_words("", (const char *const[]){NULL});
    expect_words(" \t\r\n ", (const char *const[]){NULL});
    EXPECT_WORDS("one", "one");
    EXPECT_WORDS("  one\ttwo  three ", "one", "two", "three");
    EXPECT_WORDS("a b c d e f g h", "a", "b", "c", "d", "e", "f", "g", "h");
    EXPECT_WORDS("a b c d e f g h  ", "a", "b", "c", "d", "e", "f", "g", "h");
}

static void quotes_keep_blanks(void **state)
{
    (void)state;
    EXPECT_WORDS("run=\"a; b\" x", "run=a; b", "x"); // as a person types it
    EXPECT_WORDS("\"run=a; b\" x", "run=a; b", "x"); // as GRUB passes it on
    EXPECT_WORDS("'run=a; b'", "run=a; b");
    EXPECT_WORDS("a\"b c\"d'e f'g", "ab cde fg");
    EXPECT_WORDS("\"\" a ''", "", "a", "");
    EXPECT_WORDS("a\"\"b", "ab");
    EXPECT_WORDS("\"it's\" 'say \"hi\"'", "it's", "say \"hi\"");
    EXPECT_WORDS("\" a \"", " a ");
}

static void backslashes_make_characters_ordinary(void **state)
{
    (void)state;
    EXPECT_WORDS("a\\ b", "a b");
    EXPECT_WORDS("a\\\\b", "a\\b"); // GRUB doubles them
    EXPECT_WORDS("\\\"a\\\"", "\"a\"");
    EXPECT_WORDS("\"a\\\"b\"", "a\"b");
    EXPECT_WORDS("\"a\\\\\"", "a\\");
    EXPECT_WORDS("\\'a", "'a");
    EXPECT_WORDS("'a\\b'", "a\\b"); // except inside single quotes
    EXPECT_WORDS("'a\\' b", "a\\", "b");
    EXPECT_WORDS("a\\", "a\\"); // nothing stands behind it
    EXPECT_WORDS("a \\", "a", "\\");
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const char *const open[] = {"\"", "'", "a \"b", "a 'b\"", "\"a\\\"", "a b\"", "\"\\"};
    char *words[8];
    for (unsigned i = 0; i < ARRAY_SIZE(open); i++) {
        char *line = exact(open[i]);
        int count = parse_words(line, words, 8);
        if (count != PARSE_OPEN_QUOTE)
            fail_msg("[%s] gives %d", open[i], count);
        free(line);
    }
    char *line = exact("a b c d e f g h i");
    assert_int_equal(parse_words(line, words, 8), PARSE_TOO_MANY);
    free(line);
    line = exact("a b");
    words[1] = NULL;
    assert_int_equal(parse_words(line, words, 1), PARSE_TOO_MANY);
    assert_null(words[1]);
    free(line);
}

// What GRUB does with one argument of `multiboot2` before it joins them with blanks.
static char *grub_quote(char *to, const char *from)
{
    bool blank = strchr(from, ' ') != NULL;
    if (blank)
        *to++ = '"';
    for (; *from; from++) {
        if (*from == '\\' || *from == '\'' || *from == '"')
            *to++ = '\\';
        *to++ = *from;
    }
    if (blank)
        *to++ = '"';
    return to;
}

static void what_grub_has_quoted_comes_back(void **state)
{
    (void)state;
    static const char alphabet[] = "ab=;\\\\''\"\"   ";
    enum { WORDS = 6, LENGTH = 8 };
    random_seed(21);
    for (unsigned round = 0; round < 100000; round++) {
        char original[WORDS][LENGTH + 1], text[WORDS * (2 * LENGTH + 3) + 1], *at = text;
        int count = (int)random_below(WORDS + 1);
        for (int i = 0; i < count; i++) {
            size_t length = 1 + random_below(LENGTH);
            for (size_t k = 0; k < length; k++)
                original[i][k] = alphabet[random_below(sizeof(alphabet) - 1)];
            original[i][length] = 0;
            at = grub_quote(at, original[i]);
            *at++ = ' ';
        }
        *at = 0;
        const char *expected[WORDS + 1] = {NULL};
        for (int i = 0; i < count; i++)
            expected[i] = original[i];
        expect_words(text, expected);
    }
}

static void expect_parts(const char *text, const char *const *expected)
{
    char *line = exact(text), *rest = line, *part;
    for (; *expected; expected++) {
        part = parse_next_part(&rest);
        if (!part || !string_equal(part, *expected))
            fail_msg("[%s]: [%s], not [%s]", text, part ? part : "nothing", *expected);
    }
    while ((part = parse_next_part(&rest)))
        if (part[0]) // an empty part behind a last `;` does nothing
            fail_msg("[%s]: [%s] is left", text, part);
    assert_null(parse_next_part(&rest));
    free(line);
}

#define EXPECT_PARTS(text, ...) expect_parts(text, (const char *const[]){__VA_ARGS__, NULL})

static void parts_end_at_semicolons(void **state)
{
    (void)state;
    EXPECT_PARTS("a", "a");
    EXPECT_PARTS("a;b", "a", "b");
    EXPECT_PARTS("help boot; boot", "help boot", " boot");
    EXPECT_PARTS("a;;b", "a", "", "b");
    EXPECT_PARTS(";a", "", "a");
    EXPECT_PARTS("a;", "a");
}

static void quoted_semicolons_are_text(void **state)
{
    (void)state;
    EXPECT_PARTS("echo \"a; b\"; c", "echo \"a; b\"", " c");
    EXPECT_PARTS("echo 'a; b'; c", "echo 'a; b'", " c");
    EXPECT_PARTS("a\\;b;c", "a\\;b", "c"); // the escape is for parse_words() to take away
    EXPECT_PARTS("\"it's\";b", "\"it's\"", "b");
    EXPECT_PARTS("\"a\\\";b\";c", "\"a\\\";b\"", "c");
    EXPECT_PARTS("'a\\';b", "'a\\'", "b");
    EXPECT_PARTS("\"open; b", "\"open; b");
    EXPECT_PARTS("a\\", "a\\");
}

// Any bytes: no more than memory errors and termination can be expected.
static void random_lines_end(void **state)
{
    (void)state;
    static const char alphabet[] = "a \\'\";\t=\xff";
    random_seed(22);
    for (unsigned round = 0; round < 200000; round++) {
        size_t length = random_below(24);
        char *line = malloc(length + 1), *copy = malloc(length + 1), *words[4], *rest = copy;
        for (size_t i = 0; i < length; i++)
            line[i] = copy[i] = alphabet[random_below(sizeof(alphabet) - 1)];
        line[length] = copy[length] = 0;
        int count = parse_words(line, words, 4);
        assert_true(count >= PARSE_OPEN_QUOTE && count <= 4);
        for (int i = 0; i < count; i++) {
            assert_in_range((uintptr_t)words[i], (uintptr_t)line, (uintptr_t)line + length);
            assert_true(words[i] + strlen(words[i]) <= line + length);
        }
        size_t parts = 0, total = 0;
        for (char *part; (part = parse_next_part(&rest)); parts++)
            total += strlen(part) + 1;
        assert_int_equal(total, length + (rest == NULL)); // every character is in one part
        assert_in_range(parts, 1, length + 1);
        free(line);
        free(copy);
    }
}

static void every_status_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(status_name(OK), "OK");
    assert_string_equal(status_name(BAD_ARGUMENT), "BAD_ARGUMENT");
    assert_string_equal(status_name(NOT_FOUND), "NOT_FOUND");
    assert_string_equal(status_name(FAILED), "FAILED");
    assert_string_equal(status_name((enum status)1), "status?");
    assert_string_equal(status_name((enum status) - 1000), "status?");
    assert_int_equal(OK, 0);
    for (int value = -1; !string_equal(status_name((enum status)value), "status?"); value--)
        for (int other = value + 1; other <= 0; other++)
            assert_string_not_equal(status_name((enum status)value),
                                    status_name((enum status)other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_three_bases),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(more_than_64_bits_is_refused),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(sizes),
        cmocka_unit_test(seconds),
        cmocka_unit_test(words_are_split_at_blanks),
        cmocka_unit_test(quotes_keep_blanks),
        cmocka_unit_test(backslashes_make_characters_ordinary),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(what_grub_has_quoted_comes_back),
        cmocka_unit_test(parts_end_at_semicolons),
        cmocka_unit_test(quoted_semicolons_are_text),
        cmocka_unit_test(random_lines_end),
        cmocka_unit_test(every_status_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
