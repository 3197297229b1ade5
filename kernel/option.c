// Kernel options: the command line into calls of the options' setters.

#include "kernel/option.h"
#include "kernel/boot_info.h"
#include "kernel/log.h"
#include "lib/parse.h"
#include "lib/string.h"

enum { WORDS_MAX = 64 };

static const struct option *find(const char *name)
{
    const struct option *option;
    TABLE_FOREACH (option, option) {
        if (string_equal(option->name, name))
            return option;
    }
    return NULL;
}

// A value is optional where its description stands in brackets.
static bool takes(const struct option *option, const char *value)
{
    switch (option->values[0]) {
    case 0:
        return !value[0];
    case '[':
        return true;
    default:
        return value[0];
    }
}

static void apply(char *word)
{
    char *equals = strchr(word, '=');
    if (equals)
        *equals = 0;
    const char *value = equals ? equals + 1 : "";
    const struct option *option = find(word);
    if (!option)
        log_warn("option: %.40s is unknown; `options` lists all", word);
    else if (!takes(option, value) || option->set(value) != OK)
        log_warn("option: '%.40s' makes no sense for %s, which takes %s", value, word,
                 option->values[0] ? option->values : "no value");
}

void options_apply(const char *command_line)
{
    static char line[BOOT_COMMAND_LINE_MAX]; // of startup only; too large for the stack
    char *words[WORDS_MAX];
    (void)string_copy(line, sizeof(line), command_line, strlen(command_line));
    int count = parse_words(line, words, WORDS_MAX);
    if (count == PARSE_OPEN_QUOTE)
        log_warn("option: a quote in the command line is never closed; options are ignored");
    else if (count == PARSE_TOO_MANY)
        log_warn("option: more than %d words; options are ignored", WORDS_MAX);
    for (int i = 0; i < count; i++)
        apply(words[i]);
}
