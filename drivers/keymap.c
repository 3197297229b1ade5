// The layouts us and de. German accents come as characters of their own, not as dead keys.

#include "drivers/keymap.h"
#include "drivers/key_usage.h"
#include "lib/string.h"

enum { SYMBOL_KEYS = KEY_102ND + 1 };

static const uint16_t us[SYMBOL_KEYS][KEYMAP_LEVELS] = {
    [KEY_GRAVE] = {'`', '~'},
    [KEY_1] = {'1', '!'},
    [KEY_1 + 1] = {'2', '@'},
    [KEY_1 + 2] = {'3', '#'},
    [KEY_1 + 3] = {'4', '$'},
    [KEY_1 + 4] = {'5', '%'},
    [KEY_1 + 5] = {'6', '^'},
    [KEY_1 + 6] = {'7', '&'},
    [KEY_1 + 7] = {'8', '*'},
    [KEY_1 + 8] = {'9', '('},
    [KEY_0] = {'0', ')'},
    [KEY_MINUS] = {'-', '_'},
    [KEY_EQUAL] = {'=', '+'},
    [KEY_LEFT_BRACKET] = {'[', '{'},
    [KEY_RIGHT_BRACKET] = {']', '}'},
    [KEY_BACKSLASH] = {'\\', '|'},
    [KEY_HASH] = {'\\', '|'},
    [KEY_SEMICOLON] = {';', ':'},
    [KEY_APOSTROPHE] = {'\'', '"'},
    [KEY_COMMA] = {',', '<'},
    [KEY_DOT] = {'.', '>'},
    [KEY_SLASH] = {'/', '?'},
    [KEY_102ND] = {'<', '>'},
};

static const uint16_t de[SYMBOL_KEYS][KEYMAP_LEVELS] = {
    [KEY_GRAVE] = {'^', u'°'},
    [KEY_1] = {'1', '!'},
    [KEY_1 + 1] = {'2', '"', u'²'},
    [KEY_1 + 2] = {'3', u'§', u'³'},
    [KEY_1 + 3] = {'4', '$'},
    [KEY_1 + 4] = {'5', '%'},
    [KEY_1 + 5] = {'6', '&'},
    [KEY_1 + 6] = {'7', '/', '{'},
    [KEY_1 + 7] = {'8', '(', '['},
    [KEY_1 + 8] = {'9', ')', ']'},
    [KEY_0] = {'0', '=', '}'},
    [KEY_MINUS] = {u'ß', '?', '\\'},
    [KEY_EQUAL] = {u'´', '`'},
    [KEY_LEFT_BRACKET] = {u'ü', u'Ü'},
    [KEY_RIGHT_BRACKET] = {'+', '*', '~'},
    [KEY_BACKSLASH] = {'#', '\''},
    [KEY_HASH] = {'#', '\''},
    [KEY_SEMICOLON] = {u'ö', u'Ö'},
    [KEY_APOSTROPHE] = {u'ä', u'Ä'},
    [KEY_COMMA] = {',', ';'},
    [KEY_DOT] = {'.', ':'},
    [KEY_SLASH] = {'-', '_'},
    [KEY_102ND] = {'<', '>', '|'},
    [KEY_Y] = {'z', 'Z'},
    [KEY_Z] = {'y', 'Y'},
    [KEY_Q] = {'q', 'Q', '@'},
    [KEY_E] = {'e', 'E', u'€'},
    [KEY_M] = {'m', 'M', u'µ'},
};

static const struct keymap maps[] = {
    {.name = "us", .decimal = '.', .characters = us},
    {.name = "de", .has_altgr = true, .decimal = ',', .characters = de},
};

const struct keymap *keymap_find(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(maps); i++)
        if (string_equal(name, maps[i].name))
            return &maps[i];
    return NULL;
}

static bool is_letter(uint32_t character)
{
    return (character >= 'a' && character <= 'z') || character == u'ä' || character == u'ö' ||
           character == u'ü';
}

uint32_t keymap_character(const struct keymap *map, uint8_t usage, bool shift, bool altgr,
                          bool caps)
{
    const uint16_t *levels;
    uint16_t alphabet[KEYMAP_LEVELS] = {0};
    if (usage >= SYMBOL_KEYS)
        return 0;
    levels = map->characters[usage];
    if (!levels[0] && usage >= KEY_A && usage <= KEY_Z) { // where the alphabet stands as in usages
        alphabet[0] = (uint16_t)('a' + usage - KEY_A);
        alphabet[1] = (uint16_t)('A' + usage - KEY_A);
        levels = alphabet;
    }
    if (altgr)
        return levels[2];
    return levels[shift != (caps && is_letter(levels[0]))];
}
