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

static int start(void **state)
{
    (void)state;
    fake_start();
    input_count = 0;
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
        assert_int_equal(input_key(), (uint8_t)*expected);
    assert_false(input_is_waiting());
}

// --- Cutting ----------------------------------------------------------------------------------

static void output_passes_unchanged(void **state)
{
    (void)state;
    output_begin(OUTPUT_FOR_LINE);
    print("one\n\ttwo \xc3\xa4 \033[1mthree\033[m\n\n%0100d\n", 7);
    for (unsigned i = 0; i < 30; i++)
        print_text("x\n");
    assert_false(command_interrupted());
    output_end();
    assert_int_equal(fake.length, 3 + 1 + 1 + 4 + 2 + 1 + 5 + 4 + 3 + 2 + 101 + 60);
    fake_forget_output();
    print("past it\n");
    expect_output("past it\n");
}

static void the_prompt_gets_a_row_of_its_own(void **state)
{
    (void)state;
    output_begin(OUTPUT_FOR_LINE);
    print("open");
    output_end();
    expect_output("open\n");
    output_begin(OUTPUT_FOR_LINE);
    print("text\033[2J\033[H");
    output_end();
    expect_output("text\033[2J\033[H");
}

static void control_c_cuts(void **state)
{
    (void)state;
    output_begin(OUTPUT_FOR_LINE);
    print("one\n");
    fake_send("ab\x03"
              "cd");
    print("0123456789\nnever seen\n");
    assert_true(command_interrupted());
    print("nor this\n");
    output_end();
    assert_string_equal(fake.output, "one\n0123456789\n^C\n");
    assert_false(command_interrupted());
    fake_forget_output();
    expect_keys("abcd");
    output_begin(OUTPUT_FOR_LINE);
    print("again\n");
    output_end();
    expect_output("again\n");
}

static void control_c_is_noticed_by_who_asks(void **state)
{
    (void)state;
    output_begin(OUTPUT_FOR_OPTION);
    assert_false(command_interrupted());
    fake_type("\x03\x03");
    assert_true(command_interrupted());
    assert_true(command_interrupted());
    output_end();
    expect_output("^C\n"); // once
    fake_type("\x03");     // and at the prompt it is a key
    expect_keys("\x03");
}

static void a_panic_is_not_cut(void **state)
{
    (void)state;
    output_begin(OUTPUT_FOR_LINE);
    fake_type("\x03");
    assert_true(command_interrupted());
    fake_forget_output();
    console_panic();
    print("panic\n");
    expect_output("panic\n");
    output_end();
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
        unsigned key = input_key();
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
    output_begin(OUTPUT_FOR_LINE);
    while (fake.line_length && fake.length < 100000)
        print("some output of a length that is no multiple of eight\n");
    output_end();
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
    output_write(text, sizeof(text));
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
        output_write("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 32);
    input_poll();
    assert_non_null(strchr(fake.output, '\a'));
    unsigned lines = take_lines(&length);
    assert_in_range(lines, 1000, 3000);
    assert_int_equal(got[length - 1], KEY_ENTER);
    assert_int_equal(memcmp(got, pasted, length), 0);
    fake_send("more\r");
    assert_int_equal(input_key(), 'm'); // and it goes on
}

static void where_a_key_came_from(void **state)
{
    (void)state;
    fake_type("k");
    (void)input_key();
    assert_true(input_is_from_keyboard());
    fake_send("l");
    (void)input_key();
    assert_false(input_is_from_keyboard());
    fake_type("k");
    input_poll();
    fake_send("l");
    (void)input_key();
    assert_true(input_is_from_keyboard()); // typed ahead, too
    (void)input_key();
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
    output_begin(OUTPUT_FOR_KEYBOARD);
    print_text(text);
    output_end();
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
    output_begin(origin);
    print_text("1\n2\n3\n4\n5\n");
    output_end();
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
    output_begin(OUTPUT_FOR_LINE);
    for (unsigned i = 0; i < 20; i++)
        print_text("a line of output\n");
    output_end();
    while (fake.line_length)
        output_write("x", 1);
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
    output_begin(OUTPUT_FOR_KEYBOARD);
    print_text("1\n2\n3\n4\n5\n");
    output_end();
    expect_output("1\n2\n3\n4\n-- more --\r          \rlogged\n-- more --\r          \r5\n");
    console_write_above("logged\n", 7);
    expect_output("logged\n");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
