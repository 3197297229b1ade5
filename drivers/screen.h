// The screen: a terminal on whatever display there is, as console.
#pragma once

#include "lib/types.h"

struct screen_state {
    const char *description;
    unsigned columns, rows, scale;
    unsigned history; // lines that have scrolled off and are kept
    uint64_t redraws, cells_drawn, bytes_written;
};

// False where there is no screen.
bool screen_state(struct screen_state *state);
