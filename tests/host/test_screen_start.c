// drivers/screen: which display it finds, and what it refuses. Catches an address that is cut to 32
// bits, a size that overflows what the driver keeps, and a driver that believes every loader.

#include "tests/host/screen_machine.h"

enum { SOMEWHERE = 0xe0000000 };

static void say_none(void)
{
    memset(&boot_info, 0, sizeof(boot_info));
    scale_asked = 0;
    grid.is_on = false;
}

static enum status start_on(enum framebuffer_kind kind, unsigned width, unsigned height,
                            unsigned pitch)
{
    say_none();
    boot_info.framebuffer = (struct boot_framebuffer){
        .kind = kind,
        .address = SOMEWHERE,
        .pitch = pitch,
        .width = width,
        .height = height,
        .bits_per_pixel = kind == FRAMEBUFFER_TEXT ? 16 : 32,
        .red = {16, 8},
        .green = {8, 8},
        .blue = {0, 8},
    };
    return start_driver();
}

static void expect_nothing_was_added(void)
{
    struct screen_state state;
    assert_null(console_sinks());
    assert_false(screen_state(&state));
}

// --- What the loader says ----------------------------------------------------------------------

static void a_framebuffer_is_used(void **state)
{
    (void)state;
    assert_int_equal(start_on(FRAMEBUFFER_RGB, 1024, 768, 5000), OK);
    assert_true(mapping.address == SOMEWHERE);
    assert_int_equal(mapping.size, 5000 * 767 + 1024 * 4);
    assert_int_equal(mapping.type, MAP_WRITE_COMBINING);
    struct screen_state seen = state_now();
    assert_int_equal(seen.columns, 128);
    assert_int_equal(seen.rows, 48);
    assert_int_equal(seen.scale, 1);
    assert_int_equal(console_sinks()->columns, 128);
    assert_int_equal(console_sinks()->rows, 48);
    assert_true(console_sinks()->is_styled);
    assert_string_equal(console_sinks()->name, "screen");
    assert_non_null(seen.description);
}

static void it_is_cleared_and_drawn_on(void **state)
{
    (void)state;
    uint64_t before = fb.written;
    assert_int_equal(start_on(FRAMEBUFFER_RGB, 643, 485, 643 * 4), OK);
    assert_int_equal(fb.written, before); // a screen that isn't wanted stays as it is
    console_show();                       // the log's line, and the cursor below it
    assert_int_equal(state_now().cells_drawn, 4);
    assert_int_equal(fb.written - before, mapping.size + 4 * 8 * 16 * 4);
    for (size_t i = 2 * 16 * 643 * 4; i < mapping.size; i++)
        assert_int_equal(mapping.memory[i], 0);
    for (unsigned x = 0; x < 8; x++) {
        uint32_t pixel, wanted = font_bitmaps['l'][0] & 0x80 >> x ? 0xaaaaaa : 0;
        memcpy(&pixel, mapping.memory + x * 4, 4);
        assert_int_equal(pixel, wanted);
    }
}

static void an_address_may_be_above_4_gib(void **state)
{
    (void)state;
    (void)start_on(FRAMEBUFFER_RGB, 640, 480, 2560);
    boot_info.framebuffer.address = 0x380000000000;
    assert_int_equal(start_driver(), OK);
    assert_true(mapping.address == 0x380000000000);
    char expected[] = "0x380000000000";
    bool found = false;
    for (const char *at = state_now().description; *at; at++)
        found |= string_starts_with(at, expected);
    assert_true(found);
}

static void text_is_used_where_it_stands(void **state)
{
    (void)state;
    assert_int_equal(start_on(FRAMEBUFFER_TEXT, 80, 25, 160), OK);
    assert_true(mapping.address == SOMEWHERE);
    assert_int_equal(mapping.size, 4000);
    assert_int_equal(mapping.type, MAP_UNCACHED);
    assert_int_equal(state_now().columns, 80);
    assert_int_equal(state_now().rows, 25);
    assert_int_equal(start_on(FRAMEBUFFER_TEXT, 132, 43, 264), OK);
    assert_int_equal(state_now().columns, 132);
}

