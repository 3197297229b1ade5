// Completion of what is being typed: commands, and their arguments by the commands' usage.
//
// A usage is words with blanks between: `[...]` around what may be left out, `|` between choices,
// `...` behind what may be repeated. What is written in lower case is offered as it stands; a word
// in capitals stands for something, and whoever knows for what offers it:
//
//   COMPLETER(KIND)
//   {
//       completion_offer(completion, "assert");
//   }
//
// `COMMAND...` is another command with its own arguments.
#pragma once

#include "lib/compiler.h"
#include "lib/table.h"
#include "lib/types.h"

enum { COMPLETION_KEPT_MAX = 100 };

struct completion {
    const char *typed; // the word as far as it is typed; not terminated
    size_t typed_length;
    struct completion_word {
        const char *text; // not terminated
        size_t length;
    } words[COMPLETION_KEPT_MAX]; // what continues it, sorted, each once
    unsigned kept;
    unsigned more;        // offered, but beyond what is kept
    size_t common_length; // so many first characters do all of them have, typed ones included
    bool is_open;         // a word isn't over with what was offered: no blank behind it
};

struct completer {
    const char *placeholder;
    void (*offer)(struct completion *completion);
};

TABLE_DECLARE(struct completer, completer);

#define COMPLETER(name)                                                               \
    static void completer_offer_##name(struct completion *completion);                \
    TABLE_ENTRY(struct completer, completer, name) = {#name, completer_offer_##name}; \
    static void completer_offer_##name(struct completion *completion)

// For completers. Takes the word if it continues what is typed; it must stay valid. With _open the
// word may go on behind it, as an address does with `+`.
void completion_offer(struct completion *completion, const char *word);
void completion_offer_open(struct completion *completion, const char *word);

// What can stand at the end of `line`, which needn't be terminated: nothing where that is unclear.
void completion_find(struct completion *completion, const char *line, size_t length);
