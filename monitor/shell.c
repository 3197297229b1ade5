// The monitor's session: reads lines from the console and runs them.

#include "monitor/shell.h"
#include "arch/arch.h"
#include "kernel/console.h"
#include "kernel/option.h"
#include "kernel/version.h"
#include "lib/string.h"
#include "monitor/command.h"

enum {
    LINE_MAX = 256,
    CONTROL_C = 'C' & 31,
    CONTROL_U = 'U' & 31,
    BACKSPACE = 8,
    ESCAPE = 27,
    DELETE = 127,
};

struct line {
    char text[LINE_MAX];
    size_t length;
    bool overlong; // more was typed than fits
};

static char startup_commands[LINE_MAX];

OPTION(run, "\"COMMAND; COMMAND\"", "commands to run before the first prompt")
{
    return string_copy(startup_commands, sizeof(startup_commands), value, strlen(value))
               ? OK
               : BAD_ARGUMENT;
}

static int wait_key(void)
{
    int c;
    while ((c = console_read()) < 0)
        arch_pause();
    return c;
}

// Swallows what follows an escape: `[` or `O`, parameters, one final character [ECMA-48 5.4].
// Returns the next key where no such sequence follows, 0 otherwise.
static int skip_escape_sequence(void)
{
    int c = wait_key();
    if (c != '[' && c != 'O')
        return c;
    if (c == 'O')
        (void)wait_key();
    else
        while ((c = wait_key()) >= 0x20 && c < 0x40)
            ;
    return 0;
}

static void erase(struct line *line, size_t count)
{
    for (; count && line->length; count--, line->length--)
        print("\b \b");
    line->overlong = false; // whoever erases has seen where the line ends
}

static void insert(struct line *line, char c)
{
    if (line->length == LINE_MAX - 1) {
        line->overlong = true;
        print("\a");
        return;
    }
    line->text[line->length++] = c;
    console_write(&c, 1);
}

// Returns false when the line is complete.
static bool take_key(struct line *line, int c)
{
    static bool after_cr; // CR LF ends one line, not two
    if (c == ESCAPE)
        c = skip_escape_sequence();
    bool was_after_cr = after_cr;
    after_cr = c == '\r';
    if (c == '\n' && was_after_cr)
        return true;
    switch (c) {
    case '\r':
    case '\n':
        return false;
    case BACKSPACE:
    case DELETE:
        erase(line, 1);
        break;
    case CONTROL_U:
        erase(line, LINE_MAX);
        break;
    case CONTROL_C:
        print("^C");
        line->length = 0;
        line->overlong = false;
        return false;
    default:
        if (c >= ' ' && c < DELETE)
            insert(line, (char)c);
    }
    return true;
}

static void read_line(struct line *line)
{
    *line = (struct line){.length = 0};
    print("keelson> ");
    while (take_key(line, wait_key()))
        ;
    print("\n");
    line->text[line->length] = 0;
}

void shell_run(void)
{
    static struct line line;
    print("Keelson %s. Type `help` for the commands.\n", kernel_version);
    if (startup_commands[0])
        (void)command_line_run(startup_commands);
    for (;;) {
        read_line(&line);
        if (line.overlong)
            print("that line is longer than %d characters\n", LINE_MAX - 1);
        else
            (void)command_line_run(line.text);
    }
}
