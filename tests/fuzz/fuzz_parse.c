// Any bytes as a command line: numbers, words, parts and options. What comes back must lie inside
// the line, and nothing of the line may be lost between two parts.

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "kernel/option.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

OPTION(mem, "SIZE", "needs a value")
{
    uint64_t bytes;
    return parse_size(value, &bytes) ? OK : BAD_ARGUMENT;
}

OPTION(safe, "", "takes none")
{
    return value[0] ? BAD_ARGUMENT : OK;
}

OPTION(run, "[COMMANDS]", "may have one")
{
    char copy[BOOT_COMMAND_LINE_MAX], *rest = copy, *words[4];
    (void)string_copy(copy, sizeof(copy), value, strlen(value));
    for (char *part; (part = parse_next_part(&rest));)
        (void)!parse_words(part, words, 4);
    return OK;
}

static char *exact(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

static void refuse(bool broken)
{
    if (broken)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = exact(data, size), *parts = exact(data, size), *rest = parts, *words[16];
    size_t length = strlen(line), total = 0;
    uint64_t number;
    (void)!parse_u64(line, &number);
    (void)!parse_size(line, &number);
    options_apply(line);
    int count = parse_words(line, words, 16);
    refuse(count > 16 || count < PARSE_OPEN_QUOTE);
    for (int i = 0; i < count; i++)
        refuse(words[i] < line || words[i] + strlen(words[i]) > line + length);
    for (char *part; (part = parse_next_part(&rest));)
        total += strlen(part) + 1;
    refuse(total != length + 1);
    free(line);
    free(parts);
    return 0;
}
