// What keys send: layouts, control codes, and xterm's sequences. Catches a wrong character on any
// key of either layout, by plain, Shift, AltGr or Caps Lock, a control code by the place of a
// letter instead of the letter, and a sequence with a wrong number.

#include "tests/host/keyboard_machine.h"

// --- Layouts ----------------------------------------------------------------------------------

// The keys in the order in which they stand on the keyboard, row by row from the top.
static const uint8_t places[] = {
    0x35, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e, // ` 1 ... =
    0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30,       // Q ... ]
    0x04, 0x16, 0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34, 0x31,       // A ... backslash
    0x64, 0x1d, 0x1b, 0x06, 0x19, 0x05, 0x11, 0x10, 0x36, 0x37, 0x38,             // <, Z ... /
};

// What is printed on them; a blank where nothing is.
static const char *const us_rows[] = {
    "`1234567890-=qwertyuiop[]asdfghjkl;'\\<zxcvbnm,./",
    "~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"|>ZXCVBNM<>?",
    "`1234567890-=QWERTYUIOP[]ASDFGHJKL;'\\<ZXCVBNM,./", // Caps Lock
    "~!@#$%^&*()_+qwertyuiop{}asdfghjkl:\"|>zxcvbnm<>?", // Caps Lock and Shift
};
static const char *const de_rows[] = {
    "^1234567890ß´qwertzuiopü+asdfghjklöä#<yxcvbnm,.-",
    "°!\"§$%&/()=?`QWERTZUIOPÜ*ASDFGHJKLÖÄ'>YXCVBNM;:_",
    "^1234567890ß´QWERTZUIOPÜ+ASDFGHJKLÖÄ#<YXCVBNM,.-",
    "°!\"§$%&/()=?`qwertzuiopü*asdfghjklöä'>yxcvbnm;:_",
};
static const char de_altgr[] = "  ²³   {[]}\\ @ €        ~            |      µ   ";

// The next character of a row, a string of its own.
static const char *next_character(const char **row)
{
    static char text[4];
    unsigned length = 0;
    do
        text[length++] = *(*row)++;
    while ((**row & 0xc0) == 0x80);
    text[length] = 0;
    return text[0] == ' ' ? "" : text;
}

static void check_row(unsigned held, const char *row)
{
    for (unsigned i = 0; i < sizeof(places); i++)
        expect_sent(held, 0, places[i], next_character(&row));
    assert_string_equal(row, "");
}

static void check_layout(const char *const rows[4])
{
    check_row(0, rows[0]);
    check_row(LSHIFT, rows[1]);
    check_row(RSHIFT, rows[1]);
    tap(CAPS);
    check_row(0, rows[2]);
    check_row(LSHIFT, rows[3]);
    tap(CAPS);
    check_row(0, rows[0]);
}

static void every_character_of_us(void **state)
{
    (void)state;
    start(NULL); // the default
    check_layout(us_rows);
    start("us");
    check_layout(us_rows);
    expect_sent(0, 0, 0x32, "\\");
    expect_sent(LSHIFT, 0, 0x32, "|");
}

static void every_character_of_de(void **state)
{
    (void)state;
    start("de");
    check_layout(de_rows);
    check_row(RALT, de_altgr);
    expect_sent(0, 0, 0x32, "#"); // the same key as 0x31, by its other usage
    expect_sent(LSHIFT, 0, 0x32, "'");
}

// --- Modifiers --------------------------------------------------------------------------------

static void keys_of_the_same_character_everywhere(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start(i ? "de" : "us");
        expect_sent(0, 0, 0x28, "\r");
        expect_sent(0, 0, 0x29, "\033");
        expect_sent(0, 0, 0x2a, "\x7f");
        expect_sent(0, 0, 0x2b, "\t");
        expect_sent(0, 0, 0x2c, " ");
        expect_sent(LSHIFT, 0, 0x2b, "\033[Z");
        expect_sent(RSHIFT, 0, 0x28, "\r");
        expect_sent(LALT, 0, 0x2a, "\033\x7f");
    }
}

static void control_codes(void **state)
{
    (void)state;
    start("us");
    for (unsigned letter = 0; letter < 26; letter++) {
        char expected[] = {(char)(letter + 1), 0};
        expect_sent(LCTRL, 0, 4 + letter, expected);
        expect_sent(RCTRL, LSHIFT, 4 + letter, expected);
    }
    expect_sent(LCTRL, 0, 0x2f, "\x1b");
    expect_sent(LCTRL, 0, 0x31, "\x1c");
    expect_sent(LCTRL, 0, 0x30, "\x1d");
    expect_sent(LCTRL, LSHIFT, 0x2d, "\x1f");
    expect_sent(LCTRL, 0, 0x1e, "1"); // no code stands for it
    tap(CAPS);
    expect_sent(LCTRL, 0, 0x06, "\x03");
    start("de"); // where the letters are, not where they are on a US keyboard
    expect_sent(LCTRL, 0, 0x1c, "\x1a");
    expect_sent(LCTRL, RALT, 0x25, "\x1b");
    expect_sent(LCTRL, RALT, 0x2d, "\x1c");
    expect_sent(LCTRL, RALT, 0x26, "\x1d");
    expect_sent(LCTRL, 0, 0x33, "ö");
}

static void control_and_space_is_nul(void **state)
{
    (void)state;
    start("us");
    keyboard_key(LCTRL, true);
    tap(0x2c);
    keyboard_key(LCTRL, false);
    assert_int_equal(read_byte(), 0);
    assert_int_equal(read_byte(), -1);
}

