// Keys by their USB HID usages, the common language of all keyboards [HUT 10]. A usage names a
// place on the keyboard, by what stands there on a US keyboard; what it types is the layout's
// affair (drivers/keymap.h).
#pragma once

enum key_usage {
    USAGE_NONE = 0,
    USAGE_A = 0x04, // and so on to Z, in the alphabet's order
    USAGE_E = 0x08,
    USAGE_M = 0x10,
    USAGE_Q = 0x14,
    USAGE_Y = 0x1c,
    USAGE_Z = 0x1d,
    USAGE_1 = 0x1e, // and so on to 9
    USAGE_0 = 0x27,
    USAGE_ENTER,
    USAGE_ESCAPE,
    USAGE_BACKSPACE,
    USAGE_TAB,
    USAGE_SPACE,
    USAGE_MINUS,
    USAGE_EQUAL,
    USAGE_LEFT_BRACKET,
    USAGE_RIGHT_BRACKET,
    USAGE_BACKSLASH,
    USAGE_HASH, // the same place on keyboards with a tall Enter key
    USAGE_SEMICOLON,
    USAGE_APOSTROPHE,
    USAGE_GRAVE,
    USAGE_COMMA,
    USAGE_DOT,
    USAGE_SLASH,
    USAGE_CAPS_LOCK,
    USAGE_F1 = 0x3a, // and so on to F12
    USAGE_F5 = 0x3e,
    USAGE_F12 = 0x45,
    USAGE_PRINT_SCREEN,
    USAGE_SCROLL_LOCK,
    USAGE_PAUSE,
    USAGE_INSERT,
    USAGE_HOME,
    USAGE_PAGE_UP,
    USAGE_DELETE,
    USAGE_END,
    USAGE_PAGE_DOWN,
    USAGE_RIGHT,
    USAGE_LEFT,
    USAGE_DOWN,
    USAGE_UP,
    USAGE_NUM_LOCK,
    USAGE_PAD_SLASH,
    USAGE_PAD_STAR,
    USAGE_PAD_MINUS,
    USAGE_PAD_PLUS,
    USAGE_PAD_ENTER,
    USAGE_PAD_1, // and so on to 9
    USAGE_PAD_5 = 0x5d,
    USAGE_PAD_9 = 0x61,
    USAGE_PAD_0,
    USAGE_PAD_DOT,
    USAGE_102ND, // beside the left Shift, on keyboards with a tall Enter key
    USAGE_MENU,
    USAGE_LEFT_CTRL = 0xe0,
    USAGE_LEFT_SHIFT,
    USAGE_LEFT_ALT,
    USAGE_LEFT_GUI,
    USAGE_RIGHT_CTRL,
    USAGE_RIGHT_SHIFT,
    USAGE_RIGHT_ALT,
    USAGE_RIGHT_GUI,
};

_Static_assert(USAGE_GRAVE == 0x35 && USAGE_CAPS_LOCK == 0x39, "usages of the main block");
_Static_assert(USAGE_PRINT_SCREEN == 0x46 && USAGE_NUM_LOCK == 0x53, "usages of the middle block");
_Static_assert(USAGE_PAD_1 == 0x59 && USAGE_PAD_DOT == 0x63 && USAGE_MENU == 0x65, "of the keypad");
_Static_assert(USAGE_RIGHT_GUI == 0xe7, "usages of the modifiers");
