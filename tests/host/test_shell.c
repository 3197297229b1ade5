// monitor/shell with all that it is made of, on kernel/console: a session from its first prompt to
// the end of what is typed. Catches a log line that is written into the line being typed, a cursor
// that isn't where it was, a line that is run twice, cut or late, Tab that does nothing, and pages
// for what nobody entered.

#include "tests/host/fake_console.h"
#include "tests/host/model_terminal.h"

#include "monitor/choices.c"
#include "monitor/command.c"
#include "monitor/completion.c"
#include "monitor/history.c"
#define ESCAPE key_ESCAPE
#include "monitor/key.c"
#undef ESCAPE
#define first input_first
#define count input_count
#include "monitor/input.c"
#undef first
#undef count
#define is_word line_is_word
#include "monitor/line.c"
#undef is_word
#define flush view_flush
#define move  view_move
#include "monitor/line_view.c"
#undef flush
#undef move
#include "monitor/line_editor.c"
#include "monitor/line_search.c"
#include "tests/host/output.h"
#define step usage_step_all
#define find usage_find
#include "monitor/usage.c"
#undef step
#undef find
#define find job_find
#define end  job_end
#define lock job_lock
#include "monitor/job.c"
#undef find
#undef end
#undef lock
#include "monitor/shell.c"

// There is no memory for threads: the session runs its lines itself.
struct thread *thread_create_on(uint32_t cpu, const char *name, thread_function *body,
                                void *argument)
{
    (void)cpu, (void)name, (void)body, (void)argument;
    return NULL;
}

void thread_start(struct thread *thread)
{
    (void)thread;
}

enum status thread_join(struct thread *thread)
{
    (void)thread;
    return OK;
}

void thread_interrupt(struct thread *thread)
{
    (void)thread;
}

uint32_t thread_id(const struct thread *thread)
{
    return thread->id;
}

const char kernel_version[] = "1.2.3";

uintptr_t symbol_address(const char *name)
{
    (void)name;
    return 0;
}

static unsigned runs;
static char words_seen[400];

COMMAND(note, "[WORD...]", "", "")
{
    runs++;
    for (int i = 1; i < argc; i++) {
        size_t used = strlen(words_seen);
        (void)snprintf(words_seen + used, sizeof(words_seen) - used, "%s,", argv[i]);
    }
    return OK;
}

COMMAND(lines, "few|many", "", "")
{
    for (unsigned i = 0; i < 6 && argc > 1; i++)
        print("%u\n", i);
    return OK;
}

COMMAND(interrupt, "", "", "")
{
    fake_type("\x03");
    print("seen\n");
    print("not seen\n");
    return OK;
}

COMMAND(fail, "", "", "")
{
    return BAD_ARGUMENT;
}

COMPLETER(COMMAND)
{
    completion_offer(completion, "note");
    completion_offer(completion, "lines");
    completion_offer(completion, "fail");
}

static jmp_buf end_of_session;

static const char *pasted; // over the line, at the first prompt

static void end_session(void)
{
    if (pasted) {
        fake_send(pasted);
        pasted = NULL;
        return;
    }
    longjmp(end_of_session, 1);
}

// The sink is a terminal as well, as far as it goes.
static void write_terminal(struct console_sink *sink, const char *text, size_t length)
{
    fake_output(sink, text, length);
    terminal_write(text, length);
}

static void run_session(const char *keys, const char *line)
{
    fake_start();
    terminal_start(80);
    fake_sink.write = write_terminal;
    fake_sink.columns = 80;
    input_count = 0;
    entered.added = 0;
    decoder = (struct key_decoder){0};
    runs = 0;
    words_seen[0] = 0;
    fake.idle = end_session;
    pasted = line;
    fake_type(keys);
    if (setjmp(end_of_session) == 0)
        shell_run();
    lock.owner = job_lock.owner = 0;
    memset(jobs, 0, sizeof(jobs));
    console_hold();
    console_release(NULL);
}

static bool said(const char *text)
{
    return history_find_text(fake.output, text) != NULL;
}

static void lines_are_run(void **state)
{
    (void)state;
    run_session("", "note a\rnote 'b;c' d; note e\nnote f\r\n");
    assert_int_equal(runs, 4);
    assert_string_equal(words_seen, "a,b;c,d,e,f,");
    assert_string_equal(fake.output, "Keelson 1.2.3. Type `help` for the commands.\n"
                                     "keelson> note a\n"
                                     "keelson> note 'b;c' d; note e\n"
                                     "keelson> note f\n"
                                     "keelson> ");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static char line[400];
    memset(line, 'x', 300);
    memcpy(line, "note ", 5);
    line[300] = '\r';
    line[301] = 0;
    run_session("", line);
    assert_int_equal(runs, 0);
    assert_true(said("\nthat line is longer than 255 characters\nkeelson> "));
    run_session("", "nonsense\rfail\r");
    assert_true(said("nonsense: no such command"));
    assert_true(said("usage: fail \n"));
}

