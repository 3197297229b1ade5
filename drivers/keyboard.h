// What keyboards of every kind share: layout, modifiers, locks, and the way to the console.
//
// A driver adds its keyboard once and reports keys, by USB HID usages, from its `poll`. All the
// keyboards together are the console source "screen": Shift on one holds for keys on the other.
#pragma once

#include "lib/types.h"

struct keyboard {
    const char *description; // for people: "PS/2 (i8042)"

    // Reports what keys have done since, by keyboard_key(). Bounded in time, and cheap where
    // nothing has happened.
    void (*poll)(struct keyboard *keyboard);

    // Shows which locks are on. Bounded in time; may report keys too. NULL: no lights.
    void (*set_leds)(struct keyboard *keyboard, bool caps, bool num, bool scroll);

    bool interrupts; // when keys have done something. It has been seen; may become so later

    struct keyboard *next;
};

// Keeps the caller's object for good.
void keyboard_add(struct keyboard *keyboard);

// A key (enum key_usage; others are ignored) goes down or up. Down again without having gone up:
// it repeats. Ctrl-Alt-Del resets the machine and doesn't return.
void keyboard_key(uint8_t usage, bool pressed);
