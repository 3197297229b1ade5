// kernel/terminal: text, lines, history, and every control sequence that the header lists. Catches
// a cursor that leaves the screen, a line that is lost or doubled where text wraps or scrolls, and
// erasing that takes a cell too many.

#include "tests/host/terminal_screen.h"

// --- Text and lines ----------------------------------------------------------------------------

static void it_starts_empty(void **state)
{
    (void)state;
    start(8, 3);
    expect_screen("");
    expect_cursor(0, 0);
    expect_colors(2, 7, PLAIN_FRONT, PLAIN_BACK);
    terminal_look_back(&t, 100); // nothing has scrolled off
    expect_cursor(0, 0);
}

static void text_and_its_controls(void **state)
{
    (void)state;
    expect_shown("ab\ncd", "ab|cd"); // a newline goes to the start
    expect_cursor(1, 2);
    expect_shown("abc\rX", "Xbc");
    expect_shown("abc\b\bX", "aXc");
    expect_shown("\b\bX", "X"); // not beyond the left edge
    expect_shown("a\n\bX", "a|X");
    expect_shown("a\a\x7f"
                 "b\v\f\x0e\x0f",
                 "ab"); // controls without a meaning here
    terminal_write(&t, "\0c", 2);
    expect_screen("abc");
}

static void tabs_stop_every_8_columns(void **state)
{
    (void)state;
    start(20, 2);
    put("\tA\tB");
    expect_screen("        A       B");
    put("\r1234567\tC");
    expect_screen("1234567 C       B");
    put("\r\t\t\tD"); // there is no stop behind 16: the last column
    expect_screen("1234567 C       B  D");
    assert_int_equal(t.row, 0);
    put("\r\t\b\tE"); // a tab goes to a stop, and writes nothing
    expect_screen("1234567 E       B  D");
}

static void a_full_line_wraps_only_when_more_comes(void **state)
{
    (void)state;
    expect_shown("12345678", "12345678");
    expect_cursor(0, 7);
    expect_shown("12345678\n9", "12345678|9"); // no empty line between
    expect_shown("123456789", "12345678|9");
    expect_shown("12345678\rX", "X2345678");
    expect_shown("12345678\b9", "12345679"); // back to the character before
    expect_shown("12345678\xc3\xa4", "12345678|\xe4");
    expect_shown("12345678\033[31m9", "12345678|9"); // a colour isn't text
    expect_shown("12345678\033[1;8H9", "12345679");  // the cursor has been placed
}

static void one_column_and_one_row_are_enough(void **state)
{
    (void)state;
    start(1, 1);
    put("abc\ndef");
    expect_screen("f");
    expect_cursor(0, 0);
    put("\t\b\033[5;5Hg\033[J\033[9A");
    expect_screen("");
    terminal_look_back(&t, 1);
    expect_screen("e"); // "g" was erased where "f" had stood
}

static void the_last_row_scrolls(void **state)
{
    (void)state;
    expect_shown("a\nb\nc\nd", "b|c|d");
    expect_shown("a\nb\nc\n", "b|c");
    expect_cursor(2, 0);
    expect_shown("a\nb\n12345678X", "b|12345678|X");
    expect_shown("a\nb\nc\033[HX\n\n", "X|b|c"); // and only the last one
}

// --- History -----------------------------------------------------------------------------------

static void put_numbers(unsigned first, unsigned end)
{
    for (; first < end; first++) {
        char line[16];
        (void)snprintf(line, sizeof(line), "%u\n", first);
        put(line);
    }
}

static void what_has_scrolled_off_can_be_seen(void **state)
{
    (void)state;
    start_with(8 * 7 + 5, 8, 3); // seven lines, and a part of one that is of no use
    put_numbers(0, 6);
    expect_screen("4|5");
    terminal_look_back(&t, 1);
    expect_screen("3|4|5");
    terminal_look_back(&t, 2);
    expect_screen("1|2|3");
    terminal_look_back(&t, 100);
    expect_screen("0|1|2");
    terminal_look_back(&t, INT32_MAX);
    expect_screen("0|1|2");
    terminal_look_back(&t, -1);
    expect_screen("1|2|3");
    terminal_look_back(&t, INT32_MIN);
    expect_screen("4|5");
    terminal_look_back(&t, -1);
    expect_screen("4|5");
}

static void the_oldest_lines_give_way(void **state)
{
    (void)state;
    start_with(8 * 7, 8, 3);
    for (unsigned end = 9; end < 40; end++) { // round the ring
        put_numbers(end == 9 ? 0 : end - 1, end);
        terminal_look_back(&t, 100);
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "%u|%u|%u", end - 6, end - 5, end - 4);
        expect_screen(expected);
    }
}

static void without_room_nothing_is_kept(void **state)
{
    (void)state;
    start_with(8 * 3 + 7, 8, 3);
    put_numbers(0, 20);
    terminal_look_back(&t, 5);
    expect_screen("18|19");
    expect_cursor(2, 0);
}

