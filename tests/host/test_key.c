// monitor/key against the tables of ECMA-48 and xterm. Catches a key that one terminal sends
// differently, a modifier that is lost, an escape that waits for ever or is taken for a key too
// early, line ends that count twice, and noise that leaves rubbish or a decoder that is stuck.

#include "tests/host/lib.h"

#include "monitor/key.c"

static struct key_decoder decoder;
static uint64_t now;

static void feed(const char *bytes, size_t length, unsigned *keys, unsigned *count)
{
    *count = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned key = key_decode(&decoder, (uint8_t)bytes[i], now += 1000000);
        if (key != KEY_NONE)
            keys[(*count)++] = key;
    }
}

static void expect(const char *bytes, const unsigned *expected, unsigned expected_count)
{
    unsigned keys[300], count;
    feed(bytes, strlen(bytes), keys, &count);
    bool is_same = count == expected_count;
    for (unsigned i = 0; is_same && i < count; i++)
        is_same = keys[i] == expected[i];
    if (!is_same)
        fail_msg("'%s': %u keys, the first 0x%x", bytes + (*bytes == 27), count, keys[0]);
}

#define EXPECT(bytes, ...)                                       \
    do {                                                         \
        static const unsigned expected_keys[] = {__VA_ARGS__};   \
        expect(bytes, expected_keys, ARRAY_SIZE(expected_keys)); \
    } while (0)

static void expect_nothing(const char *bytes)
{
    expect(bytes, NULL, 0);
}

static int start(void **state)
{
    (void)state;
    decoder = (struct key_decoder){0};
    return 0;
}

static void every_form_of_the_named_keys(void **state)
{
    (void)state;
    EXPECT("\033[A\033OA\033[1A", KEY_UP, KEY_UP, KEY_UP);
    EXPECT("\033[B\033OB", KEY_DOWN, KEY_DOWN);
    EXPECT("\033[C\033OC", KEY_RIGHT, KEY_RIGHT);
    EXPECT("\033[D\033OD", KEY_LEFT, KEY_LEFT);
    EXPECT("\033[H\033OH\033[1~\033[7~", KEY_HOME, KEY_HOME, KEY_HOME, KEY_HOME);
    EXPECT("\033[F\033OF\033[4~\033[8~", KEY_END, KEY_END, KEY_END, KEY_END);
    EXPECT("\033[2~\033[3~", KEY_INSERT, KEY_DELETE);
    EXPECT("\033[5~\033[6~", KEY_PAGE_UP, KEY_PAGE_DOWN);
    EXPECT("\033[Z", KEY_SHIFT | KEY_TAB);
    EXPECT("\033OM\t\b\x7f", KEY_ENTER, KEY_TAB, KEY_BACKSPACE, KEY_BACKSPACE);
}

static void modifiers(void **state)
{
    (void)state;
    EXPECT("\033[1;5D\033[5D\033Od", KEY_CTRL | KEY_LEFT, KEY_CTRL | KEY_LEFT, KEY_CTRL | KEY_LEFT);
    EXPECT("\033[1;3C\033\033[C\033\033OC", KEY_ALT | KEY_RIGHT, KEY_ALT | KEY_RIGHT,
           KEY_ALT | KEY_RIGHT);
    EXPECT("\033[5;2~\033[6;2~", KEY_SHIFT | KEY_PAGE_UP, KEY_SHIFT | KEY_PAGE_DOWN);
    EXPECT("\033[3;5~\033[3^", KEY_CTRL | KEY_DELETE, KEY_CTRL | KEY_DELETE);
    EXPECT("\033[1;8A", KEY_SHIFT | KEY_ALT | KEY_CTRL | KEY_UP);
    EXPECT("\033[1;1A\033[1;99A\033[1;0A", KEY_UP, KEY_UP, KEY_UP);
    EXPECT("\033b\033\x7f\033\b\033.", KEY_ALT | 'b', KEY_ALT | KEY_BACKSPACE,
           KEY_ALT | KEY_BACKSPACE, KEY_ALT | '.');
    EXPECT("\033[Dx", KEY_LEFT, 'x'); // and nothing of it stays
}

