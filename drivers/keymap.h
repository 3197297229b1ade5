// Keyboard layouts: which character stands on a key. Pure.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum { KEYMAP_LEVELS = 3 }; // plain, with Shift, with AltGr

struct keymap {
    const char *name;                            // as in the option keyboard=
    bool has_altgr;                              // the right Alt key is AltGr, and no Alt
    char decimal;                                // what the keypad's dot types
    const uint16_t (*characters)[KEYMAP_LEVELS]; // by usage, to USAGE_102ND; 0: none
};

// NULL where there is no layout of that name.
const struct keymap *keymap_find(const char *name);

// The character (Unicode) of a key of the main block, 0 where there is none. `caps` is Caps Lock,
// which turns Shift around for letters alone.
uint32_t keymap_character(const struct keymap *map, uint8_t usage, bool shift, bool altgr,
                          bool caps);
