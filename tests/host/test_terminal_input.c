// kernel/terminal: colours, and input that is broken. Catches a pen that keeps or loses more than
// it was told, sequences that leak into the text or are carried out although they are malformed,
// and UTF-8 that is believed [Unicode 3.9] [ECMA-48 5.4].

#include "tests/host/terminal_screen.h"

// --- Colours -----------------------------------------------------------------------------------

static void expect_pen(const char *sequences, unsigned front, unsigned back)
{
    start(8, 3);
    put(sequences);
    put("x");
    cell_t cell = terminal_row(&t, 0)[0];
    if (cell != make_cell('x', front, back))
        fail_msg("ESC%s: %u on %u", sequences + 1, cell >> 9 & 15, cell >> 13);
}

static void colors_are_selected(void **state)
{
    (void)state;
    char sequence[16];
    for (unsigned color = 0; color < 8; color++) {
        (void)snprintf(sequence, sizeof(sequence), "\033[%um", 30 + color);
        expect_pen(sequence, color, 0);
        (void)snprintf(sequence, sizeof(sequence), "\033[%um", 90 + color);
        expect_pen(sequence, color + 8, 0);
        (void)snprintf(sequence, sizeof(sequence), "\033[%um", 40 + color);
        expect_pen(sequence, 7, color);
        (void)snprintf(sequence, sizeof(sequence), "\033[%um", 100 + color);
        expect_pen(sequence, 7, color); // bright as a background isn't had
    }
    expect_pen("\033[31;44m", 1, 4);
    expect_pen("\033[31m\033[44m", 1, 4);
    expect_pen("\033[31;44;39m", 7, 4);
    expect_pen("\033[31;44;49m", 1, 0);
}

static void bold_is_bright(void **state)
{
    (void)state;
    expect_pen("\033[1m", 15, 0);
    expect_pen("\033[1;31m", 9, 0);
    expect_pen("\033[31;1m", 9, 0);
    expect_pen("\033[1;32m\033[31m", 9, 0);
    expect_pen("\033[1;31;22m", 1, 0);
    expect_pen("\033[91;22m", 9, 0); // bright by itself
}

static void reverse_exchanges_the_colors(void **state)
{
    (void)state;
    expect_pen("\033[7m", 0, 7);
    expect_pen("\033[7;31;44m", 4, 1);
    expect_pen("\033[31;7;44m", 4, 1);
    expect_pen("\033[7;7m", 0, 7);
    expect_pen("\033[7;31;27m", 1, 0);
}

// Whatever the colours: what is reversed is another cell with the same glyph, and can be read if
// the cell could be.
static void every_cell_can_be_reversed(void **state)
{
    (void)state;
    for (unsigned cell = 0; cell < 0x10000; cell += 0x200 - 1) {
        cell_t reversed = cell_reversed((cell_t)cell);
        unsigned front = cell >> 9 & 7, back = cell >> 13;
        assert_int_not_equal(reversed, cell);
        assert_int_equal(reversed & 0x1ff, cell & 0x1ff);
        assert_int_not_equal(reversed >> 13, reversed >> 9 & 15);
        assert_int_equal(reversed >> 13, front);
        if (front != back)
            assert_int_equal(reversed >> 9 & 15, back);
    }
}

static void a_reset_of_the_pen(void **state)
{
    (void)state;
    expect_pen("\033[1;7;31;44m\033[m", 7, 0);
    expect_pen("\033[1;7;31;44m\033[0m", 7, 0);
    expect_pen("\033[1;7;31;44;0m", 7, 0);
    expect_pen("\033[1;31m\033[;42m", 7, 2); // what is missing is 0
    expect_pen("\033[1;31m\033[42;m", 7, 0);
}

