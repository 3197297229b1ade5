// Scan codes of the sets 1 and 2 [SCAN].
//
// Set 1 says "released" by bit 7, set 2 by a prefix 0xf0. In both 0xe0 stands before the keys that
// the first PC didn't have, and 0xe1 before the two codes of Pause.

#include "drivers/scancode.h"
#include "drivers/key_usage.h"

enum {
    EXTENDED = 0xe0,
    PAUSE = 0xe1,
    RELEASE = 0xf0,       // set 2
    SET1_RELEASED = 0x80, // set 1: a bit of the code
    E0 = EXTENDED << 8,
};

// Fake shifts (E0 2A, E0 36; E0 12, E0 59) aren't in the table: they are there for programs that
// mistake the middle block for the keypad.
static const struct {
    uint8_t usage;
    uint16_t set1, set2;
} codes[] = {
    {0x04, 0x1e, 0x1c},
    {0x05, 0x30, 0x32},
    {0x06, 0x2e, 0x21},
    {0x07, 0x20, 0x23},
    {0x08, 0x12, 0x24},
    {0x09, 0x21, 0x2b},
    {0x0a, 0x22, 0x34},
    {0x0b, 0x23, 0x33},
    {0x0c, 0x17, 0x43},
    {0x0d, 0x24, 0x3b},
    {0x0e, 0x25, 0x42},
    {0x0f, 0x26, 0x4b},
    {0x10, 0x32, 0x3a},
    {0x11, 0x31, 0x31},
    {0x12, 0x18, 0x44},
    {0x13, 0x19, 0x4d},
    {0x14, 0x10, 0x15},
    {0x15, 0x13, 0x2d},
    {0x16, 0x1f, 0x1b},
    {0x17, 0x14, 0x2c},
    {0x18, 0x16, 0x3c},
    {0x19, 0x2f, 0x2a},
    {0x1a, 0x11, 0x1d},
    {0x1b, 0x2d, 0x22},
    {0x1c, 0x15, 0x35},
    {0x1d, 0x2c, 0x1a},
    {0x1e, 0x02, 0x16},
    {0x1f, 0x03, 0x1e},
    {0x20, 0x04, 0x26},
    {0x21, 0x05, 0x25},
    {0x22, 0x06, 0x2e},
    {0x23, 0x07, 0x36},
    {0x24, 0x08, 0x3d},
    {0x25, 0x09, 0x3e},
    {0x26, 0x0a, 0x46},
    {0x27, 0x0b, 0x45},
    {USAGE_ENTER, 0x1c, 0x5a},
    {USAGE_ESCAPE, 0x01, 0x76},
    {USAGE_BACKSPACE, 0x0e, 0x66},
    {USAGE_TAB, 0x0f, 0x0d},
    {USAGE_SPACE, 0x39, 0x29},
    {USAGE_MINUS, 0x0c, 0x4e},
    {USAGE_EQUAL, 0x0d, 0x55},
    {USAGE_LEFT_BRACKET, 0x1a, 0x54},
    {USAGE_RIGHT_BRACKET, 0x1b, 0x5b},
    {USAGE_BACKSLASH, 0x2b, 0x5d},
    {USAGE_SEMICOLON, 0x27, 0x4c},
    {USAGE_APOSTROPHE, 0x28, 0x52},
    {USAGE_GRAVE, 0x29, 0x0e},
    {USAGE_COMMA, 0x33, 0x41},
    {USAGE_DOT, 0x34, 0x49},
    {USAGE_SLASH, 0x35, 0x4a},
    {USAGE_CAPS_LOCK, 0x3a, 0x58},
    {USAGE_F1, 0x3b, 0x05},
    {USAGE_F1 + 1, 0x3c, 0x06},
    {USAGE_F1 + 2, 0x3d, 0x04},
    {USAGE_F1 + 3, 0x3e, 0x0c},
    {USAGE_F1 + 4, 0x3f, 0x03},
    {USAGE_F1 + 5, 0x40, 0x0b},
    {USAGE_F1 + 6, 0x41, 0x83},
    {USAGE_F1 + 7, 0x42, 0x0a},
    {USAGE_F1 + 8, 0x43, 0x01},
    {USAGE_F1 + 9, 0x44, 0x09},
    {USAGE_F1 + 10, 0x57, 0x78},
    {USAGE_F1 + 11, 0x58, 0x07},
    {USAGE_PRINT_SCREEN, E0 | 0x37, E0 | 0x7c},
    {USAGE_PRINT_SCREEN, 0x54, 0x84}, // with Alt
    {USAGE_SCROLL_LOCK, 0x46, 0x7e},
    {USAGE_PAUSE, E0 | 0x46, E0 | 0x7e}, // with Ctrl
    {USAGE_INSERT, E0 | 0x52, E0 | 0x70},
    {USAGE_HOME, E0 | 0x47, E0 | 0x6c},
    {USAGE_PAGE_UP, E0 | 0x49, E0 | 0x7d},
    {USAGE_DELETE, E0 | 0x53, E0 | 0x71},
    {USAGE_END, E0 | 0x4f, E0 | 0x69},
    {USAGE_PAGE_DOWN, E0 | 0x51, E0 | 0x7a},
    {USAGE_RIGHT, E0 | 0x4d, E0 | 0x74},
    {USAGE_LEFT, E0 | 0x4b, E0 | 0x6b},
    {USAGE_DOWN, E0 | 0x50, E0 | 0x72},
    {USAGE_UP, E0 | 0x48, E0 | 0x75},
    {USAGE_NUM_LOCK, 0x45, 0x77},
    {USAGE_PAD_SLASH, E0 | 0x35, E0 | 0x4a},
    {USAGE_PAD_STAR, 0x37, 0x7c},
    {USAGE_PAD_MINUS, 0x4a, 0x7b},
    {USAGE_PAD_PLUS, 0x4e, 0x79},
    {USAGE_PAD_ENTER, E0 | 0x1c, E0 | 0x5a},
    {USAGE_PAD_1, 0x4f, 0x69},
    {USAGE_PAD_1 + 1, 0x50, 0x72},
    {USAGE_PAD_1 + 2, 0x51, 0x7a},
    {USAGE_PAD_1 + 3, 0x4b, 0x6b},
    {USAGE_PAD_1 + 4, 0x4c, 0x73},
    {USAGE_PAD_1 + 5, 0x4d, 0x74},
    {USAGE_PAD_1 + 6, 0x47, 0x6c},
    {USAGE_PAD_1 + 7, 0x48, 0x75},
    {USAGE_PAD_1 + 8, 0x49, 0x7d},
    {USAGE_PAD_0, 0x52, 0x70},
    {USAGE_PAD_DOT, 0x53, 0x71},
    {USAGE_102ND, 0x56, 0x61},
    {USAGE_MENU, E0 | 0x5d, E0 | 0x2f},
    {USAGE_LEFT_CTRL, 0x1d, 0x14},
    {USAGE_LEFT_SHIFT, 0x2a, 0x12},
    {USAGE_LEFT_ALT, 0x38, 0x11},
    {USAGE_LEFT_GUI, E0 | 0x5b, E0 | 0x1f},
    {USAGE_RIGHT_CTRL, E0 | 0x1d, E0 | 0x14},
    {USAGE_RIGHT_SHIFT, 0x36, 0x59},
    {USAGE_RIGHT_ALT, E0 | 0x38, E0 | 0x11},
    {USAGE_RIGHT_GUI, E0 | 0x5c, E0 | 0x27},
};

