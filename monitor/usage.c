// A command's usage, read as a grammar of words.

#include "monitor/usage.h"
#include "lib/string.h"

static size_t find(const char *text, size_t length, char c)
{
    size_t at = 0;
    while (at < length && text[at] != c)
        at++;
    return at;
}

// Takes the dots off the end.
static void strip_dots(struct usage_word *word)
{
    if (word->length <= 3 || memcmp(word->text + word->length - 3, "...", 3) != 0)
        return;
    word->length -= 3;
    word->repeats = true;
}

// Takes the brackets off. Returns whether a pair of them begins that goes over whole words.
static bool strip_opening(struct usage_word *word)
{
    if (word->text[0] != '[')
        return false;
    size_t close = find(word->text, word->length, ']');
    word->text++;
    word->length--;
    if (close >= word->length)
        return true;
    word->prefix = word->text; // [phys:]ADDRESS
    word->prefix_length = close - 1;
    word->text += close;
    word->length -= close;
    return false;
}

static bool strip_closing(struct usage_word *word)
{
    if (!word->length || word->text[word->length - 1] != ']')
        return false;
    word->length--;
    return true;
}

void usage_parse(struct usage *usage, const char *text)
{
    struct usage_word *first = NULL; // in the brackets that are open
    usage->count = 0;
    while (*text && usage->count < USAGE_WORDS_MAX) {
        size_t length = find(text, strlen(text), ' ');
        struct usage_word *word = &usage->words[usage->count];
        *word = (struct usage_word){.text = text, .length = length};
        strip_dots(word);
        if (word->length && strip_opening(word))
            first = word;
        bool closes = strip_closing(word);
        strip_dots(word);
        usage->count += word->length > 0;
        if (first)
            first->optional = (unsigned)(usage->words + usage->count - first);
        if (closes)
            first = NULL;
        text += length + (text[length] == ' ');
    }
}

// A place, and those that can be reached by leaving words out.
static usage_set reach(const struct usage *usage, unsigned place)
{
    usage_set at = 0;
    for (; place < usage->count; place += usage->words[place].optional) {
        at |= usage_bit(place);
        if (!usage->words[place].optional)
            break;
    }
    return at;
}

usage_set usage_start(const struct usage *usage)
{
    return reach(usage, 0);
}

static bool takes(const struct usage_word *word, const char *text, size_t length, bool literally)
{
    struct usage_choice choice = {0};
    while (usage_next_choice(word, &choice)) {
        bool is_same = choice.length == length && memcmp(choice.text, text, length) == 0;
        if (literally ? !choice.is_placeholder && is_same : choice.is_placeholder)
            return true;
    }
    return false;
}

static usage_set step(const struct usage *usage, usage_set at, const char *text, size_t length,
                      bool literally)
{
    usage_set next = 0;
    for (unsigned i = 0; i < usage->count; i++) {
        if (!(at & usage_bit(i)) || !takes(&usage->words[i], text, length, literally))
            continue;
        next |= reach(usage, i + 1);
        if (usage->words[i].repeats)
            next |= usage_bit(i);
    }
    return next;
}

// A word that stands in the usage itself is taken for that, and for nothing else.
usage_set usage_step(const struct usage *usage, usage_set at, const char *word, size_t length)
{
    for (unsigned i = 0; i < usage->count; i++)
        if ((at & usage_bit(i)) && takes(&usage->words[i], word, length, true))
            return step(usage, at, word, length, true);
    return step(usage, at, word, length, false);
}

bool usage_holds_command(const struct usage *usage, usage_set at)
{
    for (unsigned i = 0; i < usage->count; i++) {
        const struct usage_word *word = &usage->words[i];
        if ((at & usage_bit(i)) && word->repeats && word->length == 7 &&
            memcmp(word->text, "COMMAND", 7) == 0)
            return true;
    }
    return false;
}

bool usage_next_choice(const struct usage_word *word, struct usage_choice *choice)
{
    const char *end = word->text + word->length;
    const char *text = choice->text ? choice->text + choice->length + 1 : word->text;
    if (!text || text > end)
        return false;
    choice->text = text;
    choice->length = find(text, (size_t)(end - text), '|');
    choice->is_placeholder = choice->length && text[0] >= 'A' && text[0] <= 'Z';
    return true;
}