static void strange_text_is_refused(void **state)
{
    (void)state;
    static const unsigned sizes[][3] = {
        {80, 25, 80},          {80, 25, 162},
        {80, 25, 320},         {0, 25, 0},
        {80, 0, 160},          {1000, 1000, 2000},
        {0x80000000, 0x80, 0}, {UINT32_MAX, UINT32_MAX, UINT32_MAX - 1},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_int_not_equal(start_on(FRAMEBUFFER_TEXT, sizes[i][0], sizes[i][1], sizes[i][2]), OK);
        expect_nothing_was_added();
    }
}

static void colors_by_a_palette_are_refused(void **state)
{
    (void)state;
    grid.is_on = true;
    assert_int_equal(start_on(FRAMEBUFFER_INDEXED, 640, 480, 640), NOT_SUPPORTED);
    assert_int_equal(mapping.calls, 0);
    expect_nothing_was_added();
}

static void without_a_word_a_vga_may_be_on(void **state)
{
    (void)state;
    say_none();
    assert_int_equal(start_driver(), NOT_FOUND);
    assert_int_equal(mapping.calls, 0);
    expect_nothing_was_added();

    grid.is_on = true;
    assert_int_equal(start_driver(), OK);
    assert_true(mapping.address == 0xb8000);
    assert_int_equal(mapping.size, 80 * 25 * 2);
    assert_int_equal(state_now().columns, 80);
    assert_int_equal(state_now().rows, 25);

    boot_info.efi.system_table = 0x7f000000; // UEFI leaves no VGA text
    assert_int_equal(start_driver(), NOT_FOUND);
    expect_nothing_was_added();
}

static void what_can_not_be_mapped_is_no_screen(void **state)
{
    (void)state;
    assert_int_equal(start_on(FRAMEBUFFER_RGB, 640, 480, MAPPED_MAX), NO_MEMORY);
    expect_nothing_was_added();
}

// --- Sizes -------------------------------------------------------------------------------------

static void expect_size(unsigned width, unsigned height, unsigned by, unsigned columns,
                        unsigned rows)
{
    assert_int_equal(start_on(FRAMEBUFFER_RGB, width, height, width * 4), OK);
    struct screen_state seen = state_now();
    if (seen.scale != by || seen.columns != columns || seen.rows != rows)
        fail_msg("%u x %u: scale %u, %u x %u", width, height, seen.scale, seen.columns, seen.rows);
    console_show();
}

static void the_scale_follows_the_size(void **state)
{
    (void)state;
    expect_size(640, 480, 1, 80, 30);
    expect_size(1920, 1080, 1, 240, 67);
    expect_size(2560, 1440, 2, 160, 45);
    expect_size(3840, 2160, 3, 160, 45);
    expect_size(8, 16, 1, 1, 1);
}

static enum status start_scaled(unsigned asked, unsigned width, unsigned height)
{
    (void)start_on(FRAMEBUFFER_RGB, width, height, width * 4);
    scale_asked = asked;
    return start_driver();
}

static void the_scale_can_be_asked_for(void **state)
{
    (void)state;
    for (unsigned asked = 1; asked <= 8; asked++) {
        assert_int_equal(start_scaled(asked, 3840, 2160), OK);
        assert_int_equal(state_now().scale, asked);
        assert_int_equal(state_now().columns, 3840 / 8 / asked);
        assert_int_equal(state_now().rows, 2160 / 16 / asked);
    }
    assert_int_equal(start_scaled(1, 3840, 2160), OK);
    assert_int_equal(state_now().columns, 480);
    assert_int_equal(start_scaled(8, 4, 480), NOT_SUPPORTED); // not one character
    expect_nothing_was_added();
}

// With less than 40 columns and 12 rows nobody can do anything.
static void text_keeps_its_room(void **state)
{
    (void)state;
    assert_int_equal(start_scaled(8, 1024, 768), OK);
    assert_int_equal(state_now().scale, 3); // 42 x 16
    assert_int_equal(start_scaled(8, 1920, 1080), OK);
    assert_int_equal(state_now().scale, 5); // 48 x 13
    assert_int_equal(start_scaled(2, 320, 200), OK);
    assert_int_equal(state_now().scale, 1);
}