static void alt_is_an_escape_before(void **state)
{
    (void)state;
    start("us");
    expect_sent(LALT, 0, 0x1b, "\033x");
    expect_sent(RALT, 0, 0x1b, "\033x");
    expect_sent(RALT, LSHIFT, 0x1b, "\033X");
    expect_sent(LALT, LCTRL, 0x06, "\033\x03");
    start("de"); // where the right one is AltGr
    expect_sent(LALT, 0, 0x1b, "\033x");
    expect_sent(LALT, 0, 0x33, "\033ö");
    expect_sent(RALT, 0, 0x1b, "");
    expect_sent(RALT, LALT, 0x14, "\033@");
    expect_sent(RALT, 0, 0x52, "\033[A"); // keys without characters know no AltGr
}

// --- Sequences --------------------------------------------------------------------------------

// xterm's, with %c where the modifiers go.
static const struct {
    uint8_t usage;
    const char *plain, *modified;
} sequence_keys[] = {
    {0x52, "\033[A", "\033[1;%cA"},    {0x51, "\033[B", "\033[1;%cB"},
    {0x4f, "\033[C", "\033[1;%cC"},    {0x50, "\033[D", "\033[1;%cD"},
    {0x4a, "\033[H", "\033[1;%cH"},    {0x4d, "\033[F", "\033[1;%cF"},
    {0x49, "\033[2~", "\033[2;%c~"},   {0x4c, "\033[3~", "\033[3;%c~"},
    {0x4b, "\033[5~", "\033[5;%c~"},   {0x4e, "\033[6~", "\033[6;%c~"},
    {0x3a, "\033OP", "\033[1;%cP"},    {0x3b, "\033OQ", "\033[1;%cQ"},
    {0x3c, "\033OR", "\033[1;%cR"},    {0x3d, "\033OS", "\033[1;%cS"},
    {0x3e, "\033[15~", "\033[15;%c~"}, {0x3f, "\033[17~", "\033[17;%c~"},
    {0x40, "\033[18~", "\033[18;%c~"}, {0x41, "\033[19~", "\033[19;%c~"},
    {0x42, "\033[20~", "\033[20;%c~"}, {0x43, "\033[21~", "\033[21;%c~"},
    {0x44, "\033[23~", "\033[23;%c~"}, {0x45, "\033[24~", "\033[24;%c~"},
};

static void check_modified(unsigned held, unsigned held_too, char number)
{
    for (unsigned i = 0; i < ARRAY_SIZE(sequence_keys); i++) {
        char expected[16];
        if (sequence_keys[i].usage == 0x4c && (held_too == LALT || held_too == RALT))
            continue; // may be Ctrl-Alt-Del
        (void)snprintf(expected, sizeof(expected), sequence_keys[i].modified, number);
        expect_sent(held, held_too, sequence_keys[i].usage, expected);
    }
}

static void sequences_of_xterm(void **state)
{
    (void)state;
    start("us");
    for (unsigned i = 0; i < ARRAY_SIZE(sequence_keys); i++)
        expect_sent(0, 0, sequence_keys[i].usage, sequence_keys[i].plain);
    check_modified(LSHIFT, 0, '2');
    check_modified(RALT, 0, '3');
    check_modified(LSHIFT, LALT, '4');
    check_modified(RCTRL, 0, '5');
    check_modified(LCTRL, RSHIFT, '6');
    check_modified(LCTRL, LALT, '7');
    tap(CAPS);
    tap(NUM);
    expect_sent(0, 0, 0x52, "\033[A"); // locks are no modifiers
    expect_sent(LCTRL, LSHIFT, 0x4b, "\033[5;6~");
}

// Keys that send nothing, and usages that are no keys: 0x00 to 0x03, and above.
static void keys_that_send_nothing(void **state)
{
    (void)state;
    start("us");
    for (unsigned usage = 0; usage < 256; usage++)
        if (usage < 4 || usage == 0x46 || usage == 0x48 || usage == 0x65 ||
            (usage > 0x65 && usage != LALT))
            expect_sent(0, 0, usage, "");
}

static void the_keypad(void **state)
{
    (void)state;
    static const char *const digits = "1234567890.", *const operations = "/*-+\r";
    static const char *const directions[] = {"\033[F",  "\033[B",  "\033[6~", "\033[D",
                                             "",        "\033[C",  "\033[H",  "\033[A",
                                             "\033[5~", "\033[2~", "\033[3~"};
    start("us");
    for (unsigned pass = 0; pass < 4; pass++) { // Num Lock on, then off; without Shift, then with
        unsigned shift = pass & 1 ? LSHIFT : 0;
        bool has_digits = pass == 0 || pass == 3;
        for (unsigned i = 0; i < 11; i++) {
            char digit[] = {digits[i], 0};
            expect_sent(shift, 0, 0x59 + i, has_digits ? digit : directions[i]);
        }
        for (unsigned i = 0; i < 5; i++) {
            char operation[] = {operations[i], 0};
            expect_sent(shift, 0, 0x54 + i, operation);
        }
        if (pass == 1)
            tap(NUM);
    }
    expect_sent(LCTRL, 0, 0x60, "\033[1;5A");
    start("de");
    expect_sent(0, 0, 0x63, ",");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_of_us),
        cmocka_unit_test(every_character_of_de),
        cmocka_unit_test(keys_of_the_same_character_everywhere),
        cmocka_unit_test(control_codes),
        cmocka_unit_test(control_and_space_is_nul),
        cmocka_unit_test(alt_is_an_escape_before),
        cmocka_unit_test(sequences_of_xterm),
        cmocka_unit_test(keys_that_send_nothing),
        cmocka_unit_test(the_keypad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
