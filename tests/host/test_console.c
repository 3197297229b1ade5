// kernel/console with sinks that keep what they are given. Catches text that misses a sink or gets
// past a thread's stream, a log line that draws the prompt for ever, styles on a plain line, and a
// panic that gives up a sink which isn't to blame, or uses one again that is.

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"
#include "tests/host/fake_threads.h"

#include "kernel/console.c"

static unsigned waits;

static void fake_wait(void)
{
    waits++;
}

// --- Sinks, sources, and a log -----------------------------------------------------------------

struct recorder {
    struct console_sink sink;
    char text[4096];
    unsigned shows, flushes, resets;
    int pages;
};

static struct recorder plain, styled;
static jmp_buf panicked;
static unsigned panics;

void panic(const char *format, ...)
{
    (void)format;
    panics++;
    longjmp(panicked, 1);
}

enum log_level log_console_level(void)
{
    return LOG_INFO;
}

void log_replay(enum log_level level, bool (*show)(void *context, const char *line, size_t length),
                void *context)
{
    static const char lines[] = "first\nsecond\n";
    assert_int_equal(level, LOG_INFO);
    if (show(context, lines, 6))
        (void)show(context, lines + 6, 7);
}

static void record(struct console_sink *sink, const char *text, size_t length)
{
    char *end = ((struct recorder *)sink)->text;
    end += strlen(end);
    assert_true(end + length < ((struct recorder *)sink)->text + sizeof(plain.text));
    memcpy(end, text, length);
    end[length] = 0;
}

static void count_show(struct console_sink *sink)
{
    ((struct recorder *)sink)->shows++;
}

static void count_flush(struct console_sink *sink)
{
    ((struct recorder *)sink)->flushes++;
}

static void count_reset(struct console_sink *sink)
{
    ((struct recorder *)sink)->resets++;
}

static void count_pages(struct console_sink *sink, int pages)
{
    ((struct recorder *)sink)->pages += pages;
}

// All that has been given since the last time.
static void expect_text(struct recorder *recorder, const char *expected)
{
    assert_string_equal(recorder->text, expected);
    recorder->text[0] = 0;
}

static void expect_both(const char *expected)
{
    expect_text(&plain, expected);
    expect_text(&styled, expected);
}

// A sink with nothing optional, and one with everything.
static int start(void **state)
{
    (void)state;
    sinks = NULL;
    sources = NULL;
    in_use = NULL;
    fake_thread.stream = NULL;
    writing.owner = 0;
    prompt = NULL;
    last_source = NULL;
    panics = 0;
    assert_int_equal(option_set_console("serial,screen"), OK);
    plain = (struct recorder){.sink = {.name = "serial", .write = record}};
    styled = (struct recorder){.sink = {.name = "screen",
                                        .is_styled = true,
                                        .write = record,
                                        .show = count_show,
                                        .flush = count_flush,
                                        .reset = count_reset,
                                        .scroll = count_pages}};
    console_add_sink(&plain.sink);
    console_add_sink(&styled.sink);
    plain.text[0] = styled.text[0] = 0;
    return 0;
}

// --- Text --------------------------------------------------------------------------------------

static void without_sinks_text_is_dropped(void **state)
{
    (void)state;
    sinks = NULL;
    print("nobody\n");
    console_write_above("nobody\n", 7);
    console_style("1");
    console_flush();
    console_scroll(1);
    assert_int_equal(console_read(), -1);
    assert_null(console_sinks());
    expect_both("");
}

static void text_goes_to_every_sink(void **state)
{
    (void)state;
    print("%u of %s\n", 3, "them");
    expect_both("3 of them\n");
    print_text("100%\n");
    expect_both("100%\n");
    console_write("abc", 2);
    expect_both("ab");
}

static void long_text_is_cut_by_print_alone(void **state)
{
    (void)state;
    char text[PRINT_MAX + 101];
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = 'x';
    text[PRINT_MAX + 100] = 0;
    print_text(text);
    expect_both(text);
    print("%s", text);
    text[PRINT_MAX] = 0;
    expect_both(text);
}

