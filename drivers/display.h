// What the screen draws on: cells on a framebuffer (drivers/framebuffer.c) or in VGA text memory
// (drivers/vga_text.c).
#pragma once

#include "kernel/terminal.h"

enum { COLOR_BLACK = 0, COLOR_BLUE = 4, COLOR_LIGHT_GREY = 7, COLOR_WHITE = 15 };

struct display {
    unsigned columns, rows;
    terminal_glyph *glyph;
    // Draws `count` cells from `row` and `column` on; all of them are inside. Only writes.
    void (*draw)(unsigned row, unsigned column, const cell_t *cells, unsigned count);
    // Fills everything, margins too, with a colour (0 to 7).
    void (*clear)(unsigned color);
    uint64_t (*bytes_written)(void); // to the device's memory, so far
};
