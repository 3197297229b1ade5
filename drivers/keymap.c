// The layouts us and de. German accents come as characters of their own, not as dead keys.

#include "drivers/keymap.h"
#include "drivers/key_usage.h"
#include "lib/string.h"

enum { SYMBOL_KEYS = USAGE_102ND + 1 };

static const uint16_t us[SYMBOL_KEYS][KEYMAP_LEVELS] = {
    [USAGE_GRAVE] = {'`', '~'},
    [USAGE_1] = {'1', '!'},
    [USAGE_1 + 1] = {'2', '@'},
    [USAGE_1 + 2] = {'3', '#'},
    [USAGE_1 + 3] = {'4', '$'},
    [USAGE_1 + 4] = {'5', '%'},
    [USAGE_1 + 5] = {'6', '^'},
    [USAGE_1 + 6] = {'7', '&'},
    [USAGE_1 + 7] = {'8', '*'},
    [USAGE_1 + 8] = {'9', '('},
    [USAGE_0] = {'0', ')'},
    [USAGE_MINUS] = {'-', '_'},
    [USAGE_EQUAL] = {'=', '+'},
    [USAGE_LEFT_BRACKET] = {'[', '{'},
    [USAGE_RIGHT_BRACKET] = {']', '}'},
    [USAGE_BACKSLASH] = {'\\', '|'},
    [USAGE_HASH] = {'\\', '|'},
    [USAGE_SEMICOLON] = {';', ':'},
    [USAGE_APOSTROPHE] = {'\'', '"'},
    [USAGE_COMMA] = {',', '<'},
    [USAGE_DOT] = {'.', '>'},
    [USAGE_SLASH] = {'/', '?'},
    [USAGE_102ND] = {'<', '>'},
};

static const uint16_t de[SYMBOL_KEYS][KEYMAP_LEVELS] = {
    [USAGE_GRAVE] = {'^', u'°'},
    [USAGE_1] = {'1', '!'},
    [USAGE_1 + 1] = {'2', '"', u'²'},
    [USAGE_1 + 2] = {'3', u'§', u'³'},
    [USAGE_1 + 3] = {'4', '$'},
    [USAGE_1 + 4] = {'5', '%'},
    [USAGE_1 + 5] = {'6', '&'},
    [USAGE_1 + 6] = {'7', '/', '{'},
    [USAGE_1 + 7] = {'8', '(', '['},
    [USAGE_1 + 8] = {'9', ')', ']'},
    [USAGE_0] = {'0', '=', '}'},
    [USAGE_MINUS] = {u'ß', '?', '\\'},
    [USAGE_EQUAL] = {u'´', '`'},
    [USAGE_LEFT_BRACKET] = {u'ü', u'Ü'},
    [USAGE_RIGHT_BRACKET] = {'+', '*', '~'},
    [USAGE_BACKSLASH] = {'#', '\''},
    [USAGE_HASH] = {'#', '\''},
    [USAGE_SEMICOLON] = {u'ö', u'Ö'},
    [USAGE_APOSTROPHE] = {u'ä', u'Ä'},
    [USAGE_COMMA] = {',', ';'},
    [USAGE_DOT] = {'.', ':'},
    [USAGE_SLASH] = {'-', '_'},
    [USAGE_102ND] = {'<', '>', '|'},
    [USAGE_Y] = {'z', 'Z'},
    [USAGE_Z] = {'y', 'Y'},
    [USAGE_Q] = {'q', 'Q', '@'},
    [USAGE_E] = {'e', 'E', u'€'},
    [USAGE_M] = {'m', 'M', u'µ'},
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
    if (!levels[0] && usage >= USAGE_A &&
        usage <= USAGE_Z) { // where the alphabet stands as in usages
        alphabet[0] = (uint16_t)('a' + usage - USAGE_A);
        alphabet[1] = (uint16_t)('A' + usage - USAGE_A);
        levels = alphabet;
    }
    if (altgr)
        return levels[2];
    return levels[shift != (caps && is_letter(levels[0]))];
}
