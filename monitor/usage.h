// A command's usage, read as a grammar of words: which may come next. monitor/completion.h says how
// a usage is written.
#pragma once

#include "lib/types.h"

enum { USAGE_WORDS_MAX = 16 };

struct usage_word {
    const char *prefix; // that may stand in front, without a blank: `phys:` of [phys:]ADDRESS
    size_t prefix_length;
    const char *text; // the choices
    size_t length;
    unsigned optional; // so many words from here on may be left out together
    bool repeats;
};

struct usage {
    struct usage_word words[USAGE_WORDS_MAX];
    unsigned count;
};

// A set of places in a usage.
typedef uint32_t usage_set;

static inline usage_set usage_bit(unsigned place)
{
    return 1u << place;
}

// Words beyond USAGE_WORDS_MAX are left out.
void usage_parse(struct usage *usage, const char *text);

// Where the first word can stand, and where the next can behind one that stood at one of `at`.
usage_set usage_start(const struct usage *usage);
usage_set usage_step(const struct usage *usage, usage_set at, const char *word, size_t length);

// Whether a command with its own arguments can stand there: `COMMAND...`.
bool usage_holds_command(const struct usage *usage, usage_set at);

// One choice of a word after the other; all zero before the first. Returns false behind the last.
struct usage_choice {
    const char *text;
    size_t length;
    bool is_placeholder; // in capitals
};
bool usage_next_choice(const struct usage_word *word, struct usage_choice *choice);
