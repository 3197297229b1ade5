// Any bytes as keys. Whatever came before, Ctrl-C is a key at once, and after a pause every key is
// itself again; what is decoded are characters or keys that have a name.

#include "tests/host/lib.h"

#include "monitor/key.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void refuse(bool broken)
{
    if (broken)
        abort();
}

static void check(unsigned key)
{
    unsigned plain = key & ~(KEY_SHIFT | KEY_ALT | KEY_CTRL);
    refuse(plain > KEY_PAGE_DOWN);
    refuse(plain >= 0x80 && plain < 0xa0);
    refuse(plain >= 0xd800 && plain < 0xe000);
    refuse(key != KEY_NONE && plain == KEY_NONE);
}

static unsigned type(struct key_decoder *decoder, const char *bytes, uint64_t now)
{
    unsigned key = KEY_NONE;
    for (; *bytes; bytes++)
        key = key_decode(decoder, (uint8_t)*bytes, now);
    return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_decoder decoder = {0};
    for (size_t i = 0; i < size; i++)
        check(key_decode(&decoder, data[i], i));
    struct key_decoder same = decoder;
    refuse(type(&same, "\x03", size) != KEY_CONTROL('C'));
    refuse(type(&same, "\033[1;5D", size) != (KEY_CTRL | KEY_LEFT));
    check(key_decode_pause(&decoder, size + KEY_PAUSE_NS));
    refuse(type(&decoder, "a", size) != 'a');
    refuse(type(&decoder, "\xc3\xa4", size) != 0xe4);
    return 0;
}