static void a_line_given_up_is_not_run(void **state)
{
    (void)state;
    run_session("", "note a\x03note b\r");
    assert_string_equal(words_seen, "b,");
    assert_true(said("keelson> note a^C\nkeelson> "));
}

static void tab_completes_and_lists(void **state)
{
    (void)state;
    run_session("n\ta\r", "");
    assert_string_equal(words_seen, "a,");
    run_session("lines m\t", "");
    assert_string_equal(terminal_row(), "keelson> lines many");
    assert_int_equal(terminal.column, strlen("keelson> lines many "));
    run_session("lines \t", "");
    assert_string_equal(terminal.above, "few   many");
    assert_string_equal(terminal_row(), "keelson> lines");
    run_session("zz\t", "");
    assert_int_equal(terminal.beeps, 1);
}

static void history_goes_on_from_line_to_line(void **state)
{
    (void)state;
    run_session("note a\rnote b\r\033[A\033[A\r", "");
    assert_string_equal(words_seen, "a,b,a,");
    run_session("note a\rnote b\r\x12"
                "te a\r",
                "");
    assert_string_equal(words_seen, "a,b,a,");
}

// --- Log lines while somebody types -----------------------------------------------------------

static const char *and_then;

static void log_a_line(void)
{
    static const char text[] = "[    1.000000] c0 info test: something\n";
    console_write_above(text, sizeof(text) - 1);
    fake.idle = end_session;
    fake_type(and_then);
}

static void run_with_log(const char *keys, const char *then)
{
    and_then = then;
    fake_start();
    run_session("", ""); // the first prompt, which nobody waits behind
    fake.idle = log_a_line;
    input_count = 0;
    runs = 0;
    words_seen[0] = 0;
    terminal_start(80);
    fake_type(keys);
    if (setjmp(end_of_session) == 0)
        shell_run();
    lock.owner = job_lock.owner = 0;
    memset(jobs, 0, sizeof(jobs));
    console_hold();
    console_release(NULL);
}

static void the_log_is_written_above_what_is_typed(void **state)
{
    (void)state;
    run_with_log("note abc\033[D", "");
    assert_string_equal(terminal.above, "[    1.000000] c0 info test: something");
    assert_string_equal(terminal_row(), "keelson> note abc");
    assert_int_equal(terminal.column, strlen("keelson> note ab"));
    assert_int_equal(terminal.rows, 2); // the greeting and the log
    run_with_log("note abc\033[D", "x\r");
    assert_string_equal(words_seen, "abxc,");
    run_with_log("\x12", "");
    assert_string_equal(terminal_row(), "(search)'':");
}

// --- The rest ---------------------------------------------------------------------------------

static void pages_are_for_the_keyboard(void **state)
{
    (void)state;
    run_session("", "lines many\r");
    assert_false(said("-- more --"));
    run_session("lines many\r", "");
    assert_true(said("3\n-- more --"));
}

static void the_option_runs_first(void **state)
{
    (void)state;
    (void)string_copy(startup_commands, sizeof(startup_commands), "note x; lines many", 18);
    run_session("", "note y\r");
    startup_commands[0] = 0;
    assert_string_equal(words_seen, "x,y,");
    assert_false(said("-- more --"));
}

static void shift_and_page_keys_scroll_back(void **state)
{
    (void)state;
    run_session("note a\033[5;2~\033[5;2~\033[6;2~\r", "");
    assert_int_equal(fake.scrolled, 1);
    assert_string_equal(words_seen, "a,");
}

static void control_c_ends_the_rest_of_the_line(void **state)
{
    (void)state;
    run_session("interrupt; note a\rnote b\r", "");
    assert_string_equal(words_seen, "b,");
    assert_true(said("\nseen\n^C\nkeelson> note b\n"));
    run_session("lines many; note a\r\x03note b\r", ""); // at once
    assert_string_equal(words_seen, "b,");
    assert_true(said("\n^C\nkeelson> note b\n"));
}

static void a_narrow_console_scrolls_sideways(void **state)
{
    (void)state;
    run_session("", "");
    fake_sink.columns = 30;
    terminal_start(30);
    fake.idle = end_session;
    fake_type("note 0123456789012345678901234567890");
    if (setjmp(end_of_session) == 0)
        (void)read_line();
    lock.owner = job_lock.owner = 0;
    memset(jobs, 0, sizeof(jobs));
    assert_string_equal(editor.line.text, "note 0123456789012345678901234567890");
    assert_true(strlen(terminal_row()) < 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_run),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_line_given_up_is_not_run),
        cmocka_unit_test(tab_completes_and_lists),
        cmocka_unit_test(history_goes_on_from_line_to_line),
        cmocka_unit_test(the_log_is_written_above_what_is_typed),
        cmocka_unit_test(the_option_runs_first),
        cmocka_unit_test(shift_and_page_keys_scroll_back),
        cmocka_unit_test(control_c_ends_the_rest_of_the_line),
        cmocka_unit_test(a_narrow_console_scrolls_sideways),
        cmocka_unit_test(pages_are_for_the_keyboard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
