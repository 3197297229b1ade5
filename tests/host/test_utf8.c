// UTF-8, against the table of the standard and an encoder that counts bits by hand.

#include "tests/host/lib.h"

static void feed(const char *bytes, size_t length, enum utf8_result last, uint32_t code_point)
{
    struct utf8_decoder decoder = {.missing = 0};
    for (size_t i = 0; i + 1 < length; i++)
        assert_int_equal(utf8_decode(&decoder, (uint8_t)bytes[i]), UTF8_MORE);
    assert_int_equal(utf8_decode(&decoder, (uint8_t)bytes[length - 1]), last);
    if (last == UTF8_DONE)
        assert_int_equal(decoder.code_point, code_point);
    assert_int_equal(decoder.missing, 0);
}

static void every_character_comes_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        char text[UTF8_LENGTH_MAX];
        if (c >= 0xd800 && c < 0xe000)
            continue;
        unsigned length = utf8_encode(text, c);
        assert_int_equal(length, 1 + (c >= 0x80) + (c >= 0x800) + (c >= 0x10000));
        const char *at = text;
        feed(text, length, UTF8_DONE, c);
        assert_int_equal(utf8_next(&at), c);
        assert_ptr_equal(at, text + length);
    }
}

static void known_encodings(void **state)
{
    (void)state;
    feed("A", 1, UTF8_DONE, 'A');
    feed("\xc3\xa4", 2, UTF8_DONE, 0xe4);
    feed("\xe2\x96\x93", 3, UTF8_DONE, 0x2593);
    feed("\xf0\x9f\x98\x80", 4, UTF8_DONE, 0x1f600);
}

// [Unicode 3.9, table 3-7]: what isn't in it ends at the byte that shows it.
static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    feed("\x80", 1, UTF8_BAD, 0);
    feed("\xc0", 1, UTF8_BAD, 0);
    feed("\xc1", 1, UTF8_BAD, 0);
    feed("\xf5", 1, UTF8_BAD, 0);
    feed("\xff", 1, UTF8_BAD, 0);
    feed("\xe0\x9f", 2, UTF8_BAD_BEFORE, 0); // too long for U+07FF
    feed("\xed\xa0", 2, UTF8_BAD_BEFORE, 0); // surrogates
    feed("\xf0\x8f", 2, UTF8_BAD_BEFORE, 0); // too long for U+FFFF
    feed("\xf4\x90", 2, UTF8_BAD_BEFORE, 0); // U+110000
    feed("\xe2\x96"
         "A",
         3, UTF8_BAD_BEFORE, 0);                     // cut off
    feed("\xf0\x9f\x98\xc3", 4, UTF8_BAD_BEFORE, 0); // by the next character
}

static void a_byte_is_given_again(void **state)
{
    (void)state;
    struct utf8_decoder decoder = {.missing = 0};
    assert_int_equal(utf8_decode(&decoder, 0xe2), UTF8_MORE);
    assert_int_equal(utf8_decode(&decoder, 0xc3), UTF8_BAD_BEFORE);
    assert_int_equal(utf8_decode(&decoder, 0xc3), UTF8_MORE);
    assert_int_equal(utf8_decode(&decoder, 0xa4), UTF8_DONE);
    assert_int_equal(decoder.code_point, 0xe4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_comes_back),
        cmocka_unit_test(known_encodings),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(a_byte_is_given_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
