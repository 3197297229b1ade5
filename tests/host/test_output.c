// monitor/output and monitor/input on kernel/console with a sink and sources of the test's own.
// Catches output that Ctrl-C doesn't end, keys that get lost while something is written, half of a
// pasted line that is run, and pages that are too long, too short, or asked for where nobody reads.

#include "tests/host/fake_console.h"

#define ESCAPE key_ESCAPE
#include "monitor/key.c"
#undef ESCAPE
#define first input_first
#define count input_count
#include "monitor/input.c"
#undef first
#undef count
#include "tests/host/output.h"

static struct output output;

// As a job's session and its thread do.
static void begin(enum output_origin origin)
{
    input_watch(true);
    output_prepare(&output, origin);
    output_begin(&output);
}

static void end(void)
{
    output_end(&output);
    input_watch(false);
}

// What is drawn while somebody types, with a look at what comes in between.
static void write_out(const char *text, size_t length)
{
    while (length) {
        size_t piece = length < PIECE_MAX ? length : PIECE_MAX;
        console_write(text, piece);
        input_poll();
        text += piece;
        length -= piece;
    }
}

static int start(void **state)
{
    (void)state;
    fake_start();
    input_count = 0;
    input_watch(false);
    lock.owner = 0;
    is_dropping = false;
    output_more = OUTPUT_MORE_AUTO;
    return 0;
}

static void expect_output(const char *expected)
{
    assert_string_equal(fake.output, expected);
    fake_forget_output();
}

static void expect_keys(const char *expected)
{
    for (; *expected; expected++)
        assert_int_equal(input_key(TIMER_NEVER), (uint8_t)*expected);
    assert_false(input_is_waiting());
}

// --- Cutting ----------------------------------------------------------------------------------

static void output_passes_unchanged(void **state)
{
    (void)state;
    begin(OUTPUT_FOR_LINE);
    print("one\n\ttwo \xc3\xa4 \033[1mthree\033[m\n\n%0100d\n", 7);
    for (unsigned i = 0; i < 30; i++)
        print_text("x\n");
    assert_false(command_interrupted());
    end();
    assert_int_equal(fake.length, 3 + 1 + 1 + 4 + 2 + 1 + 5 + 4 + 3 + 2 + 101 + 60);
    fake_forget_output();
    print("past it\n");
    expect_output("past it\n");
}

static void the_prompt_gets_a_row_of_its_own(void **state)
{
    (void)state;
    begin(OUTPUT_FOR_LINE);
    print("open");
    end();
    expect_output("open\n");
    begin(OUTPUT_FOR_LINE);
    print("text\033[2J\033[H");
    end();
    expect_output("text\033[2J\033[H");
}

static void control_c_cuts(void **state)
{
    (void)state;
    begin(OUTPUT_FOR_LINE);
    print("one\n");
    fake_send("ab\x03"
              "cd");
    print("0123456789\nnever seen\n");
    assert_true(command_interrupted());
    print("nor this\n");
    end();
    assert_string_equal(fake.output, "one\n0123456789\n^C\n");
    assert_false(command_interrupted());
    fake_forget_output();
    expect_keys("abcd");
    begin(OUTPUT_FOR_LINE);
    print("again\n");
    end();
    expect_output("again\n");
}

static void control_c_is_noticed_by_who_asks(void **state)
{
    (void)state;
    begin(OUTPUT_FOR_OPTION);
    assert_false(command_interrupted());
    fake_type("\x03\x03");
    assert_true(command_interrupted());
    assert_true(command_interrupted());
    end();
    expect_output("^C\n"); // once
    fake_type("\x03");     // and at the prompt it is a key
    expect_keys("\x03");
}

static void a_panic_is_not_cut(void **state)
{
    (void)state;
    begin(OUTPUT_FOR_LINE);
    fake_type("\x03");
    assert_true(command_interrupted());
    fake_forget_output();
    console_panic();
    print("panic\n");
    expect_output("panic\n");
    is_panicking = false;
    end();
}

// --- What is typed meanwhile ------------------------------------------------------------------

static char pasted[80000], got[80000];