static void writing_ends_looking_back(void **state)
{
    (void)state;
    unsigned row, column;
    start(8, 3);
    put_numbers(0, 5);
    terminal_look_back(&t, 1);
    assert_false(terminal_cursor(&t, &row, &column)); // it is on the screen, not in the view
    put("X");
    expect_screen("3|4|X");
    expect_cursor(2, 1);
}

static void only_erasing_all_forgets_what_has_scrolled_off(void **state)
{
    (void)state;
    start(8, 3);
    put_numbers(0, 5);
    put("\033[2J");
    terminal_look_back(&t, 1);
    expect_screen("2");
    put("\033[3J");
    terminal_look_back(&t, 1);
    expect_screen("");
}

// --- The cursor --------------------------------------------------------------------------------

// From row 1, column 3 of 8 x 3.
static void expect_move(const char *sequence, unsigned row, unsigned column)
{
    start(8, 3);
    put("\033[2;4H");
    put(sequence);
    unsigned seen_row, seen_column;
    assert_true(terminal_cursor(&t, &seen_row, &seen_column));
    if (seen_row != row || seen_column != column)
        fail_msg("ESC%s: cursor at %u, %u", sequence + 1, seen_row, seen_column);
    expect_screen("");
}

static void the_cursor_moves(void **state)
{
    (void)state;
    expect_move("\033[A", 0, 3);
    expect_move("\033[B", 2, 3);
    expect_move("\033[C", 1, 4);
    expect_move("\033[D", 1, 2);
    expect_move("\033[E", 2, 0);
    expect_move("\033[F", 0, 0);
    expect_move("\033[3C", 1, 6);
    expect_move("\033[2D", 1, 1);
    expect_move("\033[G", 1, 0);
    expect_move("\033[6G", 1, 5);
    expect_move("\033[d", 0, 3);
    expect_move("\033[3d", 2, 3);
    expect_move("\033[H", 0, 0);
    expect_move("\033[f", 0, 0);
    expect_move("\033[3;5H", 2, 4);
    expect_move("\033[3;5f", 2, 4);
    expect_move("\033[3H", 2, 0);
    expect_move("\033[;5H", 0, 4);
}

static void nothing_is_one_and_so_is_0(void **state)
{
    (void)state;
    expect_move("\033[0A", 0, 3);
    expect_move("\033[0C", 1, 4);
    expect_move("\033[0E", 2, 0);
    expect_move("\033[0G", 1, 0);
    expect_move("\033[0;0H", 0, 0);
    expect_move("\033[3;H", 2, 0);
    expect_move("\033[;H", 0, 0);
    expect_move("\033[0003;0005H", 2, 4);
}

static void the_cursor_stays_on_the_screen(void **state)
{
    (void)state;
    expect_move("\033[2A", 0, 3);
    expect_move("\033[99A", 0, 3);
    expect_move("\033[99B", 2, 3);
    expect_move("\033[99C", 1, 7);
    expect_move("\033[99D", 1, 0);
    expect_move("\033[99E", 2, 0);
    expect_move("\033[99F", 0, 0);
    expect_move("\033[99G", 1, 7);
    expect_move("\033[99d", 2, 3);
    expect_move("\033[99;99H", 2, 7);
    expect_move("\033[65536;65537H", 2, 7);            // not 1 and 2
    expect_move("\033[4294967297;99999999999C", 1, 7); // not 1
}

static void at_a_full_line_the_cursor_is_on_the_last_column(void **state)
{
    (void)state;
    expect_shown("12345678\033[DX", "123456X8");
    expect_shown("12345678\033[CX", "1234567X");
    expect_shown("12345678\033[BX", "12345678|       X");
    expect_shown("12345678\033[EX", "12345678|X");
    expect_shown("12345678\033[K", "1234567");
    expect_shown("12345678\033[1K", "");
    expect_shown("12345678\033[X", "1234567");
}

static void the_cursor_is_saved_and_restored(void **state)
{
    (void)state;
    expect_move("\0337\033[H\0338", 1, 3);
    expect_move("\033[s\033[H\033[u", 1, 3);
    expect_move("\0337\033[H\0338\033[H\0338", 1, 3); // as often as wanted
    expect_move("\0338", 0, 0);                       // nothing was saved
    expect_shown("12345678\0337\n\0338X", "1234567X");
    start(8, 3);
    put("\033[31m\0337\033[0;42m\0338x"); // with the colours
    expect_colors(0, 0, 1, 0);
}

static void the_cursor_can_be_hidden(void **state)
{
    (void)state;
    unsigned row, column;
    start(8, 3);
    put("\033[?25l");
    assert_false(terminal_cursor(&t, &row, &column));
    put("a\033[25h\033[?26h");
    assert_false(terminal_cursor(&t, &row, &column));
    put("\033[?25h");
    expect_cursor(0, 1);
    put("\033[?7;25l"); // one of several modes
    assert_false(terminal_cursor(&t, &row, &column));
    expect_screen("a");
}

