// drivers/screen: what is drawn, and when. Catches text that stays unseen or is drawn over and
// over, a cursor that leaves its mark, a view that doesn't come back, and a panic on top of what
// was.

#include "tests/host/screen_machine.h"

// --- When --------------------------------------------------------------------------------------

static void text_within_20_ms_is_one_redraw(void **state)
{
    (void)state;
    start(20, 4);
    uint64_t redraws = state_now().redraws, written = state_now().bytes_written;
    for (unsigned ms = 0; ms < 20; ms++) {
        print("%u\n", ms);
        assert_int_equal(state_now().redraws, redraws);
        pass_ms(1);
    }
    assert_int_equal(state_now().bytes_written, written);
    print("X");
    assert_int_equal(state_now().redraws, redraws + 1);
    expect_grid("17|18|19|X");
    print("Y"); // the 20 ms begin anew
    pass_ms(19);
    print("Z");
    assert_int_equal(state_now().redraws, redraws + 1);
    expect_grid("17|18|19|X");
    pass_ms(1);
    print("\n");
    assert_int_equal(state_now().redraws, redraws + 2);
    expect_grid("18|19|XYZ");
}

// However long it was silent before.
static void the_first_text_waits_for_more(void **state)
{
    (void)state;
    start(20, 4);
    pass_ms(5000);
    uint64_t redraws = state_now().redraws;
    print("a");
    pass_ms(15);
    print("b");
    assert_int_equal(state_now().redraws, redraws);
    pass_ms(10);
    print("c");
    assert_int_equal(state_now().redraws, redraws + 1);
}

static void who_waits_for_a_key_sees_everything(void **state)
{
    (void)state;
    start(20, 4);
    print("a");
    expect_grid("log");
    console_show();
    expect_grid("log|a");
    print("b");
    console_show();
    expect_grid("log|ab");
    print("c");
    console_flush();
    expect_grid("log|abc");
}

static void what_has_not_changed_is_not_drawn(void **state)
{
    (void)state;
    start(20, 4);
    print("text");
    console_show();
    struct screen_state before = state_now();
    for (unsigned i = 0; i < 10; i++) {
        console_show();
        console_flush();
        pass_ms(100);
    }
    assert_int_equal(state_now().redraws, before.redraws);
    print("\rte\033[Cx\b\033[m\033[?25l\033[?25ht"); // the same again
    console_show();
    assert_int_equal(state_now().redraws, before.redraws + 1);
    assert_int_equal(state_now().bytes_written, before.bytes_written);
    assert_int_equal(state_now().cells_drawn, before.cells_drawn);
}

static void only_cells_that_differ_are_drawn(void **state)
{
    (void)state;
    start(20, 4);
    print("text here\n\n");
    console_show();
    uint64_t drawn = state_now().cells_drawn;
    grid.draws = 0;
    print("\033[2;3Hzt HeR\033[4;1H");
    console_show();
    assert_int_equal(state_now().cells_drawn - drawn, 3); // z, H and R
    assert_int_equal(grid.draws, 3);
    expect_grid("log|tezt HeRe");
    print("ab\033[4;1Hcd");
    console_show();
    assert_int_equal(state_now().cells_drawn - drawn, 6); // c, d, and the cursor
    assert_int_equal(grid.draws, 4);
    assert_int_equal(grid.wasted, 0);
}

// --- The cursor --------------------------------------------------------------------------------

static void the_cursor_is_a_reversed_cell(void **state)
{
    (void)state;
    start(20, 4);
    expect_cursor(1, 0);
    print("ab");
    console_show();
    expect_cursor(1, 2);
    print("\033[1;2H");
    console_show();
    expect_cursor(0, 1);
    expect_grid("log|ab"); // the character is still there
    print("\033[?25l");
    console_show();
    expect_no_cursor();
    print("\033[?25h\033[2;1H12345678901234567890");
    console_show();
    expect_cursor(1, 19);
}

// --- Looking back ------------------------------------------------------------------------------

static void print_numbers(unsigned end)
{
    for (unsigned i = 0; i < end; i++)
        print("%u\n", i);
    console_show();
}

static void older_lines_can_be_seen(void **state)
{
    (void)state;
    start(20, 4);
    print_numbers(20);
    expect_grid("17|18|19");
    console_scroll(1); // a page less a line, so that the eye finds its place; at once
    expect_grid("14|15|16|17");
    expect_no_cursor();
    console_scroll(2);
    expect_grid("8|9|10|11");
    console_scroll(-1);
    expect_grid("11|12|13|14");
    console_scroll(100);
    expect_grid("log|0|1|2");
    console_scroll(-100);
    expect_grid("17|18|19");
    expect_cursor(3, 0);
    assert_int_equal(state_now().history, 18);
}