static void paste_lines(unsigned lines)
{
    size_t length = 0;
    for (unsigned i = 0; i < lines; i++)
        length += snprintf(pasted + length, sizeof(pasted) - length, "line number %u\r", i);
    fake_send(pasted);
}

// Takes all keys there are; returns how many lines ended.
static unsigned take_lines(size_t *length)
{
    unsigned lines = 0;
    *length = 0;
    while (input_is_waiting()) {
        unsigned key = input_key(TIMER_NEVER);
        got[(*length)++] = (char)key;
        lines += key == KEY_ENTER;
    }
    got[*length] = 0;
    return lines;
}

static void nothing_pasted_is_lost_while_a_command_prints(void **state)
{
    (void)state;
    size_t length;
    paste_lines(200);
    begin(OUTPUT_FOR_LINE);
    while (fake.line_length && fake.length < 100000)
        print("some output of a length that is no multiple of eight\n");
    end();
    input_poll();
    assert_int_equal(fake.lost, 0);
    assert_int_equal(take_lines(&length), 200);
    assert_string_equal(got, pasted);
}

static void nothing_pasted_is_lost_while_something_is_drawn(void **state)
{
    (void)state;
    size_t length;
    char text[500];
    memset(text, 'x', sizeof(text));
    paste_lines(20);
    write_out(text, sizeof(text));
    input_poll();
    assert_int_equal(fake.lost, 0);
    assert_int_equal(take_lines(&length), 20);
}

