// What a terminal sends for a key: characters in UTF-8, control codes, and xterm's sequences for
// keys that are no characters [ECMA-48, xterm]. Pure.
#pragma once

#include "drivers/keymap.h"
#include "lib/compiler.h"
#include "lib/types.h"

// The first three with the values that xterm's sequences carry.
enum key_modifiers {
    MODIFIER_SHIFT = 1,
    MODIFIER_ALT = 2,
    MODIFIER_CTRL = 4,
    MODIFIER_ALTGR = 8,
    MODIFIER_CAPS = 16, // Caps Lock is on
    MODIFIER_NUM = 32,  // Num Lock is on
};

// Writes what a key (enum key_usage) sends, without a NUL behind it, and returns the length: 0 for
// a key that sends nothing.
enum { USAGE_TEXT_MAX = 8 };
must_use size_t key_text(char text[USAGE_TEXT_MAX], const struct keymap *map, uint8_t usage,
                         unsigned modifiers);
