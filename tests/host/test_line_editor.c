// monitor/line_editor on a model of a terminal's row, and against a naive editor that knows nothing
// of drawing or UTF-8. Catches a key that does something else, a row or a cursor that isn't where
// the text says, a character cut in half, output that a dumb terminal can't take, and more output
// for plain typing than the text itself.

#include "tests/host/model_terminal.h"

#include "monitor/history.c"
#include "monitor/key.c"
#define is_word line_is_word
#include "monitor/line.c"
#undef is_word
#include "monitor/line_search.c"
#define move  view_move
#define flush view_flush
#include "monitor/line_view.c"
#undef move
#undef flush
#include "monitor/line_editor.c"

#define PROMPT "keelson> "

static struct line_editor editor;
static struct history history;
static struct key_decoder decoder;
static enum line_state state_now;

static unsigned characters(const char *text, size_t length)
{
    unsigned count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((uint8_t)text[i] & 0xc0) != 0x80;
    return count;
}

// Whether the row shows the prompt and then the line from the editor's window on, as far as there
// is room, and has its cursor where the line has it.
static void check_row(void)
{
    char expected[1200];
    const struct line *line = &editor.line;
    unsigned width = terminal.columns - 1 - (unsigned)strlen(PROMPT), shown = 0;
    assert_int_equal(line->length, strlen(line->text));
    assert_true(editor.first <= line->cursor && line->cursor <= line->length);
    if (characters(line->text, line->length) <= width)
        assert_int_equal(editor.first, 0);
    snprintf(expected, sizeof(expected), PROMPT "%s", line->text + editor.first);
    size_t end = strlen(PROMPT);
    for (; expected[end]; end++)
        if (((uint8_t)expected[end] & 0xc0) != 0x80 && shown++ == width)
            break;
    while (end && expected[end - 1] == ' ')
        end--;
    expected[end] = 0;
    assert_string_equal(terminal_row(), expected);
    assert_int_equal(terminal.column, strlen(PROMPT) + characters(line->text + editor.first,
                                                                  line->cursor - editor.first));
}

static enum line_state press(unsigned key)
{
    state_now = line_editor_key(&editor, key);
    if (state_now == LINE_TYPING && !editor.search.is_on)
        check_row();
    return state_now;
}

// Bytes as a terminal sends them.
static enum line_state type(const char *bytes)
{
    for (; *bytes; bytes++) {
        unsigned key = key_decode(&decoder, (uint8_t)*bytes, 0);
        if (key != KEY_NONE)
            press(key);
    }
    return state_now;
}

static void begin(unsigned columns)
{
    terminal_start(columns);
    editor.prompt = PROMPT;
    editor.columns = columns;
    editor.write = terminal_write;
    editor.history = &history;
    line_editor_start(&editor);
    check_row();
}

static int start(void **state)
{
    (void)state;
    editor = (struct line_editor){0};
    history = (struct history){0};
    decoder = (struct key_decoder){0};
    begin(80);
    return 0;
}

static void begin_again(void)
{
    line_editor_hide(&editor);
    line_editor_start(&editor);
    check_row();
}

// `|` in what is expected is the cursor.
static void expect(const char *bytes, const char *expected)
{
    char text[LINE_TEXT_MAX + 2];
    begin_again();
    type(bytes);
    const struct line *line = &editor.line;
    memcpy(text, line->text, line->cursor);
    text[line->cursor] = '|';
    memcpy(text + line->cursor + 1, line->text + line->cursor, line->length - line->cursor + 1);
    if (!string_equal(text, expected))
        fail_msg("'%s', expected '%s'", text, expected);
}

static void plain_typing_writes_the_text_and_nothing_else(void **state)
{
    (void)state;
    terminal_forget();
    type("memory \xc3\xa4");
    assert_string_equal(terminal.raw, "memory \xc3\xa4");
    terminal_forget();
    type("\b");
    assert_string_equal(terminal.raw, "\b \b");
    type("\b\b\b\b\b\b\b");
    terminal_forget();
    type("\b\x7f\033[D\033[C\033[3~\x04\x01\x05");
    assert_string_equal(terminal.raw, "");
    assert_int_equal(type("help\r"), LINE_ENTERED);
    assert_string_equal(terminal.raw, "help\n");
    assert_string_equal(editor.line.text, "help");
}