// Whatever doesn't fit, what is there are whole lines, the first ones of those that were sent.
static void too_much_loses_whole_lines_only(void **state)
{
    (void)state;
    size_t length;
    paste_lines(4000);
    while (fake.line_length)
        write_out("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 32);
    input_poll();
    assert_non_null(strchr(fake.output, '\a'));
    unsigned lines = take_lines(&length);
    assert_in_range(lines, 1000, 3000);
    assert_int_equal(got[length - 1], KEY_ENTER);
    assert_int_equal(memcmp(got, pasted, length), 0);
    fake_send("more\r");
    assert_int_equal(input_key(TIMER_NEVER), 'm'); // and it goes on
}

static void where_a_key_came_from(void **state)
{
    (void)state;
    fake_type("k");
    (void)input_key(TIMER_NEVER);
    assert_true(input_is_from_keyboard());
    fake_send("l");
    (void)input_key(TIMER_NEVER);
    assert_false(input_is_from_keyboard());
    fake_type("k");
    input_poll();
    fake_send("l");
    (void)input_key(TIMER_NEVER);
    assert_true(input_is_from_keyboard()); // typed ahead, too
    (void)input_key(TIMER_NEVER);
    assert_false(input_is_from_keyboard());
}

// --- Pages ------------------------------------------------------------------------------------

static const char *answers;
static unsigned asked;

static void answer(void)
{
    static char key[16];
    size_t length = 1;
    if (!*answers)
        fail_msg("asked once too often: %s", fake.output);
    if (*answers == '\033')
        length = strcspn(answers, "~ABCD") + 1;
    memcpy(key, answers, length);
    key[length] = 0;
    answers += length;
    asked++;
    fake_type(key);
}

// Prints with these answers at the ends of pages, and compares with what is expected, in which `#`
// is the question and its end.
static void expect_pages(const char *text, const char *keys, const char *expected)
{
    static const char question[] = "-- more --\r          \r";
    char seen[2000];
    size_t length = 0;
    answers = keys;
    fake.idle = answer;
    asked = 0;
    fake_forget_output();
    begin(OUTPUT_FOR_KEYBOARD);
    print_text(text);
    end();
    for (const char *at = fake.output; *at;) {
        bool is_question = string_starts_with(at, question);
        seen[length++] = is_question ? '#' : *at;
        at += is_question ? sizeof(question) - 1 : 1;
    }
    seen[length] = 0;
    assert_string_equal(seen, expected);
    assert_int_equal(*answers, 0);
}

static void pages_end_after_a_screenful(void **state)
{
    (void)state;
    expect_pages("1\n2\n3\n4\n", "", "1\n2\n3\n4\n");
    expect_pages("1\n2\n3\n4\n5\n", " ", "1\n2\n3\n4\n#5\n");
    expect_pages("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "  ", "1\n2\n3\n4\n#5\n6\n7\n8\n#9\n");
    expect_pages("1\n2\n3\n4\n5\n6\n7\n", "\r\r ", "1\n2\n3\n4\n#5\n#6\n#7\n");
}

static void other_keys_that_go_on(void **state)
{
    (void)state;
    expect_pages("1\n2\n3\n4\n5\n6\n7\n", "\033[B\033[B ", "1\n2\n3\n4\n#5\n#6\n#7\n");
    expect_pages("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "\033[6~ ", "1\n2\n3\n4\n#5\n6\n7\n8\n#9\n");
    fake.scrolled = 0;
    expect_pages("1\n2\n3\n4\n5\n", "\033[5;2~ ", "1\n2\n3\n4\n#5\n"); // looks back
    assert_int_equal(fake.scrolled, 1);
}

static void what_takes_a_row(void **state)
{
    (void)state;
    // 20 columns: a full row wraps only with the next character.
    expect_pages("01234567890123456789\n2\n3\n4\n", "", "01234567890123456789\n2\n3\n4\n");
    expect_pages("012345678901234567890\n3\n4\n5", " ", "012345678901234567890\n3\n4\n#5\n");
    expect_pages("1\n2\n3\n012345678901234567890\n", " ", "1\n2\n3\n01234567890123456789#0\n");
    expect_pages("a\tb\tc\td\n3\n4\n5\n", " ", "a\tb\tc\td\n3\n4\n#5\n");
    expect_pages("\033[1;31m0123456789\033[m0123456789\n2\n3\n4\n", "",
                 "\033[1;31m0123456789\033[m0123456789\n2\n3\n4\n");
    expect_pages("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
                 "0123456789\n2\n3\n4\n",
                 "",
                 "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
                 "0123456789\n2\n3\n4\n");
    expect_pages("1\n2\n3\n\033[2J\033[H1\n2\n3\n4\n", "", "1\n2\n3\n\033[2J\033[H1\n2\n3\n4\n");
}

static void pages_can_be_ended(void **state)
{
    (void)state;
    expect_pages("1\n2\n3\n4\n5\n", "q", "1\n2\n3\n4\n#");
    expect_pages("1\n2\n3\n4\n5\n", "xyz?q", "1\n2\n3\n4\n#"); // other keys mean nothing
    expect_pages("1\n2\n3\n4\n5\n", "\x03", "1\n2\n3\n4\n#^C\n");
}

static unsigned count_questions(enum output_more more, enum output_origin origin)
{
    output_more = more;
    asked = 0;
    answers = "   ";
    fake.idle = answer;
    begin(origin);
    print_text("1\n2\n3\n4\n5\n");
    end();
    return asked;
}

static void who_gets_pages(void **state)
{
    (void)state;
    static const unsigned expected[3][3] = {// by enum output_more and enum output_origin
                                            {0, 0, 0},
                                            {0, 0, 1},
                                            {0, 1, 1}};
    for (unsigned more = 0; more < 3; more++)
        for (unsigned origin = 0; origin < 3; origin++)
            assert_int_equal(count_questions((enum output_more)more, (enum output_origin)origin),
                             expected[more][origin]);
}

// Lines that are pasted don't answer, and aren't lost.
static void whoever_types_on_gets_no_pages(void **state)
{
    (void)state;
    size_t length;
    output_more = OUTPUT_MORE_ON;
    paste_lines(30);
    begin(OUTPUT_FOR_LINE);
    for (unsigned i = 0; i < 20; i++)
        print_text("a line of output\n");
    end();
    while (fake.line_length)
        write_out("x", 1);
    input_poll();
    assert_int_equal(take_lines(&length), 30);
    assert_string_equal(got, pasted);
}

static void log_then_go_on(void)
{
    console_write_above("logged\n", 7);
    fake_type(" ");
}

static void the_log_is_written_above_the_question(void **state)
{
    (void)state;
    fake.idle = log_then_go_on;
    begin(OUTPUT_FOR_KEYBOARD);
    print_text("1\n2\n3\n4\n5\n");
    end();
    expect_output("1\n2\n3\n4\n-- more --\r          \rlogged\n-- more --\r          \r5\n");
    console_write_above("logged\n", 7);
    expect_output("logged\n");
}

// --- The background ---------------------------------------------------------------------------

static void hide_typed(void)
{
    console_write("[", 1);
}

static void show_typed(void)
{
    console_write("]", 1);
}

static void the_background_prints_whole_lines_above(void **state)
{
    (void)state;
    static const struct console_prompt typed = {hide_typed, show_typed};
    char text[OUTPUT_LINE_MAX + 10];
    begin(OUTPUT_FOR_KEYBOARD);
    output.is_background = true;
    console_hold();
    console_release(&typed);
    print("one");
    expect_output("");
    print(" line\nand ");
    expect_output("[one line\n]");
    print("another\n1\n2\n3\n4\n5\n6\n");
    expect_output("[and another\n][1\n][2\n][3\n][4\n][5\n][6\n]"); // without pages
    memset(text, 'x', sizeof(text));
    console_stream()->write(console_stream(), text, sizeof(text));
    assert_int_equal(fake.length, OUTPUT_LINE_MAX + 2);
    fake_forget_output();
    end();
    expect_output("[xxxxxxxxxxx\n]");
    console_hold();
    console_release(NULL);
}

static void the_background_has_no_keys(void **state)
{
    (void)state;
    begin(OUTPUT_FOR_LINE);
    output.is_background = true;
    fake_type("\x03");
    input_poll();
    assert_false(command_interrupted()); // the foreground's
    print("on\n");
    expect_output("on\n");
    output.is_interrupted = true;
    assert_true(command_interrupted());
    print("not seen\n");
    end();
    expect_output("");
}

static void suspend_it(void)
{
    fake_type("\x1a");
    output.is_background = true;
}

static void who_goes_to_the_background_asks_no_more(void **state)
{
    (void)state;
    fake.idle = suspend_it;
    begin(OUTPUT_FOR_KEYBOARD);
    print_text("1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    end();
    expect_output("1\n2\n3\n4\n-- more --\r          \r5\n6\n7\n8\n9\n");
}

static void a_wait_ends_with_control_c(void **state)
{
    (void)state;
    begin(OUTPUT_FOR_LINE);
    fake.idle = answer;
    answers = "\x03";
    assert_false(command_wait(TIMER_NEVER));
    end();
    begin(OUTPUT_FOR_LINE);
    uint64_t deadline_ns = fake.now + 50000000;
    fake.idle = fake_receive;
    assert_true(command_wait(deadline_ns));
    assert_true(fake.now >= deadline_ns);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(output_passes_unchanged, start),
        cmocka_unit_test_setup(the_prompt_gets_a_row_of_its_own, start),
        cmocka_unit_test_setup(control_c_cuts, start),
        cmocka_unit_test_setup(control_c_is_noticed_by_who_asks, start),
        cmocka_unit_test_setup(a_panic_is_not_cut, start),
        cmocka_unit_test_setup(nothing_pasted_is_lost_while_a_command_prints, start),
        cmocka_unit_test_setup(nothing_pasted_is_lost_while_something_is_drawn, start),
        cmocka_unit_test_setup(too_much_loses_whole_lines_only, start),
        cmocka_unit_test_setup(where_a_key_came_from, start),
        cmocka_unit_test_setup(pages_end_after_a_screenful, start),
        cmocka_unit_test_setup(other_keys_that_go_on, start),
        cmocka_unit_test_setup(what_takes_a_row, start),
        cmocka_unit_test_setup(pages_can_be_ended, start),
        cmocka_unit_test_setup(who_gets_pages, start),
        cmocka_unit_test_setup(whoever_types_on_gets_no_pages, start),
        cmocka_unit_test_setup(the_log_is_written_above_the_question, start),
        cmocka_unit_test_setup(the_background_prints_whole_lines_above, start),
        cmocka_unit_test_setup(the_background_has_no_keys, start),
        cmocka_unit_test_setup(who_goes_to_the_background_asks_no_more, start),
        cmocka_unit_test_setup(a_wait_ends_with_control_c, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
