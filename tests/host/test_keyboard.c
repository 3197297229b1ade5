// The way from a key to the console's bytes: layouts, modifiers, locks, sequences and the queue.
// Catches a wrong character on any key of either layout, a modifier that sticks or that only one of
// its two keys sets, locks that a repeating key toggles, xterm's sequences with a wrong number,
// half a sequence from a full queue, and lights that are set while a keyboard is being polled.

#include "tests/host/lib.h"

#include "drivers/key_text.c"
#include "drivers/keyboard.c"
#include "drivers/keymap.c"

enum {
    CAPS = 0x39,
    NUM = 0x53,
    SCROLL = 0x47,
    LCTRL = 0xe0,
    LSHIFT,
    LALT,
    LGUI,
    RCTRL,
    RSHIFT,
    RALT
};

// --- The kernel around it ---------------------------------------------------------------------

static struct console_source *added;
static unsigned sources_added;
static jmp_buf reset;

void console_add_source(struct console_source *source_)
{
    added = source_;
    sources_added++;
}

void power_reset(void)
{
    longjmp(reset, 1);
}

// A keyboard on which a test types: usages, 0x100 added for a key that goes up.
static struct {
    uint16_t keys[64];
    unsigned count, polls, lights, lit;
    bool in_poll;
} typed;

static void typed_poll(struct keyboard *keyboard)
{
    (void)keyboard;
    typed.polls++;
    typed.in_poll = true;
    for (unsigned i = 0; i < typed.count; i++)
        keyboard_key((uint8_t)typed.keys[i], typed.keys[i] < 0x100);
    typed.in_poll = false;
    typed.count = 0;
}

static void typed_leds(struct keyboard *keyboard, bool caps, bool num, bool scroll)
{
    (void)keyboard;
    assert_false(typed.in_poll);
    typed.lights++;
    typed.lit = caps | num << 1 | scroll << 2;
}

static struct keyboard first = {.description = "PS/2 (i8042)",
                                .poll = typed_poll,
                                .set_leds = typed_leds},
                       second = {.description = "USB", .poll = typed_poll};

static void start(const char *name)
{
    keyboards = NULL;
    layout = NULL;
    modifiers_down = locks_down = 0;
    locks_on = BIT(LOCK_NUM);
    queue_head = queue_tail = 0;
    typed.count = typed.polls = typed.lights = 0;
    added = NULL;
    sources_added = 0;
    if (name)
        assert_int_equal(option_set_keyboard(name), OK);
    keyboard_add(&first);
}

static int read_byte(void)
{
    return added->read(added);
}

static const char *read_all(void)
{
    static char text[QUEUE_SIZE + 1];
    unsigned length = 0;
    int byte;
    while ((byte = read_byte()) >= 0 && length < QUEUE_SIZE)
        text[length++] = (char)byte;
    text[length] = 0;
    return text;
}

static void tap(unsigned usage)
{
    keyboard_key((uint8_t)usage, true);
    keyboard_key((uint8_t)usage, false);
}

// What a key sends while up to two others are held.
static const char *sent(unsigned held, unsigned held_too, unsigned usage)
{
    if (held)
        keyboard_key((uint8_t)held, true);
    if (held_too)
        keyboard_key((uint8_t)held_too, true);
    tap(usage);
    if (held_too)
        keyboard_key((uint8_t)held_too, false);
    if (held)
        keyboard_key((uint8_t)held, false);
    return read_all();
}

static void expect_sent(unsigned held, unsigned held_too, unsigned usage, const char *expected)
{
    const char *text = sent(held, held_too, usage);
    if (!string_equal(text, expected))
        fail_msg("0x%x with 0x%x and 0x%x sends [%s] and not [%s]", usage, held, held_too,
                 text[0] == 27 ? text + 1 : text, expected[0] == 27 ? expected + 1 : expected);
}

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

static void the_option(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "fr", "US", "dee", "d", "us,de", "de "};
    start("de");
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_not_equal(option_set_keyboard(bad[i]), OK);
    expect_sent(0, 0, 0x1c, "z"); // none of them has changed it
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

