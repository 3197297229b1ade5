// The monitor's session: reads lines from the console and runs them.

#include "monitor/shell.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/timer.h"
#include "kernel/version.h"
#include "lib/string.h"
#include "monitor/choices.h"
#include "monitor/command.h"
#include "monitor/completion.h"
#include "monitor/history.h"
#include "monitor/input.h"
#include "monitor/job.h"
#include "monitor/key.h"
#include "monitor/line_editor.h"
#include "monitor/output.h"

static char startup_commands[LINE_TEXT_MAX + 1];

OPTION(run, "\"COMMAND; COMMAND\"", "commands to run before the first prompt")
{
    size_t length = strlen(value);
    if (length >= sizeof(startup_commands)) // half of it must not be run
        return BAD_ARGUMENT;
    memcpy(startup_commands, value, length + 1);
    return OK;
}

static struct history entered;
static void complete_word(struct line_editor *at);

static struct line_editor editor = {
    .prompt = "keelson> ",
    .write = console_write,
    .history = &entered,
    .complete = complete_word,
};

static void insert_common(struct line_editor *at, const struct completion *found)
{
    size_t typed = found->typed_length, more = found->common_length - typed;
    char text[LINE_TEXT_MAX + 1];
    (void)string_copy(text, sizeof(text) - 1, found->words[0].text + typed, more);
    size_t length = strlen(text);
    if (found->kept == 1 && !found->is_open)
        text[length++] = ' ';
    if (length)
        line_editor_insert(at, text, length);
}

// Inserts what all words have in common; where that is nothing, lists them.
static void complete_word(struct line_editor *at)
{
    static struct completion found;
    completion_find(&found, at->line.text, at->line.cursor);
    bool ends = found.kept == 1 && !found.is_open;
    if (found.kept == 0) {
        line_editor_beep(at);
    } else if (ends || found.common_length > found.typed_length) {
        insert_common(at, &found);
    } else if (found.kept > 1) {
        line_editor_leave_row(at);
        choices_show(&found, at->columns, at->write);
    }
}

static void hide_line(void)
{
    line_editor_hide(&editor);
}

static void show_line(void)
{
    line_editor_show(&editor);
}

// Waits for the next key of the line. What is written meanwhile goes above.
static unsigned wait_key(void)
{
    static const struct console_prompt typed = {.hide = hide_line, .show = show_line};
    console_release(&typed);
    unsigned key = input_key(TIMER_NEVER);
    console_hold();
    return key;
}

static enum line_state take_key(unsigned key)
{
    return input_scroll(key) ? LINE_TYPING : line_editor_key(&editor, key);
}

// What a line ends in: LINE_ENTERED or LINE_GIVEN_UP.
static enum line_state read_line(void)
{
    enum line_state state;
    console_hold();
    editor.columns = console_size().columns;
    line_editor_start(&editor);
    do
        state = take_key(wait_key());
    while (state == LINE_TYPING);
    console_release(NULL);
    return state;
}

// Takes an `&` off the end. Returns whether there was one.
static bool take_ampersand(char *line)
{
    size_t length = strlen(line);
    while (length && line[length - 1] == ' ')
        length--;
    if (!length || line[length - 1] != '&')
        return false;
    do
        line[--length] = 0;
    while (length && line[length - 1] == ' ');
    return true;
}

static void run_line(char *line, enum output_origin origin)
{
    console_show(); // what was typed, should the command hang
    bool in_background = take_ampersand(line);
    job_run(line, origin, in_background);
    log_sync();
}

void shell_run(void)
{
    log_sync();
    print("Keelson %s. Type `help` for the commands.\n", kernel_version);
    if (startup_commands[0])
        run_line(startup_commands, OUTPUT_FOR_OPTION);
    for (;;) {
        if (read_line() == LINE_GIVEN_UP)
            continue;
        if (editor.is_overlong) {
            print("that line is longer than %d characters\n", LINE_TEXT_MAX);
            continue;
        }
        history_add(&entered, editor.line.text);
        run_line(editor.line.text,
                 input_is_from_keyboard() ? OUTPUT_FOR_KEYBOARD : OUTPUT_FOR_LINE);
    }
}

void shell_list_history(void)
{
    for (unsigned age = HISTORY_LINES; age; age--) {
        const char *line = history_get(&entered, age);
        if (line)
            print("%5u  %s\n", entered.added + 1 - age, line);
    }
}
