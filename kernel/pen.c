// How a terminal writes.

#include "kernel/pen.h"

cell_t pen_attributes(const struct pen *pen)
{
    cell_t attributes = cell_attributes(pen->foreground | (pen->bold ? 8 : 0), pen->background);
    return pen->reverse ? cell_reversed(attributes) & (cell_t)~CELL_GLYPH : attributes;
}

// The nearest of the colours: each channel on or off, bright where one is far up. Dark greys are
// the bright black.
static uint8_t nearest_of_rgb(unsigned red, unsigned green, unsigned blue)
{
    unsigned most = red > green ? red : green;
    most = most > blue ? most : blue;
    unsigned half = most / 2 + 1;
    unsigned color = (red >= half) | (green >= half) << 1 | (blue >= half) << 2;
    if (color == 7 && most < 128)
        return most < 64 ? 0 : 8;
    return (uint8_t)(most < 64 ? 0 : color | (most > 200 ? 8 : 0));
}

static uint8_t nearest_of_256(unsigned index)
{
    enum { CUBE = 16, GREYS = 232 };
    if (index < CUBE)
        return (uint8_t)index;
    if (index >= GREYS) {
        unsigned grey = ((index & 0xff) - GREYS) * 10 + 8;
        return nearest_of_rgb(grey, grey, grey);
    }
    index -= CUBE;
    return nearest_of_rgb(index / 36 * 51, index / 6 % 6 * 51, index % 6 * 51);
}

// 38 and 48: `;5;N` or `;2;R;G;B`. Returns how many parameters that is.
static unsigned take_color(const uint16_t *p, unsigned left, uint8_t *color)
{
    if (left >= 3 && p[1] == 5) {
        *color = nearest_of_256(p[2] & 0xff);
        return 3;
    }
    if (left >= 5 && p[1] == 2) {
        *color = nearest_of_rgb(p[2] & 0xff, p[3] & 0xff, p[4] & 0xff);
        return 5;
    }
    return left;
}

static void select_one(struct pen *pen, const struct pen *normal, unsigned code)
{
    if (code == 0)
        *pen = *normal;
    else if (code == 1)
        pen->bold = true;
    else if (code == 7)
        pen->reverse = true;
    else if (code == 22)
        pen->bold = false;
    else if (code == 27)
        pen->reverse = false;
    else if (code == 39)
        pen->foreground = normal->foreground;
    else if (code == 49)
        pen->background = normal->background;
    else if (code >= 30 && code <= 37)
        pen->foreground = (uint8_t)(code - 30);
    else if (code >= 90 && code <= 97)
        pen->foreground = (uint8_t)(code - 90 + 8);
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107))
        pen->background = (uint8_t)(code % 10);
}

void pen_select(struct pen *pen, const struct pen *normal, const uint16_t *parameters,
                unsigned count)
{
    for (unsigned i = 0; i < count;) {
        unsigned code = parameters[i];
        if (code == 38 || code == 48) {
            i += take_color(parameters + i, count - i,
                            code == 38 ? &pen->foreground : &pen->background);
            continue;
        }
        select_one(pen, normal, code);
        i++;
    }
}