static void of_many_colors_the_nearest_is_taken(void **state)
{
    (void)state;
    char sequence[32];
    for (unsigned color = 0; color < 16; color++) {
        (void)snprintf(sequence, sizeof(sequence), "\033[38;5;%um", color);
        expect_pen(sequence, color, 0);
    }
    for (unsigned color = 0; color < 8; color++) { // the corners of the cube, on black
        unsigned bright = color ? color + 8 : 0;
        unsigned index = 16 + (color & 1) * 180 + (color >> 1 & 1) * 30 + (color >> 2) * 5;
        (void)snprintf(sequence, sizeof(sequence), "\033[38;5;%um", index);
        expect_pen(sequence, bright, 0);
        (void)snprintf(sequence, sizeof(sequence), "\033[48;5;%um", index);
        expect_pen(sequence, 7, color);
        (void)snprintf(sequence, sizeof(sequence), "\033[38;2;%u;%u;%um", (color & 1) * 255,
                       (color >> 1 & 1) * 255, (color >> 2) * 255);
        expect_pen(sequence, bright, 0);
    }
    expect_pen("\033[38;5;232m", 0, 0);  // greys: 8
    expect_pen("\033[38;5;240m", 8, 0);  // 88
    expect_pen("\033[38;5;248m", 7, 0);  // 168
    expect_pen("\033[38;5;255m", 15, 0); // 238
    expect_pen("\033[38;2;85;85;85m", 8, 0);
    expect_pen("\033[38;2;170;0;0m", 1, 0);
    expect_pen("\033[48;2;0;0;170m", 7, 4);
}

static void a_color_takes_its_parameters_along(void **state)
{
    (void)state;
    expect_pen("\033[38;5;1;44m", 1, 4);
    expect_pen("\033[48;5;2;31m", 1, 2);
    expect_pen("\033[38;2;255;0;0;44m", 9, 4);
    expect_pen("\033[38;5m", 7, 0); // not the 5 alone, and not what is missing
    expect_pen("\033[38;2;1;7m", 7, 0);
    expect_pen("\033[38m", 7, 0);
}

static void what_is_not_understood_changes_no_pen(void **state)
{
    (void)state;
    expect_pen("\033[3;4;5;8;9;21;29;50;99;108;300;9999m", 7, 0);
    expect_pen("\033[3;31;4m", 1, 0); // and nothing beside it
    expect_pen("\033[?1m", 7, 0);
    expect_pen("\033[>4;1m", 7, 0);
    expect_pen("\033[4:1m", 7, 0); // a kind of underline
    expect_pen("\033[1 m", 7, 0);
}

// --- Sequences ---------------------------------------------------------------------------------

static void unknown_sequences_are_swallowed(void **state)
{
    (void)state;
    expect_shown("a\033[5n\033[6n\033[c\033[>c\033[=1;2h\033[4h\033[1;2r\033[3@\033[2L\033[!pb",
                 "ab");
    expect_shown("a\033(B\033)0\033#8\033 F\033=\033>\033M\033D\033H\033Zb", "ab");
    expect_shown("a\033]0;title\ab", "ab");
    expect_shown("a\033]0;title\033\\b", "ab");
    expect_shown("a\033P1$r0m\033\\b\033_x\033\\c\033^y\033\\d\033Xz\033\\e", "abcde");
    expect_shown("a\033]0;\xc3\xa4\n\r\b\tb\x7f\ac", "ac");
    expect_shown("a\033\\b", "ab");
    expect_shown("a\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20mb", "ab");
    expect_shown("a\033[99999999999999999999999999999999mb", "ab");
    expect_shown("a\033[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;Hb", "ab");
}

static void as_many_parameters_as_the_header_says(void **state)
{
    (void)state;
    expect_pen("\033[0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;31m", 1, 0);
}

static void broken_sequences_are_not_carried_out(void **state)
{
    (void)state;
    expect_shown("abc\033[2?5HX", "abcX");
    expect_shown("abc\033[1$HX", "abcX");
    expect_shown("abc\033[$1HX", "abcX"); // no parameter follows an intermediate byte
    expect_shown("abc\033[<HX", "abcX");
    expect_shown("abc\033[?HX", "abcX");
    expect_shown("abc\033[\033(BX", "abcX");
    unsigned row, column;
    start(8, 3);
    put("\033[2?5l\033[0;?25l");
    assert_true(terminal_cursor(&t, &row, &column));
}

static void cancel_ends_a_sequence(void **state)
{
    (void)state;
    expect_shown("abc\033[\030HX", "abcHX");
    expect_shown("abc\033[1\032HX", "abcHX");
    expect_shown("abc\033\030[HX", "abc[HX");
    expect_shown("abc\033]0;t\030HX", "abcHX");
    expect_shown("abc\033(\030X", "abcX");
    expect_shown("abc\030X", "abcX");
}

