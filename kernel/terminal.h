// A terminal: text with control sequences becomes lines of cells, the newest of which are the
// screen. Pure: draws nothing; drivers/screen.c shows its rows.
//
// Text is UTF-8; what isn't valid becomes U+FFFD. Every character takes one cell. Understood
// [ECMA-48]: BS, HT (every 8 columns), LF (goes to the start of the next line), CR; CUU CUD CUF CUB
// CNL CPL CHA VPA CUP HVP, ED EL ECH, SGR (bold as bright, reverse, 16 colours; of more the nearest
// is taken), SCP RCP, DECSC DECRC, DECTCEM (cursor off and on), RIS. Other sequences are swallowed.
#pragma once

#include "kernel/pen.h"
#include "lib/utf8.h"

// The glyph for a character. Must have one for every character.
typedef uint16_t terminal_glyph(uint32_t code_point);

enum { TERMINAL_PARAMETERS_MAX = 16 };

struct terminal {
    cell_t *cells; // a ring of lines
    unsigned columns, rows, lines;
    unsigned top;          // the ring's line that is the screen's first row
    unsigned history;      // lines above it that are kept
    unsigned looking_back; // lines that the view is above the screen

    unsigned row, column; // of the cursor; column == columns: the next character starts a line
    unsigned saved_row, saved_column;
    bool cursor_hidden;
    struct pen pen, saved_pen, normal;
    cell_t attributes; // the pen, as bits of a cell

    terminal_glyph *glyph;
    uint16_t ascii[128]; // glyphs

    // A character or a control sequence that isn't complete yet
    struct utf8_decoder utf8;
    uint8_t state, parameter_count;
    bool is_private;
    uint16_t parameters[TERMINAL_PARAMETERS_MAX];
};

// Starts empty, with the cursor at the top left. `cells` (`count` of them; the caller's, for as
// long as the terminal lives) hold at least columns * rows; what is more keeps lines that have
// scrolled off. Colours as in a cell.
void terminal_init(struct terminal *terminal, cell_t *cells, size_t count, unsigned columns,
                   unsigned rows, terminal_glyph *glyph, unsigned foreground, unsigned background);

// Never fails, whatever the bytes are. Ends looking back.
void terminal_write(struct terminal *terminal, const char *text, size_t length);

// Moves the view by lines, up if positive, within what is kept.
void terminal_look_back(struct terminal *terminal, int lines);

// One row of the view: `columns` cells.
const cell_t *terminal_row(const struct terminal *terminal, unsigned row);

// Where the cursor is to be seen; false where it isn't.
bool terminal_cursor(const struct terminal *terminal, unsigned *row, unsigned *column);
