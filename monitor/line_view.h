// One row of a terminal, drawn with as little as possible: only what differs from what is there.
// Pure.
//
// Nothing but characters, `\b` and `\r` is written, so the dumbest terminal will do and the echo of
// what is typed is just the text. The terminal's last column stays empty: terminals differ in what
// they do behind it.
#pragma once

#include "lib/types.h"

enum { LINE_ROW_MAX = 255 };

struct line_row {
    uint32_t cells[LINE_ROW_MAX]; // characters, one column each
    unsigned length, cursor;      // in columns
};

typedef void line_write(const char *text, size_t length);

struct line_view {
    line_write *write;
    struct line_row row; // what is there now
    char pending[64];    // to be written
    size_t pending_length;
};

// The row is empty and the cursor at its start, by somebody else's doing.
void line_view_forget(struct line_view *view);

// Draws a row of fewer columns than the terminal has, and puts the cursor there.
void line_view_draw(struct line_view *view, const struct line_row *wanted);