static void a_new_sink_is_given_the_log(void **state)
{
    (void)state;
    static struct recorder late = {.sink = {.name = "late", .write = record}};
    print("before\n");
    expect_both("before\n");
    console_add_sink(&late.sink);
    expect_text(&late, "first\nsecond\n");
    expect_both(""); // they had it
    print("after\n");
    expect_text(&late, "after\n");
    expect_both("after\n");
}

static char filtered[64];

static void keep_for_myself(struct console_stream *stream, const char *text, size_t length)
{
    (void)stream;
    memcpy(filtered + strlen(filtered), text, length);
}

static void pass_on(struct console_stream *stream, const char *text, size_t length)
{
    (void)stream;
    console_write("<", 1);
    console_write(text, length);
    console_write(">", 1);
}

static struct console_stream keeper = {.write = keep_for_myself}, passer = {.write = pass_on};

static void a_stream_stands_between(void **state)
{
    (void)state;
    filtered[0] = 0;
    assert_null(console_set_stream(&keeper));
    print("%s ", "one");
    print_text("two");
    assert_string_equal(filtered, "one two");
    console_write("past", 4);
    expect_both("past");
    assert_ptr_equal(console_set_stream(&passer), &keeper);
    assert_ptr_equal(console_stream(), &passer);
    print("three");
    expect_both("<three>");
    assert_ptr_equal(console_set_stream(NULL), &passer);
    print("four");
    expect_both("four");
}

static void styles_are_for_styled_sinks(void **state)
{
    (void)state;
    console_style("1;31");
    console_style("");
    expect_text(&styled, "\033[1;31m\033[m");
    expect_text(&plain, "");
}

// --- The prompt --------------------------------------------------------------------------------

static void hide(void)
{
    console_write("[hide]", 6);
    console_write_above("log while hiding\n", 17);
}

static void show(void)
{
    console_write_above("log while showing\n", 18);
    console_write("[show]", 6);
}

static void text_appears_above_what_is_typed(void **state)
{
    (void)state;
    static const struct console_prompt typed = {hide, show};
    console_write_above("a\n", 2);
    expect_both("a\n");
    console_hold();
    console_release(&typed);
    for (unsigned again = 0; again < 2; again++) {
        console_write_above("b\n", 2);
        expect_both("[hide]log while hiding\nb\nlog while showing\n[show]");
    }
    console_write("c", 1);
    expect_both("c"); // its owner's own text
    print("p\n");     // somebody else's
    expect_both("[hide]log while hiding\np\nlog while showing\n[show]");
    console_hold();
    console_release(NULL);
    console_write_above("d\n", 2);
    expect_both("d\n");
}

// --- What sinks can do besides -----------------------------------------------------------------

static void operations_reach_those_that_have_them(void **state)
{
    (void)state;
    console_show();
    console_flush();
    console_flush();
    console_scroll(3);
    console_scroll(-1);
    assert_int_equal(styled.shows, 1);
    assert_int_equal(styled.flushes, 2);
    assert_int_equal(styled.pages, 2);
    assert_int_equal(styled.resets, 0);
}

static void expect_size(unsigned columns, unsigned rows)
{
    struct console_size size = console_size();
    assert_int_equal(size.columns, columns);
    assert_int_equal(size.rows, rows);
}

static void the_size_is_the_smallest(void **state)
{
    (void)state;
    expect_size(80, 24); // nobody knows
    styled.sink.columns = 240, styled.sink.rows = 67;
    expect_size(240, 67);
    plain.sink.columns = 100, plain.sink.rows = 90;
    expect_size(100, 67);
    plain.sink.rows = 0;
    expect_size(100, 67);
    plain.sink.is_broken = true;
    expect_size(240, 67);
}

// --- Keys --------------------------------------------------------------------------------------

static const char *keys[2];

static int read_first(struct console_source *source)
{
    (void)source;
    return *keys[0] ? (uint8_t)*keys[0]++ : -1;
}

static int read_second(struct console_source *source)
{
    (void)source;
    return *keys[1] ? (uint8_t)*keys[1]++ : -1;
}