// --- Erasing -----------------------------------------------------------------------------------

#define FULL "abcdefgh\nijklmnop\nqrstuvwx\033[2;4H"

static void the_display_is_erased_in_part_or_whole(void **state)
{
    (void)state;
    expect_shown(FULL "\033[J", "abcdefgh|ijk");
    expect_shown(FULL "\033[0J", "abcdefgh|ijk");
    expect_shown(FULL "\033[1J", "|    mnop|qrstuvwx");
    expect_shown(FULL "\033[2J", "");
    expect_cursor(1, 3); // it hasn't moved
    expect_shown(FULL "\033[4J", "abcdefgh|ijklmnop|qrstuvwx");
    expect_shown(FULL "\033[H\033[1J", " bcdefgh|ijklmnop|qrstuvwx");
    expect_shown(FULL "\033[9;9H\033[J", "abcdefgh|ijklmnop|qrstuvw");
}

static void the_line_is_erased_in_part_or_whole(void **state)
{
    (void)state;
    expect_shown(FULL "\033[K", "abcdefgh|ijk|qrstuvwx");
    expect_shown(FULL "\033[0K", "abcdefgh|ijk|qrstuvwx");
    expect_shown(FULL "\033[1K", "abcdefgh|    mnop|qrstuvwx");
    expect_shown(FULL "\033[2K", "abcdefgh||qrstuvwx");
    expect_cursor(1, 3);
    expect_shown(FULL "\033[3K", "abcdefgh|ijklmnop|qrstuvwx");
}

static void characters_are_erased(void **state)
{
    (void)state;
    expect_shown(FULL "\033[X", "abcdefgh|ijk mnop|qrstuvwx");
    expect_shown(FULL "\033[0X", "abcdefgh|ijk mnop|qrstuvwx");
    expect_shown(FULL "\033[3X", "abcdefgh|ijk   op|qrstuvwx");
    expect_shown(FULL "\033[9999X", "abcdefgh|ijk|qrstuvwx");
    expect_cursor(1, 3);
}

static void what_is_erased_has_the_pens_background(void **state)
{
    (void)state;
    static const char *const sequences[] = {"\033[J",  "\033[1J", "\033[2J", "\033[K",
                                            "\033[1K", "\033[2K", "\033[X"};
    for (unsigned i = 0; i < ARRAY_SIZE(sequences); i++) {
        start(8, 3);
        put(FULL "\033[44m");
        put(sequences[i]);
        assert_int_equal(glyph_at(1, 3), ' ');
        assert_int_equal(terminal_row(&t, 1)[3] >> 13, 4);
    }
    start(8, 2);
    put("a\nb\033[41m\n"); // a line that comes from below, too
    assert_int_equal(terminal_row(&t, 0)[5] >> 13, PLAIN_BACK);
    assert_int_equal(terminal_row(&t, 1)[5] >> 13, 1);
}

static void a_reset_leaves_nothing_as_it_was(void **state)
{
    (void)state;
    start(8, 3);
    put(FULL "\0337\033[1;7;31;42m\033[?25l\033c");
    expect_screen("");
    expect_cursor(0, 0);
    for (unsigned row = 0; row < 3; row++)
        expect_colors(row, 7, PLAIN_FRONT, PLAIN_BACK);
    put("\033[2;2H\0338x");
    expect_screen("x");
    expect_colors(0, 0, PLAIN_FRONT, PLAIN_BACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_empty),
        cmocka_unit_test(text_and_its_controls),
        cmocka_unit_test(tabs_stop_every_8_columns),
        cmocka_unit_test(a_full_line_wraps_only_when_more_comes),
        cmocka_unit_test(one_column_and_one_row_are_enough),
        cmocka_unit_test(the_last_row_scrolls),
        cmocka_unit_test(what_has_scrolled_off_can_be_seen),
        cmocka_unit_test(the_oldest_lines_give_way),
        cmocka_unit_test(without_room_nothing_is_kept),
        cmocka_unit_test(writing_ends_looking_back),
        cmocka_unit_test(only_erasing_all_forgets_what_has_scrolled_off),
        cmocka_unit_test(the_cursor_moves),
        cmocka_unit_test(nothing_is_one_and_so_is_0),
        cmocka_unit_test(the_cursor_stays_on_the_screen),
        cmocka_unit_test(at_a_full_line_the_cursor_is_on_the_last_column),
        cmocka_unit_test(the_cursor_is_saved_and_restored),
        cmocka_unit_test(the_cursor_can_be_hidden),
        cmocka_unit_test(the_display_is_erased_in_part_or_whole),
        cmocka_unit_test(the_line_is_erased_in_part_or_whole),
        cmocka_unit_test(characters_are_erased),
        cmocka_unit_test(what_is_erased_has_the_pens_background),
        cmocka_unit_test(a_reset_leaves_nothing_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