static uint8_t find_usage(enum scancode_set set, uint16_t code)
{
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
        if (code == (set == SCANCODE_SET1 ? codes[i].set1 : codes[i].set2))
            return codes[i].usage;
    return USAGE_NONE;
}

static void forget(struct scancode_decoder *decoder)
{
    *decoder = (struct scancode_decoder){.set = decoder->set};
}

static bool take_prefix(struct scancode_decoder *decoder, uint8_t byte)
{
    if (byte == RELEASE && decoder->set == SCANCODE_SET2)
        return decoder->released = true;
    if (byte != EXTENDED && byte != PAUSE)
        return false;
    forget(decoder);
    decoder->prefix = byte;
    return true;
}

// Behind 0xe1: the code of the left Ctrl key, then that of Num Lock. Returns false where something
// else comes, which then begins anew.
static bool take_pause(struct scancode_decoder *decoder, uint8_t code, uint8_t *usage)
{
    bool set1 = decoder->set == SCANCODE_SET1;
    uint8_t expected = decoder->first ? (set1 ? 0x45 : 0x77) : (set1 ? 0x1d : 0x14);
    if (code != expected) {
        decoder->prefix = decoder->first = 0;
        return false;
    }
    *usage = decoder->first ? USAGE_PAUSE : USAGE_NONE;
    decoder->first = code;
    decoder->released = false;
    return true;
}

bool scancode_decode(struct scancode_decoder *decoder, uint8_t byte, struct key_event *event)
{
    if (take_prefix(decoder, byte))
        return false;
    bool set1 = decoder->set == SCANCODE_SET1;
    bool released = set1 ? byte & SET1_RELEASED : decoder->released;
    uint8_t code = set1 ? byte & (uint8_t)~SET1_RELEASED : byte;
    uint8_t usage;
    if (decoder->prefix != PAUSE || !take_pause(decoder, code, &usage))
        usage = find_usage(decoder->set, (uint16_t)(decoder->prefix << 8 | code));
    if (decoder->prefix != PAUSE || usage != USAGE_NONE)
        forget(decoder);
    *event = (struct key_event){usage, !released};
    return usage != USAGE_NONE;
}