static void keys_come_from_every_source(void **state)
{
    (void)state;
    static struct console_source first = {.name = "serial", .read = read_first},
                                 second = {.name = "keyboard", .read = read_second};
    console_add_source(&first);
    console_add_source(&second);
    keys[0] = keys[1] = "";
    assert_null(console_last_source());
    keys[0] = "a";
    assert_int_equal(console_read(), 'a');
    assert_ptr_equal(console_last_source(), &first);
    keys[1] = "\xff";
    assert_int_equal(console_read(), 0xff); // a byte, not -1
    assert_ptr_equal(console_last_source(), &second);
    keys[0] = "b", keys[1] = "c";
    assert_int_equal(console_read() + console_read(), 'b' + 'c');
    assert_int_equal(styled.shows, 0);
    const struct console_source *before = console_last_source();
    assert_int_equal(console_read(), -1);
    assert_ptr_equal(console_last_source(), before);
}

static void who_waits_for_keys_misses_none(void **state)
{
    (void)state;
    uint64_t seen = console_notified();
    waits = 0;
    console_wait(seen, TIMER_NEVER);
    assert_int_equal(waits, 1);
    console_notify();
    console_wait(seen, TIMER_NEVER); // has come since he looked
    assert_int_equal(waits, 1);
    console_wait(console_notified(), TIMER_NEVER);
    assert_int_equal(waits, 2);
}

// An interrupt that finds a thread in there writes all the same; a thread would wait.
static void an_interrupt_does_not_wait(void **state)
{
    (void)state;
    static const struct trap_frame *const frame = (const void *)&frame;
    struct thread other;
    writing.owner = (uintptr_t)&other;
    fake_cpu.interrupted = frame;
    print("now\n");
    expect_both("now\n");
    fake_cpu.interrupted = NULL;
    assert_int_equal(writing.owner, (uintptr_t)&other);
}

// --- The option --------------------------------------------------------------------------------

static struct recorder serial = {.sink = {.name = "serial", .write = record}},
                       screen = {.sink = {.name = "screen", .write = record}},
                       other = {.sink = {.name = "other", .write = record}};

static void expect_selected(const char *value, bool with_serial, bool with_screen)
{
    assert_int_equal(option_set_console(value), OK);
    sinks = NULL;
    console_add_sink(&serial.sink);
    console_add_sink(&screen.sink);
    console_add_sink(&other.sink);
    assert_ptr_equal(console_find_sink("serial"), &serial.sink);
    assert_int_equal(serial.sink.is_left_out, !with_serial);
    assert_int_equal(screen.sink.is_left_out, !with_screen);
    assert_false(other.sink.is_left_out); // not one that can be chosen
}

static void consoles_are_selected_by_name(void **state)
{
    (void)state;
    expect_selected("serial,screen", true, true);
    expect_selected("serial", true, false);
    expect_selected("screen", false, true);
    expect_selected("screen,serial", true, true);
    expect_selected("screen,screen", false, true);
}

static void unknown_names_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ",",
                                      "serial,",
                                      ",screen",
                                      "serial,,screen",
                                      "printer",
                                      "serial,x",
                                      "Serial",
                                      "serials",
                                      "seria",
                                      "screen ",
                                      "averyveryverylongnameofaconsole"};
    assert_int_equal(option_set_console("screen"), OK);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(option_set_console(bad[i]), BAD_ARGUMENT);
    assert_true(is_selected("screen"));
    assert_false(is_selected("serial"));
}

static void sources_are_selected_too(void **state)
{
    (void)state;
    static struct console_source source = {.name = "serial", .read = read_first};
    assert_int_equal(option_set_console("screen"), OK);
    keys[0] = "a";
    console_add_source(&source);
    assert_int_equal(console_read(), -1);
    assert_int_equal(option_set_console("serial"), OK);
    sources = NULL;
    console_add_source(&source);
    assert_int_equal(console_read(), 'a');
}

// A serial console alone was asked for, or a screen, and there is none.
static void a_choice_that_is_not_there_is_not_mute(void **state)
{
    (void)state;
    static struct console_source source = {.name = "serial", .read = read_first};
    sinks = NULL;
    assert_int_equal(option_set_console("screen"), OK);
    console_add_sink(&serial.sink);
    console_add_source(&source);
    assert_true(serial.sink.is_left_out);
    console_ensure();
    assert_false(serial.sink.is_left_out);
    keys[0] = "a";
    assert_int_equal(console_read(), 'a');
    console_add_sink(&screen.sink);
    serial.sink.is_left_out = true;
    console_ensure(); // the screen is there
    assert_true(serial.sink.is_left_out);
}

