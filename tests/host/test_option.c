// kernel/option: a command line into calls of setters, with a small table of options in place of
// the kernel's. Catches an unknown word or a bad value that stops those behind it, a value where
// none belongs or none where one does, quoting that GRUB has added reaching a setter, and a line of
// any length or content breaking the start.

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "kernel/option.c"

static char calls[4096];

static enum status note(const char *name, const char *value, enum status result)
{
    char *at = calls + strlen(calls);
    (void)snprintf(at, (size_t)(calls + sizeof(calls) - at), "%s(%s) ", name, value);
    return result;
}

OPTION(size, "SIZE", "needs a value")
{
    uint64_t bytes;
    return note("size", value, parse_size(value, &bytes) ? OK : BAD_ARGUMENT);
}

OPTION(quiet, "", "takes none")
{
    return note("quiet", value, OK);
}

OPTION(ktest, "[PATTERN]", "may have one")
{
    return note("ktest", value, OK);
}

OPTION(run, "COMMANDS", "quoted")
{
    return note("run", value, OK);
}

// `line` may call these, in this order, and gives so many warnings.
static void expect(const char *line, const char *expected, unsigned warnings)
{
    size_t size = strlen(line) + 1;
    char *exact = memcpy(malloc(size), line, size);
    calls[0] = 0;
    log_forget();
    options_apply(exact);
    if (!string_equal(calls, expected) || log_lines[LOG_WARN] != warnings)
        fail_msg("[%s]: %s and %u warnings", line, calls, log_lines[LOG_WARN]);
    assert_string_equal(exact, line); // the caller's copy is kept
    free(exact);
}

static void options_are_found_and_called_in_order(void **state)
{
    (void)state;
    expect("", "", 0);
    expect("   ", "", 0);
    expect("quiet", "quiet() ", 0);
    expect("size=4K quiet  size=1M", "size(4K) quiet() size(1M) ", 0);
    expect("run=a=b", "run(a=b) ", 0); // only the first = divides
}

static void values_are_asked_for_and_refused(void **state)
{
    (void)state;
    expect("size", "", 1);
    expect("size=", "", 1);
    expect("quiet=1 quiet", "quiet() ", 1);
    expect("ktest ktest=page*", "ktest() ktest(page*) ", 0);
    expect("size=big quiet", "size(big) quiet() ", 1);
}

static void unknown_words_are_passed_over(void **state)
{
    (void)state;
    expect("nosuch quiet", "quiet() ", 1);
    expect("nosuch=1 =x = quietly qui Quiet quiet", "quiet() ", 6);
}

static void both_of_grubs_quotings_are_the_same(void **state)
{
    (void)state;
    expect("run=\"help boot; boot\" quiet", "run(help boot; boot) quiet() ", 0);
    expect("\"run=help boot; boot\" quiet", "run(help boot; boot) quiet() ", 0);
    expect("\"run=echo \\\"a\\\\b\\\" \\'c\\'\"", "run(echo \"a\\b\" 'c') ", 0);
    expect("\"quiet\" 'size=1K'", "quiet() size(1K) ", 0);
}

static void a_line_that_cannot_be_split_is_left_alone(void **state)
{
    (void)state;
    expect("quiet run=\"help", "", 1);
    static char many[400];
    for (unsigned i = 0; i < 130; i++)
        memcpy(many + i * 3, "a= ", 4);
    expect(many, "", 1);
}

// As many words as are allowed, and a line as long as the loader's may be.
static void long_lines(void **state)
{
    (void)state;
    static char line[BOOT_COMMAND_LINE_MAX + 500];
    char *at = line;
    for (unsigned i = 0; i < 60; i++)
        at = (char *)memcpy(at, "quiet ", 7) + 6;
    options_apply(line);
    for (unsigned i = 0; i < sizeof(line) - 1; i++)
        line[i] = 'x';
    log_forget();
    calls[0] = 0;
    options_apply(line);
    assert_string_equal(calls, "");
    assert_int_equal(log_lines[LOG_WARN], 1);
}

static void random_lines_end(void **state)
{
    (void)state;
    static const char *const pieces[] = {"size", "quiet", "ktest", "run", "=", "=",    " ", " ",
                                         "\"",   "'",     "\\",    "1M",  ";", "\xff", "x"};
    random_seed(70);
    for (unsigned round = 0; round < 100000; round++) {
        char line[128];
        size_t length = 0;
        for (uint64_t i = random_below(16); i--;) {
            const char *piece = pieces[random_below(ARRAY_SIZE(pieces))];
            memcpy(line + length, piece, strlen(piece));
            length += strlen(piece);
        }
        line[length] = 0;
        char *exact = memcpy(malloc(length + 1), line, length + 1);
        calls[0] = 0;
        options_apply(exact);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_found_and_called_in_order),
        cmocka_unit_test(values_are_asked_for_and_refused),
        cmocka_unit_test(unknown_words_are_passed_over),
        cmocka_unit_test(both_of_grubs_quotings_are_the_same),
        cmocka_unit_test(a_line_that_cannot_be_split_is_left_alone),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(random_lines_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
