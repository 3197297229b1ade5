// Commands for working at the prompt.

#include "kernel/console.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/output.h"
#include "monitor/shell.h"

COMMAND(history, "", "the lines entered last", "history")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    shell_list_history();
    return OK;
}

COMMAND(clear, "", "clear the screen", "clear")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    print("\033[2J\033[H");
    return OK;
}

COMMAND(echo, "[WORD...]", "print its words", "echo hello")
{
    for (int i = 1; i < argc; i++) {
        print_text(i > 1 ? " " : "");
        print_text(argv[i]);
    }
    print("\n");
    return OK;
}

// A command may change its words, so each run gets copies.
static enum status run_copy(const struct command *command, int argc, char **argv)
{
    char text[COMMAND_LINE_MAX + 1], *words[COMMAND_WORDS_MAX];
    size_t used = 0;
    for (int i = 0; i < argc; i++) {
        size_t size = strlen(argv[i]) + 1;
        if (i == COMMAND_WORDS_MAX || size > sizeof(text) - used)
            return BAD_ARGUMENT;
        words[i] = memcpy(text + used, argv[i], size);
        used += size;
    }
    return command->run(argc, words);
}

// Goes on where a run fails: what fails once may work the next time. Wrong words don't.
COMMAND(repeat, "COUNT COMMAND...", "run a command many times, failing or not",
        "repeat 10 peek boot_info")
{
    uint64_t count;
    if (argc < 3)
        return BAD_ARGUMENT;
    if (!command_number(argv[1], &count))
        return FAILED;
    const struct command *command = command_find(argv[2]);
    if (!command) {
        print("%.40s: no such command\n", argv[2]);
        return NOT_FOUND;
    }
    enum status status = OK;
    for (; count && status != BAD_ARGUMENT && !command_interrupted(); count--)
        status = run_copy(command, argc - 2, argv + 2);
    if (status != BAD_ARGUMENT)
        return status;
    print("usage: %s %s\n", command->name, command->usage);
    return FAILED;
}

COMMAND(more, "[on|off|auto]", "stop after each screenful, or show whether it does", "more off")
{
    static const char *const names[] = {"off", "auto", "on"}; // by enum output_more
    if (argc > 2)
        return BAD_ARGUMENT;
    for (unsigned i = 0; argc == 2 && i < ARRAY_SIZE(names); i++) {
        if (!string_equal(argv[1], names[i]))
            continue;
        output_more = (enum output_more)i;
        return OK;
    }
    if (argc == 2)
        return BAD_ARGUMENT;
    print("more: %s%s\n", names[output_more],
          output_more == OUTPUT_MORE_AUTO ? ", for what is entered at the keyboard" : "");
    return OK;
}