static void moving(void **state)
{
    (void)state;
    expect("abc\033[D\033[D", "a|bc");
    expect("abc\x02\x02\x02\x02", "|abc");
    expect("abc\x01\x06x", "ax|bc");
    expect("abc\033[H1\033[F2", "1abc2|");
    expect("one two_3  four\033b\033b\033[1;5D", "|one two_3  four");
    expect("one two_3  four\x01\033f\033[1;5C", "one two_3|  four");
    expect("a-b\033b", "a-|b");
    expect("a\xc3\xa4\xe2\x82\xac\033[D\033[D", "a|\xc3\xa4\xe2\x82\xac");
}

static void deleting(void **state)
{
    (void)state;
    expect("abc\033[D\b", "a|c");
    expect("abc\x01\033[3~\x04", "|c");
    expect("a\xc3\xa4\b\b", "|");
    expect("\xc3\xa4"
           "b\x01\x04",
           "|b");
    expect("one two\x15x", "x|");
    expect("one two\033b\x15", "|two");
    expect("one two\x01\x0b", "|");
    expect("peek -4 kmain+1\x17", "peek -4 |");
    expect("peek -4  \x17", "peek |");
    expect("kmain+10\033\x7f", "kmain+|");
    expect("one two\x01\033d", "| two");
}

static void yanking(void **state)
{
    (void)state;
    expect("one two\x17\x01\x19", "two|one ");
    expect("one\x15\x15\x19\x19", "oneone|"); // killing nothing keeps what was killed
    expect("a b\x17\b\x04\x19", "ab|");       // deleting characters too
}

static void clearing_the_screen_keeps_the_line(void **state)
{
    (void)state;
    type("abc\033[D\x0c");
    assert_int_equal(terminal.clears, 1);
    assert_string_equal(terminal_row(), PROMPT "abc");
    assert_int_equal(terminal.column, strlen(PROMPT) + 2);
}

static void giving_up(void **state)
{
    (void)state;
    assert_int_equal(type("abc\x01\x03"), LINE_GIVEN_UP);
    assert_string_equal(terminal.above, PROMPT "abc^C");
    assert_int_equal(terminal.rows, 1);
    assert_string_equal(terminal_row(), "");
}

static void what_means_nothing_does_nothing(void **state)
{
    (void)state;
    expect("ab\x1a\x1c\x1d\x1e\x1f\x07\x0f\033[2~\033OP\033[15~\033x\033[5~\t", "ab|");
    assert_int_equal(terminal.beeps, 0);
}

static void overlong_lines_are_refused(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'x', sizeof(text));
    text[LINE_TEXT_MAX] = 0;
    type(text);
    assert_false(editor.is_overlong);
    type("y");
    assert_true(editor.is_overlong);
    assert_int_equal(editor.line.length, LINE_TEXT_MAX);
    type("\033[A\033[B"); // leaving it doesn't make it whole
    assert_true(editor.is_overlong);
    type("\b");
    assert_false(editor.is_overlong);
    type("\xc3\xa4"); // no half characters
    assert_true(editor.is_overlong);
    assert_int_equal(editor.line.length, LINE_TEXT_MAX - 1);
}

static void history_keys(void **state)
{
    (void)state;
    history_add(&history, "first");
    history_add(&history, "second");
    expect("typ\033[A", "second|");
    expect("typ\x10\x10\x10", "first|");
    expect("typ\033[A\033[A\033[B\033[B\033[B", "typ|");
    expect("\033[A!\033[B\x0e", "|");
    assert_string_equal(history_get(&history, 1), "second"); // never changed
}

static void expect_search(const char *row, unsigned column)
{
    assert_string_equal(terminal_row(), row);
    assert_int_equal(terminal.column, column);
}

static void searching(void **state)
{
    (void)state;
    history_add(&history, "peek kmain");
    history_add(&history, "memory");
    history_add(&history, "peek boot_info");
    type("typ\x12");
    expect_search("(search)'': typ", 15);
    type("pee");
    expect_search("(search)'pee': peek boot_info", 15);
    type("\x12");
    expect_search("(search)'pee': peek kmain", 15);
    type("\x12");
    assert_int_equal(terminal.beeps, 1); // there is no older one
    type("\b");
    expect_search("(search)'pe': peek boot_info", 14);
    type("q");
    expect_search("(search)'pe': peek boot_info", 14);
    assert_int_equal(terminal.beeps, 2);
    type("\x07");
    check_row();
    assert_string_equal(editor.line.text, "typ");
}

