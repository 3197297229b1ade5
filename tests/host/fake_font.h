// A font whose glyphs have all kinds of rows, but for a blank that is one. Characters up to U+01FF
// have a glyph of their own number.
#pragma once

#include "drivers/font.h"

// clang-format off
#define FONT_ROW(g, y)   (uint8_t)((g) == ' ' ? 0 : ((g) * 2654435761u + (y) * 40503u * ((g) | 1u)) >> 9)
#define FONT_ROWS(g, y)  FONT_ROW(g, y), FONT_ROW(g, (y) + 1), FONT_ROW(g, (y) + 2), FONT_ROW(g, (y) + 3)
#define FONT_GLYPH(g)    {FONT_ROWS(g, 0), FONT_ROWS(g, 4), FONT_ROWS(g, 8), FONT_ROWS(g, 12)}
#define FONT_4(g)        FONT_GLYPH(g), FONT_GLYPH((g) + 1), FONT_GLYPH((g) + 2), FONT_GLYPH((g) + 3)
#define FONT_16(g)       FONT_4(g), FONT_4((g) + 4), FONT_4((g) + 8), FONT_4((g) + 12)
#define FONT_64(g)       FONT_16(g), FONT_16((g) + 16), FONT_16((g) + 32), FONT_16((g) + 48)
#define FONT_256(g)      FONT_64(g), FONT_64((g) + 64), FONT_64((g) + 128), FONT_64((g) + 192)
// clang-format on

const uint8_t font_bitmaps[FONT_GLYPHS][FONT_HEIGHT] = {FONT_256(0u), FONT_256(256u)};

uint16_t font_glyph(uint32_t code_point)
{
    return (uint16_t)(code_point < FONT_GLYPHS ? code_point : '?');
}
