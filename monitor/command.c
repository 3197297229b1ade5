// Finds and runs commands.

#include "monitor/command.h"
#include "kernel/console.h"
#include "kernel/symbol.h"
#include "lib/parse.h"
#include "lib/string.h"

const struct command *command_find(const char *name)
{
    const struct command *command;
    TABLE_FOREACH (command, command) {
        if (string_equal(command->name, name))
            return command;
    }
    return NULL;
}

static enum status run(int argc, char **argv)
{
    const struct command *command = command_find(argv[0]);
    if (!command) {
        print("%.40s: no such command; `help` lists them\n", argv[0]);
        return NOT_FOUND;
    }
    enum status status = command->run(argc, argv);
    if (status == BAD_ARGUMENT)
        print("usage: %s %s\n", command->name, command->usage);
    return status;
}

enum status command_line_run(char *line)
{
    enum status status = OK;
    char *words[COMMAND_WORDS_MAX];
    for (char *part; !command_interrupted() && (part = parse_next_part(&line));) {
        int count = parse_words(part, words, COMMAND_WORDS_MAX);
        if (count == PARSE_TOO_MANY)
            print("more than %d words\n", COMMAND_WORDS_MAX);
        else if (count == PARSE_OPEN_QUOTE)
            print("a quote is never closed\n");
        if (count < 0)
            return BAD_ARGUMENT;
        if (count > 0)
            status = run(count, words);
    }
    return status;
}

bool command_number(const char *word, uint64_t *value)
{
    if (parse_u64(word, value))
        return true;
    print("'%.40s' is not a number of 64 bits\n", word);
    return false;
}

bool command_seconds(const char *word, uint64_t *ns)
{
    if (parse_seconds(word, ns))
        return true;
    print("'%.40s' is not a number of seconds\n", word);
    return false;
}

bool command_address(const char *word, uint64_t *address)
{
    char name[64];
    if (parse_u64(word, address))
        return true;
    const char *plus = strchr(word, '+');
    uint64_t offset = 0;
    size_t length = plus ? (size_t)(plus - word) : strlen(word);
    if (string_copy(name, sizeof(name), word, length) && (!plus || parse_u64(plus + 1, &offset)))
        *address = symbol_address(name);
    else
        *address = 0;
    if (*address) {
        *address += offset;
        return true;
    }
    print("'%.40s' is neither a number nor a symbol\n", word);
    return false;
}
