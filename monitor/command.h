// Commands of the monitor. A command is defined where it belongs:
//
//   COMMAND(echo, "[WORD...]", "print its words", "echo hello")
//   {
//       for (int i = 1; i < argc; i++)
//           print("%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
//       return OK;
//   }
//
// argv[0] is the command's name. The words may be changed, and are gone when the command returns.
// BAD_ARGUMENT makes the shell print the usage; any other failure the command has already told in
// one line.
//
// The usage is also what Tab completes arguments by (monitor/completion.h). In its list, `help`
// shows a summary's beginning, up to the first comma, where all of it is too long.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/table.h"
#include "lib/types.h"

struct command {
    const char *name, *usage, *summary, *example;
    enum status (*run)(int argc, char **argv);
};

TABLE_DECLARE(struct command, command);

#define COMMAND(command_name, command_usage, command_summary, command_example) \
    static enum status command_run_##command_name(int argc, char **argv);      \
    TABLE_ENTRY(struct command, command, command_name) = {                     \
        .name = #command_name,                                                 \
        .usage = command_usage,                                                \
        .summary = command_summary,                                            \
        .example = command_example,                                            \
        .run = command_run_##command_name,                                     \
    };                                                                         \
    static enum status command_run_##command_name(unused int argc, unused char **argv)

enum { COMMAND_LINE_MAX = 255, COMMAND_WORDS_MAX = 16 };

const struct command *command_find(const char *name);

// Runs one line: commands between `;`. Prints what is wrong with it. Returns the last status.
enum status command_line_run(char *line);

// Whether whoever typed the line has had enough (Ctrl-C, or q at the end of a page): nothing more
// that it prints will be seen, so a loop that may go on for long asks, and ends. False where no
// line is being run.
bool command_interrupted(void);

// Waits until clock_ns() comes to `deadline_ns`, or whoever typed the line has had enough: false.
must_use bool command_wait(uint64_t deadline_ns);

// A number, or a complaint.
must_use bool command_number(const char *word, uint64_t *value);

// A number of seconds, which may have a fraction, in nanoseconds; or a complaint.
must_use bool command_seconds(const char *word, uint64_t *ns);

// A number, a symbol, or symbol+number; or a complaint.
must_use bool command_address(const char *word, uint64_t *address);
