// The lines that were entered last. Pure.
#pragma once

#include "lib/types.h"

enum { HISTORY_LINES = 32, HISTORY_LINE_MAX = 255 };

// All zero at first.
struct history {
    char lines[HISTORY_LINES][HISTORY_LINE_MAX + 1]; // a ring
    unsigned added;                                  // lines ever
};

// Keeps a line of at most HISTORY_LINE_MAX bytes, and gives up the oldest. Left out are blank lines
// and one that is the same as the newest.
void history_add(struct history *history, const char *line);

// The line of that age: 1 is the newest. NULL where there is none so old, and for 0.
const char *history_get(const struct history *history, unsigned age);

// The youngest line of at least that age which holds `text`: its age, or 0.
unsigned history_search(const struct history *history, const char *text, unsigned age);

// Where in `line` the text begins, or NULL.
const char *history_find_text(const char *line, const char *text);
