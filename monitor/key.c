// Keys, from the bytes that a terminal sends for them.
//
// Terminals differ in what they send for the same key; all common forms are understood: ESC [ H,
// ESC O H, ESC [ 1 ~ and ESC [ 7 ~ are Home. Modifiers come as a parameter (ESC [ 1 ; 5 D, or
// ESC [ 5 D from older ones), as another final character (rxvt), or Alt as an escape in front.

#include "monitor/key.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/utf8.h"

enum { ESCAPE = 27, DELETE = 127, LENGTH_MAX = 64, PARAMETER_MAX = 999 };

static void reset(struct key_decoder *decoder)
{
    bool after_cr = decoder->after_cr;
    *decoder = (struct key_decoder){.last_ns = decoder->last_ns, .after_cr = after_cr};
}

static unsigned finish(struct key_decoder *decoder, unsigned key)
{
    if (key != KEY_NONE)
        key |= decoder->modifiers;
    reset(decoder);
    return key;
}

// --- Characters -------------------------------------------------------------------------------

// A byte of a character. What is malformed vanishes, and so do the controls above ASCII.
static unsigned take_character(struct key_decoder *decoder, uint8_t byte)
{
    enum { CONTROLS_END = 0xa0 };
    enum utf8_result result = utf8_decode(&decoder->utf8, byte);
    if (result == UTF8_BAD_BEFORE) {
        reset(decoder);
        result = utf8_decode(&decoder->utf8, byte);
    }
    uint32_t code = decoder->utf8.code_point;
    decoder->state = KEY_STATE_UTF8;
    if (result == UTF8_MORE)
        return KEY_NONE;
    bool is_key = result == UTF8_DONE && (byte < 0x80 || code >= CONTROLS_END);
    return finish(decoder, is_key ? code : KEY_NONE);
}

static unsigned take_control(struct key_decoder *decoder, uint8_t byte)
{
    bool is_backspace = byte == '\b' || byte == DELETE;
    if (byte == ESCAPE) {
        bool is_second = decoder->state == KEY_STATE_ESCAPE; // Alt with a key that has a sequence
        reset(decoder);
        decoder->modifiers = is_second ? KEY_ALT : 0;
        decoder->state = KEY_STATE_ESCAPE;
        return KEY_NONE;
    }
    decoder->modifiers = is_backspace && decoder->state == KEY_STATE_ESCAPE ? KEY_ALT : 0;
    return finish(decoder, is_backspace ? KEY_BACKSPACE : byte == '\n' ? KEY_ENTER : byte);
}

// --- Sequences --------------------------------------------------------------------------------

static unsigned after_escape(struct key_decoder *decoder, uint8_t byte)
{
    bool begins_string = strchr("]PX^_", byte) != NULL;
    decoder->is_keypads = byte == 'O';
    if (byte == '[' || byte == 'O' || begins_string) {
        decoder->state = begins_string ? KEY_STATE_STRING : KEY_STATE_SEQUENCE;
        return KEY_NONE;
    }
    decoder->modifiers = KEY_ALT;
    return take_character(decoder, byte);
}

static unsigned find_letter(uint8_t final)
{
    switch (final) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return KEY_RIGHT;
    case 'D':
        return KEY_LEFT;
    case 'F':
        return KEY_END;
    case 'H':
        return KEY_HOME;
    case 'Z':
        return KEY_SHIFT | KEY_TAB;
    default:
        return KEY_NONE;
    }
}

static unsigned find_number(unsigned number)
{
    static const unsigned keys[] = {KEY_NONE,    KEY_HOME,      KEY_INSERT, KEY_DELETE, KEY_END,
                                    KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME,   KEY_END};
    return number < ARRAY_SIZE(keys) ? keys[number] : KEY_NONE;
}

