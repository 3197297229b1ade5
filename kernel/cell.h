// A cell of a screen: what a display has to know of one character, in 16 bits.
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

typedef uint16_t cell_t;

#define CELL_GLYPH      BITS(8, 0)   // as the display numbers them
#define CELL_FOREGROUND BITS(12, 9)  // colours 0 to 15, as SGR numbers them
#define CELL_BACKGROUND BITS(15, 13) // colours 0 to 7
#define CELL_ATTRIBUTES 128          // combinations of both: cell / 512

static inline cell_t cell_attributes(unsigned foreground, unsigned background)
{
    return (cell_t)(foreground << __builtin_ctzll(CELL_FOREGROUND) |
                    (background & 7) << __builtin_ctzll(CELL_BACKGROUND));
}

// The cell with its colours exchanged, as far as the background has them.
static inline cell_t cell_reversed(cell_t cell)
{
    unsigned foreground = (unsigned)field_get(CELL_FOREGROUND, cell);
    unsigned background = (unsigned)field_get(CELL_BACKGROUND, cell);
    if ((foreground & 7) == background) // as unreadable reversed as it is
        background = ~foreground & 7;
    return (cell_t)(cell & CELL_GLYPH) | cell_attributes(background, foreground);
}