static int read_for_ever(struct console_source *source)
{
    (void)source;
    return 'x';
}

static void a_source_that_never_ends_silences_no_other(void **state)
{
    (void)state;
    static struct console_source broken = {.name = "serial", .read = read_for_ever},
                                 sound = {.name = "keyboard", .read = read_first};
    unsigned reads = 0;
    console_add_source(&sound);
    console_add_source(&broken);
    keys[0] = "ok";
    while (reads++ < 1000 && keys[0][0])
        (void)console_read();
    assert_in_range(reads, 1, 300);
}

// --- Panics ------------------------------------------------------------------------------------

static unsigned writes_that_panic, resets_that_panic;

static void write_or_panic(struct console_sink *sink, const char *text, size_t length)
{
    if (writes_that_panic && writes_that_panic--)
        panic("in a sink");
    record(sink, text, length);
}

static void reset_or_panic(struct console_sink *sink)
{
    count_reset(sink);
    if (resets_that_panic && resets_that_panic--)
        panic("in a sink");
}

// As kernel/panic.c does.
static void show_panic(void)
{
    (void)setjmp(panicked);
    console_panic();
    print("PANIC\n");
}

// The first panic uses every sink, the one in whose code it happened too; another that comes while
// it is shown leaves out the sink that it came from, and no other. In one test, since a second
// panic can't be taken back.
static void a_second_panic_drops_the_sink_in_use(void **state)
{
    (void)state;
    static const struct console_prompt typed = {hide, show};
    styled.sink.write = write_or_panic;
    styled.sink.reset = reset_or_panic;
    (void)console_set_stream(&keeper);
    console_hold();
    console_release(&typed);

    writes_that_panic = 1;
    if (!setjmp(panicked))
        console_write("x", 1);
    assert_int_equal(panics, 1);
    show_panic();
    expect_text(&styled, "PANIC\n"); // no stream, and not given up
    assert_int_equal(styled.resets, 1);
    assert_false(styled.sink.is_broken);
    console_write_above("y", 1);
    expect_text(&styled, "y"); // no prompt

    plain.text[0] = 0;
    show_panic(); // in nobody's code
    expect_both("PANIC\n");

    resets_that_panic = 1;
    show_panic();
    assert_int_equal(panics, 2);
    assert_true(styled.sink.is_broken);
    expect_text(&styled, "");
    expect_text(&plain, "PANIC\n");
    print("z");
    console_style("1");
    console_show();
    console_scroll(1);
    expect_text(&styled, "");
    expect_text(&plain, "z");
    assert_int_equal(styled.shows, 0);
    assert_int_equal(styled.pages, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_sinks_text_is_dropped, start),
        cmocka_unit_test_setup(text_goes_to_every_sink, start),
        cmocka_unit_test_setup(long_text_is_cut_by_print_alone, start),
        cmocka_unit_test_setup(a_new_sink_is_given_the_log, start),
        cmocka_unit_test_setup(a_stream_stands_between, start),
        cmocka_unit_test_setup(styles_are_for_styled_sinks, start),
        cmocka_unit_test_setup(text_appears_above_what_is_typed, start),
        cmocka_unit_test_setup(operations_reach_those_that_have_them, start),
        cmocka_unit_test_setup(the_size_is_the_smallest, start),
        cmocka_unit_test_setup(keys_come_from_every_source, start),
        cmocka_unit_test_setup(who_waits_for_keys_misses_none, start),
        cmocka_unit_test_setup(an_interrupt_does_not_wait, start),
        cmocka_unit_test_setup(consoles_are_selected_by_name, start),
        cmocka_unit_test_setup(unknown_names_change_nothing, start),
        cmocka_unit_test_setup(a_choice_that_is_not_there_is_not_mute, start),
        cmocka_unit_test_setup(a_source_that_never_ends_silences_no_other, start),
        cmocka_unit_test_setup(sources_are_selected_too, start),
        cmocka_unit_test_setup(a_second_panic_drops_the_sink_in_use, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
