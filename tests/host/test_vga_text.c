// drivers/vga_text on memory and registers of a VGA. Catches colours whose red and blue are mixed
// up, a background that makes text blink, characters that are taken for their code points' low
// byte, and hardware that is believed to be there.

#include "tests/host/lib.h"

#include "drivers/vga_text.c"

enum { CELLS = 80 * 25, GUARD = 16, UNTOUCHED = 0xa5a5 };

static struct {
    bool absent;
    uint8_t crtc_index, crtc[32];         // at 0x3d4
    uint8_t graphics_index, graphics[16]; // at 0x3ce
    unsigned writes;                      // to registers other than an index
} vga;

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(size, 1);
    if (!vga.absent && port == 0x3d5)
        return vga.crtc[vga.crtc_index % 32];
    if (!vga.absent && port == 0x3cf)
        return vga.graphics[vga.graphics_index % 16];
    return 0xff;
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    vga.writes += port == 0x3d5 || port == 0x3cf;
    switch (port) {
    case 0x3d4:
        vga.crtc_index = (uint8_t)value;
        break;
    case 0x3d5:
        vga.crtc[vga.crtc_index % 32] = (uint8_t)value;
        break;
    case 0x3ce:
        vga.graphics_index = (uint8_t)value;
        break;
    case 0x3cf:
        vga.graphics[vga.graphics_index % 16] = (uint8_t)value;
        break;
    default:
        fail_msg("port 0x%x is none of a VGA in colour", port);
    }
}

static uint16_t cells[GUARD + CELLS + GUARD], *const screen = cells + GUARD;
static struct display display;

static int start(void **state)
{
    (void)state;
    memset(&vga, 0, sizeof(vga));
    vga.crtc[0x0a] = 0x0d; // a cursor of two lines
    vga.crtc[0x0b] = 0x0e;
    for (unsigned i = 0; i < ARRAY_SIZE(cells); i++)
        cells[i] = UNTOUCHED;
    assert_int_equal(vga_text_open(screen, 80, 25, &display), OK);
    return 0;
}

static cell_t make_cell(unsigned glyph_number, unsigned front, unsigned back)
{
    return (cell_t)(glyph_number | front << 9 | back << 13);
}

// --- Opening -----------------------------------------------------------------------------------

static void opening_hides_the_hardwares_cursor(void **state)
{
    (void)state;
    assert_int_equal(display.columns, 80);
    assert_int_equal(display.rows, 25);
    assert_true(vga.crtc[0x0a] & 0x20);
    assert_int_equal(vga.writes, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(cells); i++)
        assert_int_equal(cells[i], UNTOUCHED);
}

static void sizes_without_sense_are_refused(void **state)
{
    (void)state;
    static const unsigned sizes[][2] = {{0, 25},         {80, 0},        {UINT32_MAX, 1},
                                        {1, UINT32_MAX}, {65536, 65536}, {80, 1000}};
    struct display none;
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        assert_int_equal(vga_text_open(screen, sizes[i][0], sizes[i][1], &none), NOT_SUPPORTED);
    assert_int_equal(vga_text_open(screen, 132, 60, &none), OK);
    assert_int_equal(vga_text_open(screen, 40, 25, &none), OK);
}

// Graphics register 6: bit 0 is graphics, bits 3 and 2 where the memory is; 3 is 0xb8000. [VGA]
static void only_text_at_b8000_is_on(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 16; value++) {
        vga.graphics[6] = (uint8_t)value;
        vga.writes = 0;
        assert_int_equal(vga_text_is_on(), (value & 1) == 0 && value >> 2 == 3);
        assert_int_equal(vga.graphics[6], value);
        assert_int_equal(vga.writes, 0);
    }
    vga.absent = true; // every register reads as 0xff
    assert_false(vga_text_is_on());
}

// --- Drawing -----------------------------------------------------------------------------------

static void expect_attribute(unsigned front, unsigned back, unsigned attribute)
{
    cell_t cell = make_cell('x', front, back);
    display.draw(3, 7, &cell, 1);
    if (screen[3 * 80 + 7] != ('x' | attribute << 8))
        fail_msg("%u on %u is 0x%x", front, back, screen[3 * 80 + 7]);
}

// SGR's black red green yellow blue magenta cyan white, in VGA's order.
static void colors_are_vgas(void **state)
{
    (void)state;
    static const uint8_t colors[] = {0, 4, 2, 6, 1, 5, 3, 7};
    for (unsigned front = 0; front < 16; front++)
        for (unsigned back = 0; back < 8; back++)
            expect_attribute(front, back,
                             colors[front & 7] | (front & 8) | (unsigned)colors[back] << 4);
    expect_attribute(15, 4, 0x1f); // white on blue
    expect_attribute(7, 0, 0x07);
}

static void no_cell_blinks(void **state)
{
    (void)state;
    for (unsigned cell = 0; cell < 0x10000; cell++) {
        cell_t one = (cell_t)cell;
        display.draw(0, 0, &one, 1);
        assert_false(screen[0] & 0x8000);
        assert_int_equal(screen[0] & 0xff, cell & 0xff);
    }
}