// Two keys of one modifier are held, and one is let go.
static void modifiers_left_and_right(void **state)
{
    (void)state;
    start("us");
    keyboard_key(LSHIFT, true);
    keyboard_key(RSHIFT, true);
    keyboard_key(LSHIFT, false);
    expect_sent(0, 0, 0x04, "A");
    keyboard_key(RSHIFT, false);
    expect_sent(0, 0, 0x04, "a");
    keyboard_key(LSHIFT, false); // once more, as after an overrun
    expect_sent(LGUI, 0, 0x04, "a");
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

// --- Locks and lights -------------------------------------------------------------------------

static void a_lock_toggles_once_however_long_it_is_held(void **state)
{
    (void)state;
    start("us");
    for (unsigned i = 0; i < 5; i++)
        keyboard_key(CAPS, true);
    expect_sent(0, 0, 0x04, "A");
    keyboard_key(CAPS, false);
    expect_sent(0, 0, 0x04, "A");
    tap(CAPS);
    expect_sent(0, 0, 0x04, "a");
}

static void lights_follow_the_locks(void **state)
{
    (void)state;
    start("us");
    assert_int_equal(read_byte(), -1);
    assert_int_equal(typed.lights, 1); // Num Lock is on from the start
    assert_int_equal(typed.lit, 2);
    static const uint8_t keys[] = {CAPS, SCROLL, NUM, CAPS, SCROLL, NUM};
    static const uint8_t lit[] = {3, 7, 5, 4, 0, 2};
    for (unsigned i = 0; i < sizeof(keys); i++) {
        typed.keys[0] = keys[i];
        typed.keys[1] = 0x100 | keys[i];
        typed.count = 2;
        assert_int_equal(read_byte(), -1);
        assert_int_equal(typed.lights, i + 2);
        assert_int_equal(typed.lit, lit[i]);
    }
    for (unsigned i = 0; i < 10; i++)
        tap(0x04);
    (void)read_all();
    assert_int_equal(typed.lights, 7);
}

// --- The queue and the source -----------------------------------------------------------------

static void a_key_repeats(void **state)
{
    (void)state;
    start("us");
    for (unsigned i = 0; i < 3; i++)
        keyboard_key(0x04, true);
    keyboard_key(0x04, false);
    assert_string_equal(read_all(), "aaa");
}

// Sequences of 6 bytes, more of them than there is room for, from every place in the ring.
static void a_full_queue_drops_whole_keys(void **state)
{
    (void)state;
    start("us");
    for (unsigned round = 0; round < QUEUE_SIZE; round++) {
        keyboard_key(LCTRL, true);
        for (unsigned i = 0; i < QUEUE_SIZE; i++)
            tap(0x52);
        keyboard_key(LCTRL, false);
        const char *text = read_all();
        unsigned whole = 0;
        while (string_starts_with(text, "\033[1;5A")) {
            text += 6;
            whole++;
        }
        if (*text != 0) // what still fits is a single byte; none was typed
            fail_msg("round %u: %u whole sequences, then %zu bytes", round, whole, strlen(text));
        assert_true(whole >= 10 && whole <= QUEUE_SIZE / 6);
        tap(0x04);
        assert_string_equal(read_all(), "a");
    }
}

static void the_queue_comes_before_the_keyboards(void **state)
{
    (void)state;
    start("us");
    tap(0x04);
    tap(0x05);
    assert_int_equal(read_byte(), 'a');
    assert_int_equal(read_byte(), 'b');
    assert_int_equal(typed.polls, 0);
    typed.keys[0] = 0x06;
    typed.count = 1;
    assert_int_equal(read_byte(), 'c');
    assert_int_equal(typed.polls, 1);
    assert_int_equal(read_byte(), -1);
    assert_int_equal(typed.polls, 2);
}

static void several_keyboards_are_one_source(void **state)
{
    (void)state;
    start("de");
    assert_string_equal(added->name, "screen");
    assert_string_equal(added->description, "PS/2 (i8042), layout de");
    keyboard_add(&second);
    assert_int_equal(sources_added, 1);
    assert_string_equal(added->description, "USB, PS/2 (i8042), layout de");
    assert_int_equal(read_byte(), -1);
    assert_int_equal(typed.polls, 2);
    assert_int_equal(typed.lights, 1); // the second has none
    static struct keyboard more[8];
    for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
        more[i] = (struct keyboard){.description = "a long description", .poll = typed_poll};
        keyboard_add(&more[i]);
    }
    assert_true(strlen(added->description) < sizeof(description));
}

static bool resets(unsigned ctrl, unsigned alt, unsigned usage)
{
    start("de");
    keyboard_key((uint8_t)ctrl, true);
    keyboard_key((uint8_t)alt, true);
    if (setjmp(reset))
        return true;
    tap(usage);
    return false;
}

static void control_alt_delete(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_true(resets(i & 1 ? LCTRL : RCTRL, i & 2 ? LALT : RALT, i & 4 ? 0x4c : 0x63));
    assert_false(resets(LCTRL, LSHIFT, 0x4c));
    assert_false(resets(LALT, LSHIFT, 0x4c));
    assert_false(resets(LALT, RALT, 0x4c));
    assert_false(resets(LCTRL, LALT, 0x49));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_of_us),
        cmocka_unit_test(every_character_of_de),
        cmocka_unit_test(the_option),
        cmocka_unit_test(keys_of_the_same_character_everywhere),
        cmocka_unit_test(control_codes),
        cmocka_unit_test(control_and_space_is_nul),
        cmocka_unit_test(alt_is_an_escape_before),
        cmocka_unit_test(modifiers_left_and_right),
        cmocka_unit_test(sequences_of_xterm),
        cmocka_unit_test(keys_that_send_nothing),
        cmocka_unit_test(the_keypad),
        cmocka_unit_test(a_lock_toggles_once_however_long_it_is_held),
        cmocka_unit_test(lights_follow_the_locks),
        cmocka_unit_test(a_key_repeats),
        cmocka_unit_test(a_full_queue_drops_whole_keys),
        cmocka_unit_test(the_queue_comes_before_the_keyboards),
        cmocka_unit_test(several_keyboards_are_one_source),
        cmocka_unit_test(control_alt_delete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
