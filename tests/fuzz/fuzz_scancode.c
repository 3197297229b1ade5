// Any bytes as scan codes; the first says of which set. Only usages of keys come out, and a key
// that is let go and pressed again afterwards is understood.

#include "tests/host/lib.h"

#include "drivers/scancode.c"
#include "tests/host/fake_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_a_key(uint8_t usage)
{
    return (usage >= USAGE_A && usage <= USAGE_MENU) ||
           (usage >= USAGE_LEFT_CTRL && usage <= USAGE_RIGHT_GUI);
}

static bool ends_in_press_of_a(struct scancode_decoder *decoder)
{
    static const uint8_t set1[] = {0x9e, 0x9e, 0x1e}, set2[] = {0xf0, 0x1c, 0xf0, 0x1c, 0x1c};
    bool is_set1 = decoder->set == SCANCODE_SET1, understood = false;
    struct key_event event;
    for (size_t i = 0; i < (is_set1 ? sizeof(set1) : sizeof(set2)); i++)
        understood = scancode_decode(decoder, is_set1 ? set1[i] : set2[i], &event);
    return understood && event.usage == USAGE_A && event.pressed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scancode_decoder decoder = {.set = size && data[0] & 1 ? SCANCODE_SET2 : SCANCODE_SET1};
    struct key_event event;
    for (size_t i = 1; i < size; i++)
        CHECK_TRUE(!scancode_decode(&decoder, data[i], &event) || is_a_key(event.usage));
    CHECK_TRUE(ends_in_press_of_a(&decoder));
    return 0;
}
