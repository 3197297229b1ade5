// monitor/completion and monitor/usage with a few commands of the test's own. Catches a word
// offered where it can't stand or missing where it can, the wrong word or command taken for the one
// being typed, a common beginning that isn't, and lists that are cut short, doubled or out of
// order.

#include "tests/host/lib.h"

#include "monitor/choices.c"
#include "monitor/completion.c"
#include "monitor/usage.c"

COMMAND(cat, "", "", "")
{
    return OK;
}

COMMAND(peek, "[-4|-8] [phys:]ADDRESS [COUNT]", "", "")
{
    return OK;
}

COMMAND(repeat, "COUNT COMMAND...", "", "")
{
    return OK;
}

COMMAND(help, "[COMMAND]", "", "")
{
    return OK;
}

COMMAND(log, "[error|warn|info|debug]", "", "")
{
    return OK;
}

COMMAND(set, "on|off [KIND COLOUR] [WORD...]", "", "")
{
    return OK;
}

COMPLETER(COMMAND)
{
    const struct command *command;
    TABLE_FOREACH (command, command) {
        completion_offer(completion, command->name);
    }
}

COMPLETER(ADDRESS)
{
    completion_offer_open(completion, "kmain");
    completion_offer_open(completion, "kernel_end");
    completion_offer_open(completion, "kernel_start");
}

COMPLETER(KIND)
{
    completion_offer(completion, "assert");
    completion_offer(completion, "write");
    completion_offer(completion, "assert");
}

COMPLETER(COLOUR)
{
    completion_offer(completion, "red");
}

COMPLETER(WORD)
{
    completion_offer(completion, "word");
}

const struct command *command_find(const char *name)
{
    const struct command *command;
    TABLE_FOREACH (command, command) {
        if (string_equal(command->name, name))
            return command;
    }
    return NULL;
}

static struct completion found;

// What is offered, with blanks between; then the part that would be inserted behind `+`.
static void expect(const char *line, const char *expected)
{
    char text[400] = "";
    size_t used = 0, length = strlen(line);
    char *exact = malloc(length ? length : 1);
    memcpy(exact, line, length);
    completion_find(&found, exact, length);
    for (unsigned i = 0; i < found.kept; i++)
        used += snprintf(text + used, sizeof(text) - used, i ? " %.*s" : "%.*s",
                         (int)found.words[i].length, found.words[i].text);
    if (found.kept && found.common_length > found.typed_length)
        used += snprintf(text + used, sizeof(text) - used, "+%.*s",
                         (int)(found.common_length - found.typed_length),
                         found.words[0].text + found.typed_length);
    if (!string_equal(text, expected))
        fail_msg("[%s]: [%s], expected [%s]", line, text, expected);
    free(exact);
}

static void commands(void **state)
{
    (void)state;
    expect("", "cat help log peek repeat set");
    expect("  p", "peek+eek");
    expect("peek", "peek");
    expect("x", "");
    expect("cat; l", "log+og");
    expect("cat;l", "log+og");
    expect("echo 'a; b", "");
    expect("cat 'a;b';pe", "peek+ek");
    expect("cat a\\;p", "");
}

static void words_of_the_usage(void **state)
{
    (void)state;
    expect("log ", "debug error info warn");
    expect("log w", "warn+arn");
    expect("log warn ", "");
    expect("log   d", "debug+ebug");
    expect("cat ", "");
    expect("nonsense ", "");
    expect("set o", "off on");
    expect("set of", "off+f");
}

static void placeholders(void **state)
{
    (void)state;
    expect("help r", "repeat+epeat");
    expect("help peek ", ""); // not its arguments
    expect("peek -4 k", "kernel_end kernel_start kmain");
    expect("peek ke", "kernel_end kernel_start+rnel_");
    expect("peek kmain+", "");
    expect("set on a", "assert+ssert");
    expect("set on assert r", "red+ed");
    expect("set off assert red wo", "word+rd");
    expect("set off assert red word wo", "word+rd");
}

static void what_is_optional_may_be_left_out(void **state)
{
    (void)state;
    expect("peek ", "-4 -8 kernel_end kernel_start kmain phys:");
    expect("peek -", "-4 -8");
    expect("peek -4 ", "kernel_end kernel_start kmain phys:");
    expect("peek p", "phys:+hys:");
    expect("set on ", "assert word write");
    expect("set on x ", "red word"); // x is a KIND or a WORD
    expect("peek 0x10 ", "");
}

