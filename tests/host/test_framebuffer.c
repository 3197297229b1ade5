// drivers/framebuffer against a painter that sets pixel after pixel by the loader's masks [MB2
// 3.6.12]. Catches masks and depths that are ignored, a row that is missed, cells that are mixed
// up, and every byte written beside the cells: in the margins, in a row's padding, before the
// memory and behind it.

#include "tests/host/lib.h"

#include "tests/host/fake_font.h"

#include "drivers/framebuffer.c"

enum { GUARD = 64, UNTOUCHED = 0xa5 };

struct mode {
    uint8_t bits, red, red_size, green, green_size, blue, blue_size;
};

static const struct mode modes[] = {
    {15, 10, 5, 5, 5, 0, 5},     // 5-5-5
    {15, 0, 5, 5, 5, 10, 5},     // blue first
    {16, 11, 5, 5, 6, 0, 5},     // 5-6-5
    {24, 16, 8, 8, 8, 0, 8},     // BGR in memory
    {24, 0, 8, 8, 8, 16, 8},     // RGB in memory
    {32, 16, 8, 8, 8, 0, 8},     // BGRX
    {32, 0, 8, 8, 8, 16, 8},     // RGBX
    {32, 24, 8, 16, 8, 8, 8},    // XBGR
    {32, 20, 10, 10, 10, 0, 10}, // 10-10-10
};

// As SGR counts: red 1, green 2, blue 4, bright 8; brown for dark yellow, as on every VGA.
static const uint8_t rgb[16][3] = {
    {0, 0, 0},     {170, 0, 0},     {0, 170, 0},    {170, 85, 0},    {0, 0, 170},   {170, 0, 170},
    {0, 170, 170}, {170, 170, 170}, {85, 85, 85},   {255, 85, 85},   {85, 255, 85}, {255, 255, 85},
    {85, 85, 255}, {255, 85, 255},  {85, 255, 255}, {255, 255, 255},
};

static struct {
    struct boot_framebuffer description;
    struct display display;
    unsigned scale, pixel_size;
    size_t size;              // of both, guards included
    uint8_t *drawn, *painted; // by the driver, by the painter
    uint8_t *first;           // the first pixel of `painted`
    uint32_t pixels[16];
} s;

static struct boot_framebuffer describe(const struct mode *mode, unsigned width, unsigned height,
                                        unsigned padding)
{
    return (struct boot_framebuffer){
        .kind = FRAMEBUFFER_RGB,
        .pitch = width * ((mode->bits + 7u) / 8) + padding,
        .width = width,
        .height = height,
        .bits_per_pixel = mode->bits,
        .red = {mode->red, mode->red_size},
        .green = {mode->green, mode->green_size},
        .blue = {mode->blue, mode->blue_size},
    };
}

static uint32_t compose(const struct mode *mode, const uint8_t *color)
{
    return (uint32_t)(color[0] * (1u << mode->red_size) / 256) << mode->red |
           (uint32_t)(color[1] * (1u << mode->green_size) / 256) << mode->green |
           (uint32_t)(color[2] * (1u << mode->blue_size) / 256) << mode->blue;
}

static int end(void **state)
{
    (void)state;
    free(s.drawn);
    free(s.painted);
    s.drawn = s.painted = NULL;
    return 0;
}

// Room for `columns` x `rows` characters and a margin; the memory begins `offset` bytes beside what
// malloc() aligns.
static void start(const struct mode *mode, unsigned scale, unsigned columns, unsigned rows,
                  unsigned padding, unsigned offset)
{
    (void)end(NULL);
    s.description = describe(mode, columns * 8 * scale + 5, rows * 16 * scale + 7, padding);
    s.scale = scale;
    s.pixel_size = (mode->bits + 7u) / 8;
    s.size = (size_t)s.description.pitch * s.description.height + 2 * GUARD + offset;
    s.drawn = malloc(s.size);
    s.painted = malloc(s.size);
    __builtin_memset(s.drawn, UNTOUCHED, s.size);
    __builtin_memset(s.painted, UNTOUCHED, s.size);
    s.first = s.painted + GUARD + offset;
    for (unsigned i = 0; i < 16; i++)
        s.pixels[i] = compose(mode, rgb[i]);
    assert_int_equal(framebuffer_open(s.drawn + GUARD + offset, &s.description, scale, &s.display),
                     OK);
    assert_int_equal(s.display.columns, columns);
    assert_int_equal(s.display.rows, rows);
}

// --- The painter -------------------------------------------------------------------------------

static void paint_pixel(unsigned x, unsigned y, uint32_t pixel)
{
    uint8_t *at = s.first + (size_t)y * s.description.pitch + (size_t)x * s.pixel_size;
    for (unsigned i = 0; i < s.pixel_size; i++)
        at[i] = (uint8_t)(pixel >> 8 * i);
}

static void paint_cell(unsigned row, unsigned column, cell_t cell)
{
    unsigned width = 8 * s.scale, height = 16 * s.scale;
    uint32_t front = s.pixels[cell >> 9 & 15], back = s.pixels[cell >> 13];
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            bool set = font_bitmaps[cell & 511][y / s.scale] & 0x80 >> x / s.scale;
            paint_pixel(column * width + x, row * height + y, set ? front : back);
        }
}

