// Finds glyphs.

#include "drivers/font.h"

enum { REPLACEMENT = 0xfffd };

static const struct font_mapping *find(uint32_t code_point)
{
    unsigned first = 0, end = font_map_count;
    while (first < end) {
        unsigned middle = (first + end) / 2;
        if (font_map[middle].code_point == code_point)
            return &font_map[middle];
        if (font_map[middle].code_point < code_point)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

uint16_t font_glyph(uint32_t code_point)
{
    const struct font_mapping *found = find(code_point);
    if (!found)
        found = find(REPLACEMENT);
    return found ? found->glyph : 0;
}