static void escape_begins_anew(void **state)
{
    (void)state;
    expect_shown("abc\033[2;\033[HX", "Xbc");
    expect_shown("abc\033\033[HX", "Xbc");
    expect_shown("abc\033(\033[HX", "Xbc");
    expect_shown("abc\033]0;t\033[HX", "Xbc"); // strings that nobody has ended
    expect_shown("abc\033]0;t\033cX", "X");
    expect_shown("abc\033Pq\033\033\\X", "abcX");
}

static void controls_inside_of_a_sequence_are_carried_out(void **state)
{
    (void)state;
    expect_shown("abc\033[1\n;2\bHX", "aXc");
    expect_shown("abc\033[\nCX", "abc| X");
    expect_shown("abc\033\n[CX", "abc| X");
    expect_shown("abc\033[\x7f"
                 "2\x7f;2HX",
                 "abc| X"); // DEL is nothing anywhere
    expect_shown("abc\033\x7f[HX", "Xbc");
}

// --- UTF-8 -------------------------------------------------------------------------------------

static void characters_take_one_cell(void **state)
{
    (void)state;
    expect_shown("a\xc2\xa0\xc3\xbf"
                 "b",
                 "a\xa0\xff"
                 "b");
    start(8, 3);
    put("\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    static const uint32_t expected[] = {0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        assert_int_equal(glyph_at(0, i), glyph_of(expected[i]));
    expect_cursor(0, 7);
    expect_shown("a\xef\xbf\xbd"
                 "b",
                 "a~b");
}

// One for each part that no character begins with: the longest beginning of one, or a byte.
static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    expect_shown("\x80x\xbfy", "~x~y");
    expect_shown("\xff\xfex", "~~x");
    expect_shown("\xc3x", "~x"); // cut off
    expect_shown("\xe2\x82x", "~x");
    expect_shown("\xf0\x9f\x98x", "~x");
    expect_shown("\xc3\xc3\xa4", "~\xe4");
    expect_shown("\xe2\x82\xe2\x82x", "~~x");
    expect_shown("\xe2\x82\nx", "~|x");
    expect_shown("\xc0\x80x", "~~x"); // longer than need be
    expect_shown("\xc1\xbfx", "~~x");
    expect_shown("\xe0\x9f\xbfx", "~~~x");
    expect_shown("\xf0\x8f\xbf\xbfx", "~~~~x");
    expect_shown("\xed\xa0\x80x", "~~~x");          // a surrogate
    expect_shown("\xf4\x90\x80\x80x", "~~~~x");     // beyond U+10FFFF
    expect_shown("\xf5\x80x", "~~x");               // no beginning at all
    expect_shown("\xf8\x88\x80\x80x", "~~~~x");     // five bytes
    expect_shown("\xf0\x80\x80\x41", "~~~A");       // [Unicode 3.9, table 3-8]
    expect_shown("\xf1\x80\x80\xe1\x80\xc2", "~~"); // the last may still be completed
    put("x");
    expect_screen("~~~x");
}

static void the_second_set_of_controls_shows_nothing(void **state)
{
    (void)state;
    expect_shown("a\xc2\x80\xc2\x85\xc2\x8d\xc2\x9fz", "az");
    assert_int_equal(t.row, 0);
}

static void a_character_ends_a_sequence_and_is_shown(void **state)
{
    (void)state;
    expect_shown("a\033[1\xc3\xa4z", "a\xe4z");
    expect_shown("a\033\xc3\xa4z", "a\xe4z");
    expect_shown("a\xc3\033[Hb", "b~");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colors_are_selected),
        cmocka_unit_test(bold_is_bright),
        cmocka_unit_test(reverse_exchanges_the_colors),
        cmocka_unit_test(every_cell_can_be_reversed),
        cmocka_unit_test(a_reset_of_the_pen),
        cmocka_unit_test(of_many_colors_the_nearest_is_taken),
        cmocka_unit_test(a_color_takes_its_parameters_along),
        cmocka_unit_test(what_is_not_understood_changes_no_pen),
        cmocka_unit_test(unknown_sequences_are_swallowed),
        cmocka_unit_test(as_many_parameters_as_the_header_says),
        cmocka_unit_test(broken_sequences_are_not_carried_out),
        cmocka_unit_test(cancel_ends_a_sequence),
        cmocka_unit_test(escape_begins_anew),
        cmocka_unit_test(controls_inside_of_a_sequence_are_carried_out),
        cmocka_unit_test(characters_take_one_cell),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(the_second_set_of_controls_shows_nothing),
        cmocka_unit_test(a_character_ends_a_sequence_and_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
