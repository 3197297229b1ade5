// The text of a line that is being typed, and the place in it where typing goes on. Pure.
//
// Text is UTF-8 and always whole characters; places are offsets in bytes, between characters.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum { LINE_TEXT_MAX = 255 };

struct line {
    char text[LINE_TEXT_MAX + 1];
    unsigned length, cursor;
};

// Inserts at the cursor and moves it behind. Returns false, and inserts nothing, where not all of
// it fits.
must_use bool line_insert(struct line *line, const char *text, unsigned length);

// Deletes what lies between two places, given in either order; the cursor is there afterwards.
void line_delete(struct line *line, unsigned from, unsigned to);

// Puts another text in its place, cut to whole characters that fit; the cursor behind it.
void line_set(struct line *line, const char *text);

// The places one character or one word before and behind the cursor; the line's start or end where
// there is none. Words are letters, digits, `_` and all that isn't ASCII. line_before_blank() goes
// back over everything up to a blank.
unsigned line_before(const struct line *line);
unsigned line_behind(const struct line *line);
unsigned line_before_word(const struct line *line);
unsigned line_behind_word(const struct line *line);
unsigned line_before_blank(const struct line *line);