static void a_command_within_a_command(void **state)
{
    (void)state;
    expect("repeat ", "");
    expect("repeat 3 ", "cat help log peek repeat set");
    expect("repeat 3 lo", "log+g");
    expect("repeat 3 log ", "debug error info warn");
    expect("cat; repeat 3 repeat 2 peek -8 km", "kmain+ain");
    expect("repeat 3 nonsense x", "");
}

static void what_is_quoted_is_left_alone(void **state)
{
    (void)state;
    expect("log \"w", "");
    expect("log 'w'", "");
    expect("log \\w", "");
    expect("log 'x' ", "");
    expect("peek '-4' km", ""); // no literal, so an address
    expect("a b c d e f g h i j k l m n o p q r", "");
}

static void whether_a_word_is_over(void **state)
{
    (void)state;
    expect("log w", "warn+arn");
    assert_false(found.is_open);
    expect("peek km", "kmain+ain");
    assert_true(found.is_open);
    expect("peek ph", "phys:+ys:");
    assert_true(found.is_open);
}

// --- Many words -------------------------------------------------------------------------------

static char names[300][8];

static void many_words_are_kept_sorted_and_the_rest_counted(void **state)
{
    (void)state;
    random_seed(90);
    found = (struct completion){.typed = "", .typed_length = 0};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        snprintf(names[i], sizeof(names[i]), "n%03u", i);
    for (unsigned i = 0; i < 300; i++)
        completion_offer(&found, names[i * 7 % 300]);
    assert_int_equal(found.kept, COMPLETION_KEPT_MAX);
    assert_int_equal(found.more, 300 - COMPLETION_KEPT_MAX);
    assert_int_equal(found.common_length, 1);
    for (unsigned i = 0; i < found.kept; i++)
        assert_ptr_equal(found.words[i].text, names[i]);
    completion_offer(&found, "n050"); // again
    assert_int_equal(found.more, 300 - COMPLETION_KEPT_MAX);
}

static char shown[20000];
static size_t shown_length;

static void show(const char *text, size_t length)
{
    memcpy(shown + shown_length, text, length);
    shown_length += length;
    shown[shown_length] = 0;
}

static void expect_shown(unsigned columns, const char *expected)
{
    shown_length = 0;
    choices_show(&found, columns, show);
    assert_string_equal(shown, expected);
}

static void choices_stand_in_columns(void **state)
{
    (void)state;
    completion_find(&found, "", 0);
    expect_shown(80, "cat     help    log     peek    repeat  set\n");
    expect_shown(24, "cat     log     repeat\nhelp    peek    set\n");
    expect_shown(20, "cat     peek\nhelp    repeat\nlog     set\n");
    expect_shown(5, "cat\nhelp\nlog\npeek\nrepeat\nset\n");
    many_words_are_kept_sorted_and_the_rest_counted(NULL);
    shown_length = 0;
    choices_show(&found, 80, show);
    assert_true(string_equal(shown + shown_length - 17, "\n... and 200 more\n" + 1));
}

// --- Usages of any kind -----------------------------------------------------------------------

static void any_usage_and_any_line_end(void **state)
{
    (void)state;
    static const char *const pieces[] = {"[", "]",  "|",      "...", " ", " ",  "A", "COMMAND",
                                         "b", "-4", "[X...]", "\"",  "'", "\\", ";"};
    random_seed(91);
    for (unsigned round = 0; round < 50000; round++) {
        char text[200];
        size_t length = 0;
        for (uint64_t i = random_below(20); i--;) {
            const char *piece = pieces[random_below(ARRAY_SIZE(pieces))];
            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        }
        text[length] = 0;
        struct usage usage;
        char *exact = memcpy(malloc(length + 1), text, length + 1);
        usage_parse(&usage, exact);
        usage_set at = usage_start(&usage);
        at = usage_step(&usage, at, "b", 1);
        (void)usage_step(&usage, at, "x", 1);
        completion_find(&found, exact, length);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),
        cmocka_unit_test(words_of_the_usage),
        cmocka_unit_test(placeholders),
        cmocka_unit_test(what_is_optional_may_be_left_out),
        cmocka_unit_test(a_command_within_a_command),
        cmocka_unit_test(what_is_quoted_is_left_alone),
        cmocka_unit_test(whether_a_word_is_over),
        cmocka_unit_test(many_words_are_kept_sorted_and_the_rest_counted),
        cmocka_unit_test(choices_stand_in_columns),
        cmocka_unit_test(any_usage_and_any_line_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