static void only_its_cells_are_written(void **state)
{
    (void)state;
    cell_t row[80];
    for (unsigned i = 0; i < 80; i++)
        row[i] = make_cell('a' + i % 26, 7, 0);
    uint64_t before = display.bytes_written();
    display.draw(24, 75, row, 5);
    assert_int_equal(display.bytes_written() - before, 10);
    for (unsigned i = 0; i < GUARD + CELLS + GUARD; i++)
        assert_int_equal(cells[i], i >= GUARD + CELLS - 5 && i < GUARD + CELLS
                                       ? 0x0700 + 'a' + i - (GUARD + CELLS - 5)
                                       : UNTOUCHED);
}

static void clearing_fills_the_screen(void **state)
{
    (void)state;
    static const uint8_t colors[] = {0, 4, 2, 6, 1, 5, 3, 7};
    for (unsigned color_number = 0; color_number < 8; color_number++) {
        uint64_t before = display.bytes_written();
        display.clear(color_number);
        assert_int_equal(display.bytes_written() - before, CELLS * 2);
        for (unsigned i = 0; i < CELLS; i++) {
            assert_int_equal(screen[i] & 0xff, ' ');
            assert_int_equal(screen[i] >> 12, colors[color_number]);
        }
        assert_int_equal(cells[GUARD - 1], UNTOUCHED);
        assert_int_equal(screen[CELLS], UNTOUCHED);
    }
}

// --- Characters --------------------------------------------------------------------------------

static void ascii_is_ascii(void **state)
{
    (void)state;
    for (unsigned c = 0x20; c < 0x7f; c++)
        assert_int_equal(display.glyph(c), c);
}

static void code_page_437_is_known(void **state)
{
    (void)state;
    static const struct {
        uint32_t code_point;
        uint8_t character;
    } known[] = {
        {0xc7, 0x80},   {0xe4, 0x84},   {0xc4, 0x8e},   {0xe9, 0x82},   {0xf6, 0x94},
        {0xd6, 0x99},   {0xfc, 0x81},   {0xdc, 0x9a},   {0xdf, 0xe1},   {0xa3, 0x9c},
        {0xa5, 0x9d},   {0x192, 0x9f},  {0xf1, 0xa4},   {0xbf, 0xa8},   {0xbd, 0xab},
        {0xab, 0xae},   {0xbb, 0xaf},   {0x2591, 0xb0}, {0x2592, 0xb1}, {0x2593, 0xb2},
        {0x2502, 0xb3}, {0x2524, 0xb4}, {0x2551, 0xba}, {0x2557, 0xbb}, {0x255d, 0xbc},
        {0x2510, 0xbf}, {0x2514, 0xc0}, {0x2534, 0xc1}, {0x252c, 0xc2}, {0x251c, 0xc3},
        {0x2500, 0xc4}, {0x253c, 0xc5}, {0x255a, 0xc8}, {0x2554, 0xc9}, {0x2550, 0xcd},
        {0x256c, 0xce}, {0x2518, 0xd9}, {0x250c, 0xda}, {0x2588, 0xdb}, {0x2584, 0xdc},
        {0x258c, 0xdd}, {0x2590, 0xde}, {0x2580, 0xdf}, {0x3b1, 0xe0},  {0xb5, 0xe6},
        {0x3a9, 0xea},  {0x221e, 0xec}, {0x2261, 0xf0}, {0xb1, 0xf1},   {0x2265, 0xf2},
        {0x2264, 0xf3}, {0xf7, 0xf6},   {0x2248, 0xf7}, {0xb0, 0xf8},   {0xb7, 0xfa},
        {0x221a, 0xfb}, {0xb2, 0xfd},   {0x25a0, 0xfe}, {0xa0, 0xff},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
        if (display.glyph(known[i].code_point) != known[i].character)
            fail_msg("U+%04X is 0x%x", known[i].code_point, display.glyph(known[i].code_point));
}

// What it lacks isn't taken for anything else, and every character is there once.
static void what_it_lacks_is_a_question_mark(void **state)
{
    (void)state;
    unsigned found[256] = {0};
    static const uint32_t lacking[] = {0x80,     0x9f,       0xa9,   0xae,    0xd7,
                                       0x20ac,   0x2501,     0xfffd, 0x10041, 0x1f600,
                                       0x10ffff, 0xffffffff, 0x1c7};
    for (unsigned i = 0; i < ARRAY_SIZE(lacking); i++)
        assert_int_equal(display.glyph(lacking[i]), '?');
    for (uint32_t point = 0x20; point < 0x30000; point++) {
        assert_true(display.glyph(point) < 256);
        found[display.glyph(point)]++;
    }
    for (unsigned c = 0x80; c < 256; c++)
        assert_int_equal(found[c], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(opening_hides_the_hardwares_cursor, start),
        cmocka_unit_test_setup(sizes_without_sense_are_refused, start),
        cmocka_unit_test_setup(only_text_at_b8000_is_on, start),
        cmocka_unit_test_setup(colors_are_vgas, start),
        cmocka_unit_test_setup(no_cell_blinks, start),
        cmocka_unit_test_setup(only_its_cells_are_written, start),
        cmocka_unit_test_setup(clearing_fills_the_screen, start),
        cmocka_unit_test_setup(ascii_is_ascii, start),
        cmocka_unit_test_setup(code_page_437_is_known, start),
        cmocka_unit_test_setup(what_it_lacks_is_a_question_mark, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
