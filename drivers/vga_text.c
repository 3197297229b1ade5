// VGA text memory: two bytes a character, code page 437 and the colours. [VGA]

#include "drivers/vga_text.h"
#include "arch/x86_64/io.h"

enum {
    CRTC_INDEX = 0x3d4, // and data behind it
    CRTC_CURSOR_START = 0x0a,
    CURSOR_OFF = BIT(5),
    GRAPHICS_INDEX = 0x3ce, // and data behind it
    GRAPHICS_MISCELLANEOUS = 6,
    MISCELLANEOUS_GRAPHICS = BIT(0),     // not text
    MISCELLANEOUS_MAP = BIT(3) | BIT(2), // both: the memory is at 0xb8000
};

enum { UNKNOWN = '?', COLUMNS_MAX = 132, ROWS_MAX = 60 };

static volatile uint16_t *memory;
static unsigned width, height;
static uint64_t written;

// What code page 437 has at 0x80 to 0xff.
static const uint16_t upper_half[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static uint16_t glyph(uint32_t code_point)
{
    if (code_point < 0x80)
        return (uint16_t)code_point;
    for (unsigned i = 0; i < ARRAY_SIZE(upper_half); i++)
        if (upper_half[i] == code_point)
            return (uint16_t)(0x80 + i);
    return UNKNOWN;
}

// SGR counts red 1, green 2, blue 4; VGA the other way round.
static unsigned color(unsigned sgr)
{
    return (sgr & 0xa) | (sgr & 1) << 2 | (sgr & 4) >> 2;
}

static uint16_t character(cell_t cell)
{
    unsigned foreground = color((unsigned)field_get(CELL_FOREGROUND, cell));
    unsigned background = color((unsigned)field_get(CELL_BACKGROUND, cell));
    return (uint16_t)((cell & 0xff) | foreground << 8 | background << 12);
}

static void draw(unsigned row, unsigned column, const cell_t *cells, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        memory[row * width + column + i] = character(cells[i]);
    written += count * sizeof(*memory);
}

static void clear(unsigned background)
{
    uint16_t blank = (uint16_t)(' ' | color(COLOR_LIGHT_GREY) << 8 | color(background) << 12);
    for (unsigned i = 0; i < width * height; i++)
        memory[i] = blank;
    written += width * height * sizeof(*memory);
}

static uint64_t bytes_written(void)
{
    return written;
}

bool vga_text_is_on(void)
{
    port_write8(GRAPHICS_INDEX, GRAPHICS_MISCELLANEOUS);
    uint8_t value = port_read8(GRAPHICS_INDEX + 1); // 0xff where there is nothing
    return (value & (MISCELLANEOUS_GRAPHICS | MISCELLANEOUS_MAP)) == MISCELLANEOUS_MAP;
}

static void hide_cursor(void)
{
    port_write8(CRTC_INDEX, CRTC_CURSOR_START);
    port_write8(CRTC_INDEX + 1, CURSOR_OFF);
}

enum status vga_text_open(void *at, unsigned columns, unsigned rows, struct display *display)
{
    if (!columns || columns > COLUMNS_MAX || !rows || rows > ROWS_MAX)
        return NOT_SUPPORTED;
    memory = at;
    width = columns;
    height = rows;
    hide_cursor();
    *display = (struct display){
        .columns = columns,
        .rows = rows,
        .glyph = glyph,
        .draw = draw,
        .clear = clear,
        .bytes_written = bytes_written,
    };
    return OK;
}