// On both, and both are the same everywhere; the driver says how much that was.
static void draw_cells(unsigned row, unsigned column, const cell_t *cells, unsigned count)
{
    uint64_t before = s.display.bytes_written();
    s.display.draw(row, column, cells, count);
    assert_int_equal(s.display.bytes_written() - before,
                     (uint64_t)count * 8 * 16 * s.scale * s.scale * s.pixel_size);
    for (unsigned i = 0; i < count; i++)
        paint_cell(row, column + i, cells[i]);
}

static void expect_same(void)
{
    if (__builtin_memcmp(s.drawn, s.painted, s.size) == 0)
        return;
    size_t at = 0;
    while (s.drawn[at] == s.painted[at])
        at++;
    fail_msg("%u bits, scale %u, pitch %u: byte %zd is 0x%x, not 0x%x",
             s.description.bits_per_pixel, s.scale, s.description.pitch,
             s.drawn + at - (s.drawn + (s.first - s.painted)), s.drawn[at], s.painted[at]);
}

// --- Drawing -----------------------------------------------------------------------------------

static void draw_at_random(unsigned times)
{
    cell_t cells[32];
    while (times--) {
        unsigned columns = s.display.columns, column = (unsigned)random_below(columns);
        unsigned count = (unsigned)random_below(columns - column + 1);
        for (unsigned i = 0; i < count; i++)
            cells[i] = (cell_t)random_u64();
        draw_cells((unsigned)random_below(s.display.rows), column, cells, count);
    }
}

static void every_depth_scale_and_pitch(void **state)
{
    (void)state;
    static const unsigned scales[] = {1, 2, 3, 8}, paddings[] = {0, 1, 7, 64},
                          offsets[] = {0, 1, 6};
    random_seed(310);
    for (unsigned mode = 0; mode < ARRAY_SIZE(modes); mode++)
        for (unsigned i = 0; i < ARRAY_SIZE(scales); i++)
            for (unsigned j = 0; j < ARRAY_SIZE(paddings); j++) {
                start(&modes[mode], scales[i], scales[i] > 3 ? 3 : 19, 3, paddings[j],
                      offsets[(i + j) % ARRAY_SIZE(offsets)]);
                draw_at_random(12);
                expect_same();
            }
}

// At every place a run of every length, so that whatever is drawn in pairs or in eights has an odd
// end on both sides.
static void runs_begin_and_end_anywhere(void **state)
{
    (void)state;
    cell_t cells[20];
    random_seed(311);
    for (unsigned mode = 0; mode < ARRAY_SIZE(modes); mode += 2)
        for (unsigned scale = 1; scale <= 2; scale++) {
            start(&modes[mode], scale, 20, 1, 0, 0);
            for (unsigned from = 0; from < 20; from++)
                for (unsigned to = from; to <= 20; to++) {
                    for (unsigned i = from; i < to; i++)
                        cells[i] = (cell_t)random_u64();
                    draw_cells(0, from, cells + from, to - from);
                    expect_same();
                }
        }
}

// 512 glyphs in 128 combinations of colours.
static void all_cells_there_are(void **state)
{
    (void)state;
    enum { COLUMNS = 128, ROWS = 32 };
    static const unsigned tried[] = {1, 2, 4, 6};
    for (unsigned i = 0; i < ARRAY_SIZE(tried); i++) {
        start(&modes[tried[i]], 1, COLUMNS, ROWS, 0, 0);
        for (unsigned first = 0; first < 0x10000; first += COLUMNS * ROWS) {
            for (unsigned row = 0; row < ROWS; row++) {
                cell_t cells[COLUMNS];
                for (unsigned column = 0; column < COLUMNS; column++)
                    cells[column] = (cell_t)(first + row * COLUMNS + column);
                draw_cells(row, 0, cells, COLUMNS);
            }
            expect_same();
        }
    }
}

static void clearing_fills_every_pixel(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < ARRAY_SIZE(modes); mode++)
        for (unsigned color = 0; color < 8; color++) {
            start(&modes[mode], 1 + color % 3, 11, 2, color % 4, color % 5);
            uint64_t before = s.display.bytes_written();
            s.display.clear(color);
            assert_int_equal(s.display.bytes_written() - before,
                             (uint64_t)s.description.width * s.description.height * s.pixel_size);
            for (unsigned y = 0; y < s.description.height; y++)
                for (unsigned x = 0; x < s.description.width; x++)
                    paint_pixel(x, y, s.pixels[color]);
            expect_same();
        }
}

static void opening_draws_nothing(void **state)
{
    (void)state;
    start(&modes[5], 1, 10, 2, 0, 0);
    expect_same();
    draw_cells(1, 3, NULL, 0);
    expect_same();
}

// --- Opening and sizes -------------------------------------------------------------------------

static void expect_refused(const struct boot_framebuffer *description, unsigned scale)
{
    struct display display;
    uint8_t memory[1];
    assert_int_equal(framebuffer_open(memory, description, scale, &display), NOT_SUPPORTED);
}