static void a_lone_escape_is_a_key_after_a_pause(void **state)
{
    (void)state;
    expect_nothing("\033");
    assert_int_equal(key_decode_pause(&decoder, now + KEY_PAUSE_NS - 1), KEY_NONE);
    assert_int_equal(key_decode_pause(&decoder, now + KEY_PAUSE_NS), KEY_ESCAPE);
    assert_int_equal(key_decode_pause(&decoder, now + 10 * KEY_PAUSE_NS), KEY_NONE);
    EXPECT("[D", '[', 'D');
    expect_nothing("\033\033");
    assert_int_equal(key_decode_pause(&decoder, now + KEY_PAUSE_NS), KEY_ESCAPE);
    EXPECT("x", 'x');
    EXPECT("\033\r", KEY_ENTER);
}

static void what_stays_incomplete_is_given_up(void **state)
{
    (void)state;
    static const char *const begun[] = {"\033[",   "\033[1;", "\033O",   "\033[[",
                                        "\033]0;", "\xc3",    "\xe2\x82"};
    for (unsigned i = 0; i < ARRAY_SIZE(begun); i++) {
        expect_nothing(begun[i]);
        assert_int_equal(key_decode_pause(&decoder, now + KEY_PAUSE_NS), KEY_NONE);
        EXPECT("A", 'A');
        expect_nothing(begun[i]);
        EXPECT("\x03", KEY_CONTROL('C')); // at once
        expect_nothing(begun[i]);
        EXPECT("\rA", KEY_ENTER, 'A');
        expect_nothing(begun[i]);
        EXPECT("\033[A", KEY_UP);
    }
}

static void each_form_of_line_end(void **state)
{
    (void)state;
    EXPECT("\r\n\r\n", KEY_ENTER, KEY_ENTER);
    EXPECT("\n\n", KEY_ENTER, KEY_ENTER);
    EXPECT("\r\r", KEY_ENTER, KEY_ENTER);
    EXPECT("x\n\r", 'x', KEY_ENTER, KEY_ENTER);
}

static void characters(void **state)
{
    (void)state;
    EXPECT("aZ~ ", 'a', 'Z', '~', ' ');
    EXPECT("\xc3\xa4\xc3\x9f", 0xe4, 0xdf);
    EXPECT("\xe2\x82\xac", 0x20ac);
    EXPECT("\xf0\x9f\x98\x80", 0x1f600);
    EXPECT("\033\xc3\xa4", KEY_ALT | 0xe4);
}

static void malformed_utf8_vanishes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",         "\xbf\xbf",     "\xc0\xaf",         "\xc1\xbf",         "\xc2\x85",
        "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xfe",         "\xff\xff"};
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_nothing(bad[i]);
        EXPECT("a", 'a');
    }
    EXPECT("\xc3x", 'x'); // what doesn't belong to it counts
    EXPECT("\xe2\x82\xc3\xa4", 0xe4);
}

static void unknown_sequences_vanish(void **state)
{
    (void)state;
    expect_nothing(
        "\033OP\033[15~\033[?6c\033[200~\033[<0;1;1M\033[1;2;3;4;5m\033[ q\033[99999999~");
    expect_nothing("\033[[A\033[[E\033[M");
    EXPECT("\033]0;title\007x", 7, 'x');
}

static void sequences_are_bounded(void **state)
{
    (void)state;
    unsigned keys[300], count;
    static char endless[200];
    for (unsigned i = 0; i < sizeof(endless); i++)
        endless[i] = i == 0 ? 27 : i == 1 ? '[' : '1';
    feed(endless, sizeof(endless), keys, &count);
    assert_in_range(count, 100, 199); // taken as text from some place on
    EXPECT("\033[A", KEY_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_form_of_the_named_keys, start),
        cmocka_unit_test_setup(modifiers, start),
        cmocka_unit_test_setup(a_lone_escape_is_a_key_after_a_pause, start),
        cmocka_unit_test_setup(what_stays_incomplete_is_given_up, start),
        cmocka_unit_test_setup(each_form_of_line_end, start),
        cmocka_unit_test_setup(characters, start),
        cmocka_unit_test_setup(malformed_utf8_vanishes, start),
        cmocka_unit_test_setup(unknown_sequences_vanish, start),
        cmocka_unit_test_setup(sequences_are_bounded, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
