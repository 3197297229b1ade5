// Commands about Keelson itself.

#include "kernel/bench.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/test.h"
#include "kernel/version.h"
#include "monitor/command.h"

static void list_commands(void)
{
    const struct command *command;
    TABLE_FOREACH (command, command) {
        print("  %-10s %s\n", command->name, command->summary);
    }
    print("`help COMMAND` tells more. Commands may stand in a row, with `;` between them.\n");
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
        print("  %s%s%s\n      %s\n", option->name, option->values[0] ? "=" : "", option->values,
              option->help);
    }
    print("This start's command line: ");
    print_text(boot_info.command_line);
    print("\n");
    return OK;
}

static bool show_line(void *context, const char *line, size_t length)
{
    (void)context;
    console_write(line, length);
    return true;
}

COMMAND(log, "[error|warn|info|debug]", "show the log, up to a level", "log warn")
{
    enum log_level level = LOG_DEBUG;
    if (argc > 2 || (argc == 2 && !log_level_parse(argv[1], &level)))
        return BAD_ARGUMENT;
    log_replay(level, show_line, NULL);
    return OK;
}

COMMAND(ktest, "[PATTERN]", "run the self-tests whose names match", "ktest string.*")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    return ktest_run(argc == 2 ? argv[1] : "*") ? OK : FAILED;
}

COMMAND(bench, "[PATTERN]", "run the benchmarks whose names match", "bench format.*")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    if (bench_run(argc == 2 ? argv[1] : "*"))
        return OK;
    print("no benchmark has such a name\n");
    return NOT_FOUND;
}