static void large_screens_get_a_larger_scale(void **state)
{
    (void)state;
    assert_int_equal(start_scaled(1, 8192, 100), OK); // 1024 columns
    assert_int_equal(state_now().scale, 1);
    assert_int_equal(start_scaled(1, 8200, 100), OK); // 1025
    assert_int_equal(state_now().scale, 2);
    assert_int_equal(start_scaled(1, 8192, 1024), OK); // 64 Ki cells
    assert_int_equal(state_now().scale, 1);
    assert_int_equal(start_scaled(1, 8192, 1040), OK); // a row more
    assert_int_equal(state_now().scale, 2);
    assert_int_equal(state_now().columns, 512);
    assert_int_equal(state_now().rows, 32);
}

static void huge_sizes_are_refused(void **state)
{
    (void)state;
    static const unsigned sizes[][2] = {
        {65600, 16},      {1 << 16, 1 << 16},       {UINT32_MAX, UINT32_MAX},
        {UINT32_MAX, 16}, {0x80000000, 0x80000000}, {8192, UINT32_MAX},
        {7, UINT32_MAX},  {UINT32_MAX, 15},         {0, 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        for (unsigned asked = 0; asked <= 8; asked++) {
            assert_int_not_equal(start_scaled(asked, sizes[i][0], sizes[i][1]), OK);
            expect_nothing_was_added();
        }
}

// What is started fits into what the driver keeps, whatever was asked, and can be written on and
// looked back in.
static void any_size_that_is_taken_can_be_used(void **state)
{
    (void)state;
    random_seed(330);
    unsigned taken = 0;
    for (unsigned round = 0; round < 150; round++) {
        unsigned width = (unsigned)random_below(1ull << (1 + random_below(14)));
        unsigned height = (unsigned)random_below(1ull << (1 + random_below(14)));
        if (start_scaled((unsigned)random_below(9), width, height) != OK)
            continue;
        struct screen_state seen = state_now();
        assert_true(seen.columns <= COLUMNS_MAX);
        assert_true((uint64_t)seen.columns * seen.rows <= SHOWN_CELLS);
        for (unsigned line = 0; line < seen.rows + 3; line++)
            print("%u\n", line);
        console_show();
        console_scroll(1);
        screen.sink.reset(&screen.sink);
        console_flush();
        taken++;
    }
    assert_true(taken > 20);
}

// --- The option --------------------------------------------------------------------------------

static void the_option_is_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"scale1", "scale2", "scale3", "scale4",
                                       "scale5", "scale6", "scale7", "scale8"};
    static const char *const bad[] = {
        "",        "scale",   "scale0",          "scale9",
        "scale-1", "2",       "scales2",         "Scale2",
        "scale 2", "scale2x", "scale2 ",         "scale2,scale3",
        "x2",      "scale=2", "scale4294967297", "scale18446744073709551617"};
    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(option_set_screen(good[i]), OK);
        assert_int_equal(scale_asked, i + 1);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(option_set_screen(bad[i]), BAD_ARGUMENT);
        assert_int_equal(scale_asked, 8); // as before
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_framebuffer_is_used),
        cmocka_unit_test(it_is_cleared_and_drawn_on),
        cmocka_unit_test(an_address_may_be_above_4_gib),
        cmocka_unit_test(text_is_used_where_it_stands),
        cmocka_unit_test(strange_text_is_refused),
        cmocka_unit_test(colors_by_a_palette_are_refused),
        cmocka_unit_test(without_a_word_a_vga_may_be_on),
        cmocka_unit_test(what_can_not_be_mapped_is_no_screen),
        cmocka_unit_test(the_scale_follows_the_size),
        cmocka_unit_test(the_scale_can_be_asked_for),
        cmocka_unit_test(text_keeps_its_room),
        cmocka_unit_test(large_screens_get_a_larger_scale),
        cmocka_unit_test(huge_sizes_are_refused),
        cmocka_unit_test(any_size_that_is_taken_can_be_used),
        cmocka_unit_test(the_option_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
