// Keys, from the bytes that a terminal sends for them [ECMA-48, xterm]. Pure: knows no device.
#pragma once

#include "lib/bits.h"
#include "lib/types.h"
#include "lib/utf8.h"

// A key is a character of Unicode, a control character among them, or one of the names below; with
// a modifier where there was one. Shift isn't told of characters, nor control of those that it
// turns into control characters.
enum key {
    KEY_NONE = 0, // nothing (yet)
    KEY_TAB = 9,
    KEY_ENTER = 13, // CR, LF or CR LF
    KEY_ESCAPE = 27,
    KEY_BACKSPACE = 127, // 8 as well

    KEY_UP = 0x110000, // Unicode ends below
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_INSERT,
    KEY_DELETE,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,

    KEY_SHIFT = BIT(24),
    KEY_ALT = BIT(25),
    KEY_CTRL = BIT(26),
};

#define KEY_CONTROL(letter) ((letter)&31) // what Ctrl and a letter send

// A character that isn't a control character, without a modifier.
static inline bool key_is_character(unsigned key)
{
    return key >= ' ' && key < KEY_UP && key != KEY_BACKSPACE;
}

// An escape that nothing has followed for so long was the key itself.
#define KEY_PAUSE_NS 50000000ull

// All zero at first. The state of one stream of bytes.
struct key_decoder {
    enum key_decoder_state {
        KEY_STATE_PLAIN,
        KEY_STATE_UTF8,
        KEY_STATE_ESCAPE,
        KEY_STATE_SEQUENCE, // behind ESC [ or ESC O
        KEY_STATE_STRING,   // behind ESC ], ESC P and the like: nothing that a key sends
        KEY_STATE_LAST,     // one byte more belongs to it
    } state;
    uint64_t last_ns;       // when the last byte came
    unsigned length;        // of the sequence
    unsigned modifiers;     // that an escape before it means
    unsigned parameters[2]; // the first two of a sequence
    unsigned parameter;     // which of them is being read
    bool is_keypads;        // the sequence began with ESC O
    bool is_foreign;        // it is none of a key's
    struct utf8_decoder utf8;
    bool after_cr;
};

// Takes one byte. Returns the key that it completes or KEY_NONE. Malformed UTF-8 and sequences of
// no known key vanish; a control character always ends them, and counts.
unsigned key_decode(struct key_decoder *decoder, uint8_t byte, uint64_t now_ns);

// To be called when there is no byte: gives up what has been incomplete for KEY_PAUSE_NS. Returns
// KEY_ESCAPE where that was a lone escape.
unsigned key_decode_pause(struct key_decoder *decoder, uint64_t now_ns);