// A sound description with one thing changed.
#define REFUSED(change)                                                            \
    do {                                                                           \
        struct boot_framebuffer d = describe(&modes[5], 640, 480, 0), *wrong = &d; \
        wrong->change;                                                             \
        expect_refused(wrong, 1);                                                  \
    } while (0)

static void nonsense_is_refused(void **state)
{
    (void)state;
    REFUSED(kind = FRAMEBUFFER_NONE);
    REFUSED(kind = FRAMEBUFFER_INDEXED);
    REFUSED(kind = FRAMEBUFFER_TEXT);
    REFUSED(bits_per_pixel = 0);
    REFUSED(bits_per_pixel = 8);
    REFUSED(bits_per_pixel = 33);
    REFUSED(bits_per_pixel = 255);
    REFUSED(pitch = 0);
    REFUSED(pitch = 640 * 4 - 1);
    REFUSED(width = 0);
    REFUSED(width = 7);
    REFUSED(width = 0x40000001); // times 4 is 4 in 32 bits
    REFUSED(width = UINT32_MAX);
    REFUSED(height = 0);
    REFUSED(height = 15);
    REFUSED(red.position = 25);
    REFUSED(green.size = 25);
    REFUSED(blue.position = 255);
}

static void masks_lie_inside_of_a_pixel(void **state)
{
    (void)state;
    struct boot_framebuffer wrong = describe(&modes[2], 640, 480, 0);
    wrong.red.position = 12;
    expect_refused(&wrong, 1);
    wrong = describe(&modes[3], 640, 480, 0);
    wrong.blue.position = 24;
    expect_refused(&wrong, 1);
    wrong = describe(&modes[0], 640, 480, 0);
    wrong.green.position = 16;
    expect_refused(&wrong, 1);
}

static void not_one_character_fits(void **state)
{
    (void)state;
    struct boot_framebuffer small = describe(&modes[5], 63, 128, 0);
    expect_refused(&small, 8);
    small = describe(&modes[5], 64, 127, 0);
    expect_refused(&small, 8);
}

static void the_scale_for_common_panels(void **state)
{
    (void)state;
    static const struct {
        unsigned width, height, scale;
    } panels[] = {
        {640, 480, 1},   {800, 600, 1},   {1024, 768, 1},  {1280, 1024, 1}, {1366, 768, 1},
        {1600, 900, 1},  {1920, 1080, 1}, {1920, 1200, 1}, {2560, 1440, 2}, {2880, 1800, 2},
        {3840, 2160, 3}, {1080, 1920, 1}, {2160, 3840, 3}, {5120, 2880, 4}, {7680, 4320, 6},
        {320, 200, 1},   {0, 0, 1},       {8, 100000, 1},  {100000, 8, 1},  {100000, 100000, 8},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(panels); i++) {
        unsigned scale = framebuffer_scale(panels[i].width, panels[i].height);
        if (scale != panels[i].scale)
            fail_msg("%u x %u: %u", panels[i].width, panels[i].height, scale);
    }
}

static void a_larger_scale_leaves_80_columns(void **state)
{
    (void)state;
    random_seed(312);
    for (unsigned round = 0; round < 10000; round++) {
        unsigned width = (unsigned)random_below(9000), height = (unsigned)random_below(9000);
        unsigned scale = framebuffer_scale(width, height);
        assert_in_range(scale, 1, FRAMEBUFFER_SCALE_MAX);
        assert_true(scale == 1 || width / 8 / scale >= 80);
        assert_true(scale == 1 || height / 16 / scale >= 45);
    }
}

static void the_size_ends_with_the_last_pixel(void **state)
{
    (void)state;
    struct boot_framebuffer d = describe(&modes[5], 640, 480, 0);
    assert_int_equal(framebuffer_size(&d), 640 * 480 * 4);
    d.pitch = 4096;
    assert_int_equal(framebuffer_size(&d), 4096 * 479 + 640 * 4);
    d = describe(&modes[0], 100, 10, 3);
    assert_int_equal(framebuffer_size(&d), 203 * 9 + 200);
    d = describe(&modes[3], 100, 1, 3);
    assert_int_equal(framebuffer_size(&d), 300);
    d.height = 0;
    assert_int_equal(framebuffer_size(&d), 0);
    d = describe(&modes[5], 1, 1, 0);
    d.width = d.height = d.pitch = UINT32_MAX;
    assert_true(framebuffer_size(&d) == 0xffffffffull * 0xfffffffe + 4 * 0xffffffffull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_depth_scale_and_pitch, end),
        cmocka_unit_test_teardown(runs_begin_and_end_anywhere, end),
        cmocka_unit_test_teardown(all_cells_there_are, end),
        cmocka_unit_test_teardown(clearing_fills_every_pixel, end),
        cmocka_unit_test_teardown(opening_draws_nothing, end),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(masks_lie_inside_of_a_pixel),
        cmocka_unit_test(not_one_character_fits),
        cmocka_unit_test(the_scale_for_common_panels),
        cmocka_unit_test(a_larger_scale_leaves_80_columns),
        cmocka_unit_test(the_size_ends_with_the_last_pixel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