// A parameter is 1 and the sum of 1 for Shift, 2 for Alt, 4 for Ctrl, 8 for Meta [xterm].
static unsigned modifiers_of(unsigned parameter)
{
    unsigned bits = parameter ? parameter - 1 : 0;
    if (bits > 15)
        return 0;
    return (bits & 1 ? KEY_SHIFT : 0) | (bits & 10 ? KEY_ALT : 0) | (bits & 4 ? KEY_CTRL : 0);
}

static unsigned end_sequence(struct key_decoder *decoder, uint8_t final)
{
    unsigned first = decoder->parameters[0], second = decoder->parameters[1], key;
    if (final == '~' || final == '^' || final == '@') {
        key = find_number(first);
        decoder->modifiers |= modifiers_of(second);
        decoder->modifiers |= final == '~' ? 0 : KEY_CTRL;
    } else if (final == 'M' && decoder->is_keypads) {
        key = KEY_ENTER;
    } else if (final >= 'a' && final <= 'd') {
        key = find_letter(final & ~0x20);
        decoder->modifiers |= KEY_CTRL; // behind ESC O; behind ESC [ it is Shift, and means as much
    } else {
        key = find_letter(final);
        decoder->modifiers |= modifiers_of(decoder->parameter ? second : first);
    }
    return finish(decoder, decoder->is_foreign ? KEY_NONE : key);
}

static void add_digit(struct key_decoder *decoder, unsigned digit)
{
    if (decoder->parameter >= ARRAY_SIZE(decoder->parameters))
        return;
    unsigned *parameter = &decoder->parameters[decoder->parameter];
    *parameter = *parameter * 10 + digit;
    if (*parameter > PARAMETER_MAX)
        *parameter = PARAMETER_MAX;
}

static unsigned in_sequence(struct key_decoder *decoder, uint8_t byte)
{
    if (byte == '[' && decoder->length == 1) { // a function key of the Linux console: ESC [ [ A
        decoder->state = KEY_STATE_LAST;
        return KEY_NONE;
    }
    if (byte >= 0x40)
        return end_sequence(decoder, byte);
    if (byte >= '0' && byte <= '9')
        add_digit(decoder, byte - '0');
    else if (byte == ';')
        decoder->parameter++;
    else
        decoder->is_foreign = true;
    return KEY_NONE;
}

// A byte that isn't a control character, inside something that an escape began.
static unsigned take_escaped(struct key_decoder *decoder, uint8_t byte)
{
    if (byte >= 0x80 && decoder->state != KEY_STATE_ESCAPE) {
        reset(decoder);
        return take_character(decoder, byte);
    }
    if (decoder->state == KEY_STATE_ESCAPE)
        return after_escape(decoder, byte);
    if (++decoder->length > LENGTH_MAX || decoder->state == KEY_STATE_LAST)
        return finish(decoder, KEY_NONE);
    return decoder->state == KEY_STATE_SEQUENCE ? in_sequence(decoder, byte) : KEY_NONE;
}

unsigned key_decode(struct key_decoder *decoder, uint8_t byte, uint64_t now_ns)
{
    bool after_cr = decoder->after_cr;
    decoder->after_cr = byte == '\r';
    decoder->last_ns = now_ns;
    if (byte == '\n' && after_cr)
        return KEY_NONE;
    if (byte < ' ' || byte == DELETE)
        return take_control(decoder, byte);
    bool is_plain = decoder->state == KEY_STATE_PLAIN || decoder->state == KEY_STATE_UTF8;
    return is_plain ? take_character(decoder, byte) : take_escaped(decoder, byte);
}

unsigned key_decode_pause(struct key_decoder *decoder, uint64_t now_ns)
{
    if (decoder->state == KEY_STATE_PLAIN || now_ns - decoder->last_ns < KEY_PAUSE_NS)
        return KEY_NONE;
    bool was_escape = decoder->state == KEY_STATE_ESCAPE;
    reset(decoder);
    return was_escape ? KEY_ESCAPE : KEY_NONE;
}
