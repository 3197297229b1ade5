// How a terminal writes: Select Graphic Rendition [ECMA-48 8.3.117]. Bold is bright; of more than
// 16 colours the nearest is taken.
#pragma once

#include "kernel/cell.h"

struct pen {
    uint8_t foreground, background; // colours: 0 to 15, 0 to 7
    bool bold, reverse;
};

// Applies the parameters of one sequence. `normal` is what 0, 39 and 49 go back to.
void pen_select(struct pen *pen, const struct pen *normal, const uint16_t *parameters,
                unsigned count);

// As bits of a cell.
cell_t pen_attributes(const struct pen *pen);
