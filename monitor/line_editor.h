// A line of text, typed and changed key by key, with a history. Pure: keys come from the caller,
// and what is to be seen goes through a function that it gives.
//
// The line takes one row of the terminal; what doesn't fit scrolls sideways. Keys are those of
// readline and Emacs, listed in docs/monitor.md.
#pragma once

#include "lib/types.h"
#include "monitor/history.h"
#include "monitor/line.h"
#include "monitor/line_view.h"

enum { LINE_SEARCH_MAX = 40 };

struct line_editor {
    // The caller's, to be set before line_editor_start(). `prompt` is ASCII.
    const char *prompt;
    unsigned columns; // of the terminal; 20 at least are assumed, 256 at most used
    line_write *write;
    const struct history *history;
    void (*complete)(struct line_editor *editor); // for Tab; NULL: there is none

    struct line line;
    bool is_overlong; // more was typed than fits, and nothing taken away since

    // Private.
    struct line_view view;
    unsigned first;                 // place in the line where the row begins
    unsigned age;                   // the history's line that is shown; 0: the one being typed
    char typed[LINE_TEXT_MAX + 1];  // that one meanwhile
    char killed[LINE_TEXT_MAX + 1]; // what Ctrl-Y brings back
    struct line_search {
        bool is_on;
        char text[LINE_SEARCH_MAX + 1];
        unsigned length;
        unsigned age;       // of the line found, 0: none
        struct line before; // the line when the search began
    } search;
};

enum line_state { LINE_TYPING, LINE_ENTERED, LINE_GIVEN_UP };

// An empty line; draws the prompt. The cursor stands at a row's start.
void line_editor_start(struct line_editor *editor);

// Does what a key of monitor/key.h means, and draws it. LINE_ENTERED and LINE_GIVEN_UP: the line is
// complete, or to be forgotten, and the cursor is at the start of the next row.
enum line_state line_editor_key(struct line_editor *editor, unsigned key);

// Takes the row away and draws it again: around what somebody else writes. In between the cursor
// is at a row's start.
void line_editor_hide(struct line_editor *editor);
void line_editor_show(struct line_editor *editor);

// For the completer. Inserts at the cursor, if it fits. Goes to a row of its own, where the
// completer may write lines; the row is drawn again behind them.
void line_editor_insert(struct line_editor *editor, const char *text, size_t length);
void line_editor_leave_row(struct line_editor *editor);
void line_editor_beep(struct line_editor *editor);
