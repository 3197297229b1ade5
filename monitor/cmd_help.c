// Commands about Keelson itself.

#include "kernel/bench.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/option.h"
#include "kernel/test.h"
#include "kernel/version.h"
#include "lib/string.h"
#include "monitor/command.h"

enum { CELL = 40, GAP = 2 }; // columns: two commands a line

static unsigned longest_name(void)
{
    size_t longest = 0;
    const struct command *command;
    TABLE_FOREACH (command, command) {
        if (strlen(command->name) > longest)
            longest = strlen(command->name);
    }
    return (unsigned)longest;
}

// How much of a summary is shown in so much room: all, or up to its first comma, or the words that
// fit.
static unsigned shown_length(const char *summary, unsigned room)
{
    size_t length = strlen(summary);
    const char *comma = strchr(summary, ',');
    if (length > room && comma)
        length = (size_t)(comma - summary);
    if (length > room)
        for (length = room; length && summary[length] != ' '; length--)
            ;
    return (unsigned)length;
}

static void list_command(const struct command *command, bool is_last)
{
    unsigned name = longest_name(), room = CELL - 1 - GAP - name - GAP;
    unsigned length = shown_length(command->summary, room);
    print("  %-*s  %.*s", (int)name, command->name, (int)length, command->summary);
    if (is_last)
        print("\n");
    else
        print("%*s", (int)(room + 1 - length), "");
}

// Sorted downwards.
static void list_commands(void)
{
    unsigned count = (unsigned)(command_table_end - command_table_start), down = (count + 1) / 2;
    for (unsigned row = 0; row < down; row++) {
        bool is_alone = row + down >= count;
        list_command(&command_table_start[row], is_alone);
        if (!is_alone)
            list_command(&command_table_start[row + down], true);
    }
    print("`help COMMAND` tells more. Commands may stand in a row, with `;` between them.\n"
          "Tab completes, up and down recall lines, Ctrl-R searches them, Ctrl-C cuts output,\n"
          "Shift-PageUp looks back on the screen.\n");
}

COMMAND(help, "[COMMAND]", "list the commands, or explain one", "help peek")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    if (argc == 1) {
        list_commands();
        return OK;
    }
    const struct command *command = command_find(argv[1]);
    if (!command) {
        print("%.40s: no such command\n", argv[1]);
        return NOT_FOUND;
    }
    print("%s: %s\n", command->name, command->summary);
    print("  usage:   %s %s\n", command->name, command->usage);
    print("  example: %s\n", command->example);
    return OK;
}

COMMAND(version, "", "which Keelson this is", "version")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    print("Keelson %s, build %s\n", kernel_version, kernel_build_id());
    return OK;
}

COMMAND(options, "", "list the kernel options, for the loader's command line", "options")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    const struct option *option;
    TABLE_FOREACH (option, option) {
        bool is_optional = option->values[0] == '[';
        print("  %s%s%s\n      %s\n", option->name,
              is_optional         ? "[="
              : option->values[0] ? "="
                                  : "",
              option->values + is_optional, option->help);
    }
    print("This start's command line: ");
    print_text(boot_info.command_line);
    print("\n");
    return OK;
}

static bool show_line(void *context, const char *line, size_t length)
{
    (void)context;
    print("%.*s", (int)length, line);
    return !command_interrupted();
}

COMMAND(log, "[error|warn|info|debug]", "show the log, up to a level", "log warn")
{
    enum log_level level = LOG_DEBUG;
    if (argc > 2 || (argc == 2 && !log_level_parse(argv[1], &level)))
        return BAD_ARGUMENT;
    log_replay(level, show_line, NULL);
    return OK;
}

// Both count on having the machine for themselves.
static struct mutex measuring;

static bool begin_measuring(void)
{
    if (mutex_try_lock(&measuring))
        return true;
    print("another job runs tests or benchmarks already\n");
    return false;
}

COMMAND(ktest, "[TEST|PATTERN]", "run the self-tests, all or those whose names match",
        "ktest string.*")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    if (!begin_measuring())
        return FAILED;
    bool is_fine = ktest_run(argc == 2 ? argv[1] : "*", command_interrupted);
    mutex_unlock(&measuring);
    return is_fine ? OK : FAILED;
}

COMMAND(bench, "[BENCHMARK|PATTERN]", "run the benchmarks, all or those whose names match",
        "bench format.*")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    if (!begin_measuring())
        return FAILED;
    unsigned count = bench_run(argc == 2 ? argv[1] : "*", command_interrupted);
    mutex_unlock(&measuring);
    if (count)
        return OK;
    print("no benchmark has such a name\n");
    return NOT_FOUND;
}