static void text_ends_looking_back(void **state)
{
    (void)state;
    start(20, 4);
    print_numbers(20);
    console_scroll(1);
    console_show(); // who only looks keeps the view
    expect_grid("14|15|16|17");
    print("X");
    console_show();
    expect_grid("17|18|19|X");
    print("Y");
    console_scroll(1); // what is looked back from has been written
    expect_grid("14|15|16|17");
    console_scroll(-1);
    expect_grid("17|18|19|XY");
    expect_cursor(3, 2);
}

// --- A panic -----------------------------------------------------------------------------------

static void expect_all_blue(void)
{
    for (unsigned row = 0; row < grid.rows; row++)
        for (unsigned column = 0; column < grid.columns; column++)
            assert_int_equal(background_at(row, column), COLOR_BLUE);
}

static void a_panic_begins_white_on_blue(void **state)
{
    (void)state;
    start(20, 4);
    print("\033[1;7;31;42mtext\n\n\n\n\n\033]0;a string that never ends");
    console_scroll(1);
    screen.sink.reset(&screen.sink);
    print("\033[?25lPANIC");
    console_flush();
    expect_grid("PANIC");
    expect_all_blue();
    for (unsigned column = 0; column < 5; column++)
        assert_int_equal(grid.cells[column] >> 9 & 15, COLOR_WHITE);
    assert_int_equal(state_now().history, 0);
}

// Nothing of the terminal is believed, nor of what is on the display.
static void a_panic_needs_no_sound_terminal(void **state)
{
    (void)state;
    random_seed(320);
    for (unsigned round = 0; round < 200; round++) {
        start(20, 4);
        for (unsigned i = 0; i < sizeof(screen.terminal); i++)
            ((uint8_t *)&screen.terminal)[i] = (uint8_t)(round ? random_u64() : 0xff);
        for (unsigned i = 0; i < 20 * 4; i++)
            shown[i] = (cell_t)random_u64(), grid.cells[i] = (cell_t)random_u64();
        screen.pending_since = random_u64();
        screen.is_pending = true;
        screen.sink.reset(&screen.sink);
        print("\033[?25lPANIC\n%u", round);
        console_flush();
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "PANIC|%u", round);
        expect_grid(expected);
        expect_all_blue();
    }
}

static void an_empty_panic_screen_has_a_cursor(void **state)
{
    (void)state;
    start(20, 4);
    screen.sink.reset(&screen.sink);
    console_show();
    expect_grid("");
    assert_int_not_equal(background_at(0, 0), COLOR_BLUE);
    assert_int_equal(background_at(0, 1), COLOR_BLUE);
}

// --- All together ------------------------------------------------------------------------------

static void print_something(void)
{
    static const char *const pieces[] = {
        "text ",
        "\n",
        "\n\n",
        "\r",
        "\b",
        "\t",
        "\033[2J",
        "\033[H",
        "\033[5;3H",
        "\033[K",
        "\033[31;44m",
        "\033[7m",
        "\033[m",
        "\033[1m",
        "\033[?25l",
        "\033[?25h",
        "0123456789012345678901234567890",
    };
    for (uint64_t count = 1 + random_below(6); count--;)
        print_text(pieces[random_below(ARRAY_SIZE(pieces))]);
}

static void expect_display_to_show_the_terminal(void)
{
    unsigned cursor_row, cursor_column;
    bool has_cursor = terminal_cursor(&screen.terminal, &cursor_row, &cursor_column);
    for (unsigned row = 0; row < grid.rows; row++)
        for (unsigned column = 0; column < grid.columns; column++) {
            cell_t cell = terminal_row(&screen.terminal, row)[column];
            if (has_cursor && row == cursor_row && column == cursor_column)
                cell = cell_reversed(cell);
            assert_int_equal(grid.cells[row * grid.columns + column], cell);
        }
}

// Whatever happened before: what is shown is the terminal's view, and no cell was drawn that was
// there already.
static void the_display_follows_the_terminal(void **state)
{
    (void)state;
    random_seed(321);
    start(23, 7);
    for (unsigned round = 0; round < 5000; round++) {
        print_something();
        pass_ms(random_below(12));
        if (random_below(4) == 0)
            console_scroll((int)random_below(7) - 3);
        if (random_below(3))
            continue;
        console_show();
        expect_display_to_show_the_terminal();
    }
    assert_int_equal(grid.wasted, 0);
    assert_int_equal(grid.clears, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_within_20_ms_is_one_redraw),
        cmocka_unit_test(the_first_text_waits_for_more),
        cmocka_unit_test(who_waits_for_a_key_sees_everything),
        cmocka_unit_test(what_has_not_changed_is_not_drawn),
        cmocka_unit_test(only_cells_that_differ_are_drawn),
        cmocka_unit_test(the_cursor_is_a_reversed_cell),
        cmocka_unit_test(older_lines_can_be_seen),
        cmocka_unit_test(text_ends_looking_back),
        cmocka_unit_test(a_panic_begins_white_on_blue),
        cmocka_unit_test(a_panic_needs_no_sound_terminal),
        cmocka_unit_test(an_empty_panic_screen_has_a_cursor),
        cmocka_unit_test(the_display_follows_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
