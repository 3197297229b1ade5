// What a terminal sends for a key.

#include "drivers/key_text.h"
#include "drivers/key_usage.h"
#include "lib/format.h"
#include "lib/utf8.h"

enum { ESCAPE = 27, BACKSPACE = 127, NO_CHARACTER = -1, SEQUENCE_MODIFIERS = 7 };

// CSI number ; modifiers final. The number is left out where it is 1 and no modifiers follow; F1 to
// F4 then begin with SS3 instead.
struct sequence {
    uint8_t usage, number;
    char final;
};

static const struct sequence sequences[] = {
    {USAGE_UP, 1, 'A'},        {USAGE_DOWN, 1, 'B'},    {USAGE_RIGHT, 1, 'C'},
    {USAGE_LEFT, 1, 'D'},      {USAGE_HOME, 1, 'H'},    {USAGE_END, 1, 'F'},
    {USAGE_INSERT, 2, '~'},    {USAGE_DELETE, 3, '~'},  {USAGE_PAGE_UP, 5, '~'},
    {USAGE_PAGE_DOWN, 6, '~'}, {USAGE_F1, 1, 'P'},      {USAGE_F1 + 1, 1, 'Q'},
    {USAGE_F1 + 2, 1, 'R'},    {USAGE_F1 + 3, 1, 'S'},  {USAGE_F5, 15, '~'},
    {USAGE_F5 + 1, 17, '~'},   {USAGE_F5 + 2, 18, '~'}, {USAGE_F5 + 3, 19, '~'},
    {USAGE_F5 + 4, 20, '~'},   {USAGE_F5 + 5, 21, '~'}, {USAGE_F5 + 6, 23, '~'},
    {USAGE_F5 + 7, 24, '~'},
};

// The keypad from USAGE_PAD_1 on: with Num Lock the one, without it the other.
static const char pad_digits[] = "1234567890";
static const uint8_t pad_directions[] = {
    USAGE_END,  USAGE_DOWN, USAGE_PAGE_DOWN, USAGE_LEFT,   USAGE_NONE,   USAGE_RIGHT,
    USAGE_HOME, USAGE_UP,   USAGE_PAGE_UP,   USAGE_INSERT, USAGE_DELETE,
};

// The same in every layout and with every modifier.
static const struct {
    uint8_t usage;
    char character;
} fixed[] = {
    {USAGE_ENTER, '\r'},     {USAGE_ESCAPE, ESCAPE}, {USAGE_BACKSPACE, BACKSPACE},
    {USAGE_TAB, '\t'},       {USAGE_SPACE, ' '},     {USAGE_PAD_SLASH, '/'},
    {USAGE_PAD_STAR, '*'},   {USAGE_PAD_MINUS, '-'}, {USAGE_PAD_PLUS, '+'},
    {USAGE_PAD_ENTER, '\r'},
};

static bool is_on_pad(uint8_t usage)
{
    return usage >= USAGE_PAD_1 && usage <= USAGE_PAD_DOT;
}

static int find_character(const struct keymap *map, uint8_t usage, unsigned modifiers)
{
    if (usage == USAGE_PAD_DOT)
        return map->decimal;
    if (is_on_pad(usage))
        return pad_digits[usage - USAGE_PAD_1];
    for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
        if (fixed[i].usage == usage)
            return fixed[i].character;
    uint32_t character = keymap_character(map, usage, modifiers & MODIFIER_SHIFT,
                                          modifiers & MODIFIER_ALTGR, modifiers & MODIFIER_CAPS);
    return character ? (int)character : NO_CHARACTER;
}

// Ctrl takes the characters from @ to _, and letters of both cases, to the control codes.
static int with_ctrl(int character)
{
    if (character == ' ')
        return 0;
    bool has_code =
        (character >= '@' && character <= '_') || (character >= 'a' && character <= 'z');
    return has_code ? character & 31 : character;
}

static size_t put_character(char *text, int character, unsigned modifiers)
{
    size_t length = 0;
    if (modifiers & MODIFIER_ALT)
        text[length++] = ESCAPE;
    if (modifiers & MODIFIER_CTRL)
        character = with_ctrl(character);
    return length + utf8_encode(text + length, (uint32_t)character);
}

static size_t put_sequence(char text[USAGE_TEXT_MAX], uint8_t usage, unsigned modifiers)
{
    const struct sequence *s = sequences;
    while (s < sequences + ARRAY_SIZE(sequences) && s->usage != usage)
        s++;
    if (s == sequences + ARRAY_SIZE(sequences))
        return 0;
    unsigned held = modifiers & SEQUENCE_MODIFIERS;
    if (held)
        return snprintf(text, USAGE_TEXT_MAX, "\033[%u;%u%c", s->number, 1 + held, s->final);
    if (s->number > 1)
        return snprintf(text, USAGE_TEXT_MAX, "\033[%u%c", s->number, s->final);
    return snprintf(text, USAGE_TEXT_MAX, "\033%c%c", s->final >= 'P' ? 'O' : '[', s->final);
}

size_t key_text(char text[USAGE_TEXT_MAX], const struct keymap *map, uint8_t usage,
                unsigned modifiers)
{
    bool shift = modifiers & MODIFIER_SHIFT, num = modifiers & MODIFIER_NUM;
    if (is_on_pad(usage)) { // Shift turns Num Lock around, and means nothing else
        modifiers &= ~(unsigned)MODIFIER_SHIFT;
        if (shift == num)
            usage = pad_directions[usage - USAGE_PAD_1];
    }
    if (usage == USAGE_TAB && shift)
        return snprintf(text, USAGE_TEXT_MAX, "\033[Z");
    int character = find_character(map, usage, modifiers);
    if (character != NO_CHARACTER)
        return put_character(text, character, modifiers);
    return put_sequence(text, usage, modifiers);
}
