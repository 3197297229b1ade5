// The table that tools/font.py makes, and drivers/font that looks glyphs up in it. Catches a table
// that isn't sorted, characters that drivers/font.h promises and the font lacks, block elements
// that are drawn wrong, and characters beyond 16 bits that are taken for others.

#include "tests/host/lib.h"

#include "drivers/font.c"

#include "font_data.c"

static void the_table_is_sorted(void **state)
{
    (void)state;
    assert_true(font_map_count > 300);
    for (unsigned i = 0; i < font_map_count; i++) {
        assert_true(i == 0 || font_map[i - 1].code_point < font_map[i].code_point);
        assert_true(font_map[i].glyph < FONT_GLYPHS);
        assert_int_equal(font_glyph(font_map[i].code_point), font_map[i].glyph);
    }
}

static void expect_all(unsigned first, unsigned last)
{
    for (unsigned point = first; point <= last; point++)
        if (!find(point))
            fail_msg("U+%04X is missing", point);
}

static void it_has_what_the_header_says(void **state)
{
    (void)state;
    expect_all(0x20, 0x7e);
    expect_all(0xa0, 0xff);
    expect_all(0x2500, 0x257f);
    expect_all(0x2580, 0x259f);
    expect_all(0xfffd, 0xfffd);
}

static void what_is_missing_is_replaced(void **state)
{
    (void)state;
    static const uint32_t missing[] = {0,       0x1f,    0x7f,     0x0e01,     0x4e00,
                                       0x10041, 0x1f600, 0x10ffff, 0xffff0041, 0xffffffff};
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
        if (!find(missing[i]))
            assert_int_equal(font_glyph(missing[i]), font_glyph(0xfffd));
    assert_null(find(0x10041));
    assert_int_not_equal(font_glyph(0x10041), font_glyph('A'));
}

static bool is_empty(uint32_t point)
{
    for (unsigned y = 0; y < FONT_HEIGHT; y++)
        if (font_bitmaps[font_glyph(point)][y])
            return false;
    return true;
}

static void letters_are_told_apart(void **state)
{
    (void)state;
    assert_true(is_empty(' '));
    assert_true(is_empty(0xa0));
    for (unsigned a = 0x21; a < 0x7f; a++) {
        assert_false(is_empty(a));
        for (unsigned b = 0x21; b < a; b++)
            assert_true(
                memcmp(font_bitmaps[font_glyph(a)], font_bitmaps[font_glyph(b)], FONT_HEIGHT) != 0);
    }
}

// The pixels inside of [left, right) x [top, bottom) and no others.
static void expect_block(uint32_t point, unsigned left, unsigned right, unsigned top,
                         unsigned bottom)
{
    for (unsigned y = 0; y < FONT_HEIGHT; y++)
        for (unsigned x = 0; x < FONT_WIDTH; x++) {
            bool set = font_bitmaps[font_glyph(point)][y] & 0x80 >> x;
            if (set != (x >= left && x < right && y >= top && y < bottom))
                fail_msg("U+%04X: pixel %u, %u", point, x, y);
        }
}

// Four bits: upper left, upper right, lower left, lower right.
static void expect_quadrants(uint32_t point, unsigned quadrants)
{
    for (unsigned y = 0; y < FONT_HEIGHT; y++)
        for (unsigned x = 0; x < FONT_WIDTH; x++) {
            bool set = font_bitmaps[font_glyph(point)][y] & 0x80 >> x;
            if (set != !!(quadrants & 8 >> (y / 8 * 2 + x / 4)))
                fail_msg("U+%04X: pixel %u, %u", point, x, y);
        }
}

// [Unicode, Block Elements]
static void blocks_fill_their_part_of_the_cell(void **state)
{
    (void)state;
    expect_block(0x2580, 0, 8, 0, 8);
    expect_block(0x2590, 4, 8, 0, 16);
    expect_block(0x2594, 0, 8, 0, 2);
    expect_block(0x2595, 7, 8, 0, 16);
    for (unsigned eighths = 1; eighths <= 8; eighths++) {
        expect_block(0x2580 + eighths, 0, 8, 16 - 2 * eighths, 16);
        expect_block(0x2590 - eighths, 0, eighths, 0, 16);
    }
    static const uint8_t quadrants[] = {2, 1, 8, 11, 9, 14, 13, 4, 6, 7}; // U+2596 on
    for (unsigned i = 0; i < ARRAY_SIZE(quadrants); i++)
        expect_quadrants(0x2596 + i, quadrants[i]);
}

static void shades_grow_darker(void **state)
{
    (void)state;
    unsigned counts[3] = {0};
    for (unsigned shade = 0; shade < 3; shade++)
        for (unsigned y = 0; y < FONT_HEIGHT; y++)
            counts[shade] +=
                (unsigned)__builtin_popcount(font_bitmaps[font_glyph(0x2591 + shade)][y]);
    assert_true(counts[0] > 0 && counts[0] < counts[1]);
    assert_true(counts[1] < counts[2] && counts[2] < 128);
}

// Box drawing joins: lines go through from edge to edge.
static void lines_reach_the_edges(void **state)
{
    (void)state;
    unsigned through = 0;
    for (unsigned y = 0; y < FONT_HEIGHT; y++) {
        through += font_bitmaps[font_glyph(0x2500)][y] == 0xff;
        assert_true(font_bitmaps[font_glyph(0x2502)][y] != 0);
        assert_int_equal(font_bitmaps[font_glyph(0x2502)][y], font_bitmaps[font_glyph(0x2502)][0]);
    }
    assert_in_range(through, 1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted),
        cmocka_unit_test(it_has_what_the_header_says),
        cmocka_unit_test(what_is_missing_is_replaced),
        cmocka_unit_test(letters_are_told_apart),
        cmocka_unit_test(blocks_fill_their_part_of_the_cell),
        cmocka_unit_test(shades_grow_darker),
        cmocka_unit_test(lines_reach_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