static void a_search_ends(void **state)
{
    (void)state;
    history_add(&history, "peek kmain");
    history_add(&history, "memory");
    expect("typ\x12mai\x05!", "peek kmain!|");
    expect("typ\x12mai\033[Dx", "peek x|kmain");
    expect("typ\x12mai\x03", "typ|");
    expect("typ\x12\b", "typ|");
    expect("typ\x12mai\b\b\b", "typ|");
    begin_again();
    type("\x12mem");
    press(KEY_ESCAPE);
    assert_string_equal(editor.line.text, "");
    type("\x12mem");
    assert_int_equal(type("\r"), LINE_ENTERED);
    assert_string_equal(editor.line.text, "memory");
    assert_string_equal(terminal.above, PROMPT "memory");
}

static void a_search_fits_into_a_narrow_row(void **state)
{
    (void)state;
    char line[200] = {0};
    memset(line, 'a', 150);
    line[149] = 'z';
    history_add(&history, line);
    begin(20);
    type("\x12"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_true(terminal.column <= 19);
    type("\x12z\r");
    assert_string_equal(editor.line.text, line);
}

static void hiding_and_showing(void **state)
{
    (void)state;
    type("abc\033[D");
    line_editor_hide(&editor);
    assert_string_equal(terminal_row(), "");
    assert_int_equal(terminal.column, 0);
    terminal_write("a line of the log\n", 18);
    line_editor_show(&editor);
    check_row();
    type("\x12");
    line_editor_hide(&editor);
    assert_string_equal(terminal_row(), "");
    line_editor_show(&editor);
    expect_search("(search)'': abc", 14);
}

static void complete_test(struct line_editor *at)
{
    if (at->line.length == 0) {
        line_editor_leave_row(at);
        terminal_write("choices\n", 8);
    } else {
        line_editor_insert(at, "mory ", 5);
    }
}

static void tab_completes(void **state)
{
    (void)state;
    editor.complete = complete_test;
    type("\t");
    assert_string_equal(terminal.above, "choices");
    type("me\tx");
    assert_string_equal(editor.line.text, "memory x");
}

static void long_lines_scroll(void **state)
{
    (void)state;
    begin(40);
    for (unsigned i = 0; i < 200; i++)
        press(i % 7 ? 'a' + i % 26 : 0xe4);
    unsigned redrawn = 0;
    for (unsigned i = 0; i < 200; i++) {
        terminal_forget();
        press(KEY_LEFT);
        redrawn += terminal.raw_length > 10;
    }
    assert_in_range(redrawn, 1, 20); // by halves, not with every key
    type("\x05\x01\x05");
}

// --- A naive editor beside it -----------------------------------------------------------------

static struct {
    uint32_t text[LINE_TEXT_MAX];
    unsigned length, cursor;
} naive;

static bool naive_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c >= 0x80;
}

static unsigned naive_bytes(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : 3;
}

static void naive_delete(unsigned from, unsigned to)
{
    for (unsigned i = to; i < naive.length; i++)
        naive.text[from + i - to] = naive.text[i];
    naive.length -= to - from;
    naive.cursor = from;
}

static void naive_insert(uint32_t c)
{
    unsigned bytes = naive_bytes(c);
    for (unsigned i = 0; i < naive.length; i++)
        bytes += naive_bytes(naive.text[i]);
    if (bytes > LINE_TEXT_MAX)
        return;
    for (unsigned i = naive.length++; i > naive.cursor; i--)
        naive.text[i] = naive.text[i - 1];
    naive.text[naive.cursor++] = c;
}

static unsigned naive_left(bool by_word)
{
    unsigned at = naive.cursor;
    if (!by_word)
        return at ? at - 1 : 0;
    while (at && !naive_word(naive.text[at - 1]))
        at--;
    while (at && naive_word(naive.text[at - 1]))
        at--;
    return at;
}

static unsigned naive_right(bool by_word)
{
    unsigned at = naive.cursor;
    if (!by_word)
        return at < naive.length ? at + 1 : at;
    while (at < naive.length && !naive_word(naive.text[at]))
        at++;
    while (at < naive.length && naive_word(naive.text[at]))
        at++;
    return at;
}

