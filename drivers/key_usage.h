// Keys by their USB HID usages, the common language of all keyboards [HUT 10]. A usage names a
// place on the keyboard, by what stands there on a US keyboard; what it types is the layout's
// affair (drivers/keymap.h).
#pragma once

enum key_usage {
    KEY_NONE = 0,
    KEY_A = 0x04, // and so on to Z, in the alphabet's order
    KEY_E = 0x08,
    KEY_M = 0x10,
    KEY_Q = 0x14,
    KEY_Y = 0x1c,
    KEY_Z = 0x1d,
    KEY_1 = 0x1e, // and so on to 9
    KEY_0 = 0x27,
    KEY_ENTER,
    KEY_ESCAPE,
    KEY_BACKSPACE,
    KEY_TAB,
    KEY_SPACE,
    KEY_MINUS,
    KEY_EQUAL,
    KEY_LEFT_BRACKET,
    KEY_RIGHT_BRACKET,
    KEY_BACKSLASH,
    KEY_HASH, // the same place on keyboards with a tall Enter key
    KEY_SEMICOLON,
    KEY_APOSTROPHE,
    KEY_GRAVE,
    KEY_COMMA,
    KEY_DOT,
    KEY_SLASH,
    KEY_CAPS_LOCK,
    KEY_F1 = 0x3a, // and so on to F12
    KEY_F5 = 0x3e,
    KEY_F12 = 0x45,
    KEY_PRINT_SCREEN,
    KEY_SCROLL_LOCK,
    KEY_PAUSE,
    KEY_INSERT,
    KEY_HOME,
    KEY_PAGE_UP,
    KEY_DELETE,
    KEY_END,
    KEY_PAGE_DOWN,
    KEY_RIGHT,
    KEY_LEFT,
    KEY_DOWN,
    KEY_UP,
    KEY_NUM_LOCK,
    KEY_PAD_SLASH,
    KEY_PAD_STAR,
    KEY_PAD_MINUS,
    KEY_PAD_PLUS,
    KEY_PAD_ENTER,
    KEY_PAD_1, // and so on to 9
    KEY_PAD_5 = 0x5d,
    KEY_PAD_9 = 0x61,
    KEY_PAD_0,
    KEY_PAD_DOT,
    KEY_102ND, // beside the left Shift, on keyboards with a tall Enter key
    KEY_MENU,
    KEY_LEFT_CTRL = 0xe0,
    KEY_LEFT_SHIFT,
    KEY_LEFT_ALT,
    KEY_LEFT_GUI,
    KEY_RIGHT_CTRL,
    KEY_RIGHT_SHIFT,
    KEY_RIGHT_ALT,
    KEY_RIGHT_GUI,
};

_Static_assert(KEY_GRAVE == 0x35 && KEY_CAPS_LOCK == 0x39, "usages of the main block");
_Static_assert(KEY_PRINT_SCREEN == 0x46 && KEY_NUM_LOCK == 0x53, "usages of the middle block");
_Static_assert(KEY_PAD_1 == 0x59 && KEY_PAD_DOT == 0x63 && KEY_MENU == 0x65, "of the keypad");
_Static_assert(KEY_RIGHT_GUI == 0xe7, "usages of the modifiers");
