// What PS/2 keyboards send, into keys pressed and released. Pure: no device, no time.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

// Set 2 is what keyboards speak; set 1 is what the controller makes of it where it translates.
enum scancode_set { SCANCODE_SET1 = 1, SCANCODE_SET2 = 2 };

// Zero but for `set` to begin with.
struct scancode_decoder {
    enum scancode_set set;
    uint8_t prefix; // 0xe0 or 0xe1, 0: none
    uint8_t first;  // of the two codes that follow 0xe1, 0: not yet seen
    bool released;  // set 2: 0xf0 was there
};

struct key_event {
    uint8_t usage; // enum key_usage
    bool pressed;
};

// Takes one byte. Returns true, and the event, where it completes a key's code. Any bytes in any
// order are taken: codes without a meaning, the fake shifts around the keys between letters and
// keypad, and answers of the keyboard give no event, and the next key is understood again.
must_use bool scancode_decode(struct scancode_decoder *decoder, uint8_t byte,
                              struct key_event *event);
