// The screen's font: 8 x 16 pixels, Latin-1, box drawing and blocks; embedded at build time by
// tools/font.py, with the licence that iso/licenses/ holds.
#pragma once

#include "lib/types.h"

enum { FONT_WIDTH = 8, FONT_HEIGHT = 16, FONT_GLYPHS = 512 };

struct font_mapping {
    uint16_t code_point, glyph;
};

extern const uint8_t font_bitmaps[FONT_GLYPHS][FONT_HEIGHT]; // rows; the highest bit is left
extern const struct font_mapping font_map[];                 // by code point, ascending
extern const unsigned font_map_count;

// The glyph of a character; that of U+FFFD where the font lacks it.
uint16_t font_glyph(uint32_t code_point);