static void naive_press(unsigned key)
{
    if (key < KEY_UP && key >= ' ' && key != KEY_BACKSPACE)
        naive_insert(key);
    else if (key == KEY_LEFT)
        naive.cursor = naive_left(false);
    else if (key == KEY_RIGHT)
        naive.cursor = naive_right(false);
    else if (key == (KEY_ALT | 'b'))
        naive.cursor = naive_left(true);
    else if (key == (KEY_ALT | 'f'))
        naive.cursor = naive_right(true);
    else if (key == KEY_HOME)
        naive.cursor = 0;
    else if (key == KEY_END)
        naive.cursor = naive.length;
    else if (key == KEY_BACKSPACE)
        naive_delete(naive_left(false), naive.cursor);
    else if (key == KEY_DELETE)
        naive_delete(naive.cursor, naive_right(false));
    else if (key == (KEY_ALT | 'd'))
        naive_delete(naive.cursor, naive_right(true));
    else if (key == (KEY_ALT | KEY_BACKSPACE))
        naive_delete(naive_left(true), naive.cursor);
    else if (key == KEY_CONTROL('K'))
        naive_delete(naive.cursor, naive.length);
    else if (key == KEY_CONTROL('U'))
        naive_delete(0, naive.cursor);
}

static void expect_naive(void)
{
    const char *text = editor.line.text;
    for (unsigned i = 0; i < naive.length; i++) {
        if (i == naive.cursor)
            assert_ptr_equal(text, editor.line.text + editor.line.cursor);
        assert_int_equal(utf8_next(&text), naive.text[i]);
    }
    assert_ptr_equal(text, editor.line.text + editor.line.length);
    assert_int_equal(*text, 0);
}

static void random_keys(void **state)
{
    (void)state;
    static const unsigned keys[] = {'a',           'b',
                                    ' ',           ' ',
                                    '_',           0xe4,
                                    0x20ac,        '-',
                                    'x',           'y',
                                    '3',           KEY_LEFT,
                                    KEY_RIGHT,     KEY_HOME,
                                    KEY_END,       KEY_ALT | 'b',
                                    KEY_ALT | 'f', KEY_BACKSPACE,
                                    KEY_BACKSPACE, KEY_DELETE,
                                    KEY_ALT | 'd', KEY_ALT | KEY_BACKSPACE,
                                    KEY_LEFT,      KEY_RIGHT};
    random_seed(80);
    for (unsigned round = 0; round < 60; round++) {
        naive.length = naive.cursor = 0;
        begin(20 + (unsigned)random_below(round % 2 ? 200 : 20));
        for (unsigned i = 0; i < 600; i++) {
            unsigned key = keys[random_below(ARRAY_SIZE(keys))];
            if (random_below(60) == 0)
                key = random_below(2) ? KEY_CONTROL('K') : KEY_CONTROL('U');
            else if (random_below(100) < 30)
                key = 'a' + (unsigned)random_below(26);
            naive_press(key);
            press(key);
            expect_naive();
        }
    }
}

// All keys, history and search among them: the row always fits the line.
static void random_keys_of_all_kinds(void **state)
{
    (void)state;
    random_seed(81);
    for (unsigned round = 0; round < 40; round++) {
        begin(20 + (unsigned)random_below(80));
        for (unsigned i = 0; i < 500; i++) {
            unsigned key = random_below(3) ? 1 + (unsigned)random_below(0x120)
                                           : KEY_UP + (unsigned)random_below(10);
            if (key >= 0x80 && key < 0xa0)
                key |= KEY_ALT;
            if (press(key) == LINE_TYPING)
                continue;
            if (state_now == LINE_ENTERED)
                history_add(&history, editor.line.text);
            line_editor_start(&editor);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(plain_typing_writes_the_text_and_nothing_else, start),
        cmocka_unit_test_setup(moving, start),
        cmocka_unit_test_setup(deleting, start),
        cmocka_unit_test_setup(yanking, start),
        cmocka_unit_test_setup(clearing_the_screen_keeps_the_line, start),
        cmocka_unit_test_setup(giving_up, start),
        cmocka_unit_test_setup(what_means_nothing_does_nothing, start),
        cmocka_unit_test_setup(overlong_lines_are_refused, start),
        cmocka_unit_test_setup(history_keys, start),
        cmocka_unit_test_setup(searching, start),
        cmocka_unit_test_setup(a_search_ends, start),
        cmocka_unit_test_setup(a_search_fits_into_a_narrow_row, start),
        cmocka_unit_test_setup(hiding_and_showing, start),
        cmocka_unit_test_setup(tab_completes, start),
        cmocka_unit_test_setup(long_lines_scroll, start),
        cmocka_unit_test_setup(random_keys, start),
        cmocka_unit_test_setup(random_keys_of_all_kinds, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
