// Completion of what is being typed.

#include "monitor/completion.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/usage.h"

enum { WORDS_MAX = 16 };

// --- What is offered --------------------------------------------------------------------------

static int compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

// Puts a word into its place. With no room left, the last of all words gives way.
static void keep(struct completion *completion, const char *text, size_t length)
{
    struct completion_word *words = completion->words;
    unsigned at = completion->kept;
    int order = 1;
    while (at && (order = compare(text, length, words[at - 1].text, words[at - 1].length)) < 0)
        at--;
    if (at && order == 0)
        return;
    bool is_full = completion->kept == COMPLETION_KEPT_MAX;
    completion->more += is_full;
    if (at == COMPLETION_KEPT_MAX)
        return;
    unsigned moved = completion->kept - at - is_full;
    memmove(words + at + 1, words + at, moved * sizeof(*words));
    words[at] = (struct completion_word){text, length};
    completion->kept += !is_full;
}

static void offer(struct completion *completion, const char *text, size_t length, bool is_open)
{
    size_t typed = completion->typed_length;
    if (length < typed || memcmp(text, completion->typed, typed) != 0)
        return;
    if (completion->kept == 0)
        completion->common_length = length;
    const char *first = completion->kept ? completion->words[0].text : text;
    size_t common = typed;
    while (common < completion->common_length && common < length && text[common] == first[common])
        common++;
    completion->common_length = common;
    completion->is_open |= is_open;
    keep(completion, text, length);
}

void completion_offer(struct completion *completion, const char *word)
{
    offer(completion, word, strlen(word), false);
}

void completion_offer_open(struct completion *completion, const char *word)
{
    offer(completion, word, strlen(word), true);
}

static void offer_placeholder(struct completion *completion, const char *name, size_t length)
{
    const struct completer *completer;
    TABLE_FOREACH (completer, completer) {
        if (strlen(completer->placeholder) == length &&
            memcmp(completer->placeholder, name, length) == 0)
            completer->offer(completion);
    }
}

static void offer_word(struct completion *completion, const struct usage_word *word)
{
    struct usage_choice choice = {0};
    if (word->prefix_length)
        offer(completion, word->prefix, word->prefix_length, true);
    while (usage_next_choice(word, &choice)) {
        if (choice.is_placeholder)
            offer_placeholder(completion, choice.text, choice.length);
        else
            offer(completion, choice.text, choice.length, false);
    }
}

// --- Where the cursor is ----------------------------------------------------------------------

struct typed {
    struct completion_word words[WORDS_MAX]; // the last one is being typed, and may be empty
    unsigned count;
    bool is_plain; // no quotes or backslashes in the last one
};

static void begin_word(struct typed *typed, const char *text)
{
    typed->words[typed->count++] = (struct completion_word){text, 0};
    typed->is_plain = true;
}

// Splits the last command of a line into words, as lib/parse.h would. Returns false where there
// are too many.
static bool split(struct typed *typed, const char *line, size_t length)
{
    char quote = 0;
    typed->count = 0;
    begin_word(typed, line);
    for (size_t i = 0; i < length; i++) {
        char c = line[i];
        struct completion_word *word = &typed->words[typed->count - 1];
        if (!quote && c == ';')
            typed->count = 0;
        if (!quote && (c == ';' || (c == ' ' && word->length && typed->count < WORDS_MAX)))
            begin_word(typed, line + i + 1);
        else if (!quote && c == ' ' && word->length)
            return false;
        else if (!quote && c == ' ')
            word->text++;
        else
            word->length++;
        bool is_syntax = c == '"' || c == '\'' || c == '\\';
        typed->is_plain &= !is_syntax;
        if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? 0 : c;
        else if (c == '\\' && quote != '\'' && i + 1 < length)
            word->length++, i++;
    }
    return true;
}

static const struct command *find_command(const struct completion_word *word)
{
    char name[32];
    return string_copy(name, sizeof(name), word->text, word->length) ? command_find(name) : NULL;
}

// Follows the words that are complete through the usage; what may come next is offered. Returns
// the place of the word that is another command with its own usage, or 0.
static unsigned follow_usage(struct completion *completion, const struct typed *typed,
                             unsigned place, const char *text)
{
    struct usage usage;
    usage_parse(&usage, text);
    usage_set at = usage_start(&usage);
    while (++place < typed->count) {
        if (usage_holds_command(&usage, at))
            return place;
        if (place + 1 < typed->count)
            at = usage_step(&usage, at, typed->words[place].text, typed->words[place].length);
    }
    for (unsigned i = 0; i < usage.count; i++)
        if (at & usage_bit(i))
            offer_word(completion, &usage.words[i]);
    return 0;
}

void completion_find(struct completion *completion, const char *line, size_t length)
{
    struct typed typed;
    *completion = (struct completion){.kept = 0};
    if (!split(&typed, line, length) || !typed.is_plain)
        return;
    const struct completion_word *last = &typed.words[typed.count - 1];
    completion->typed = last->text;
    completion->typed_length = last->length;
    unsigned place = 0;
    do {
        if (place + 1 == typed.count) {
            offer_placeholder(completion, "COMMAND", 7);
            return;
        }
        const struct command *command = find_command(&typed.words[place]);
        place = command ? follow_usage(completion, &typed, place, command->usage) : 0;
    } while (place);
}
