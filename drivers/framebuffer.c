// A linear framebuffer.
//
// Pixels are written from the left to the right in words as large as possible, two cells side by
// side, so that a write-combining buffer of 64 bytes is filled before the next row of pixels is
// begun. Depths other than 32 bits and larger scales take a detour by a small buffer in memory.

#include "drivers/framebuffer.h"
#include "arch/x86_64/io.h"
#include "drivers/font.h"
#include "lib/string.h"

enum {
    COLORS = 16,
    NIBBLES = 16,
    CELLS_AT_ONCE = 8,
    PIXEL_MAX = 4,
    CELL_SIZE_32 = FONT_WIDTH * sizeof(uint32_t), // one row of it, in bytes
};

// Light grey and the bright colours are clear of each other on a photograph.
static const uint32_t palette[COLORS] = {
    0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
    0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
};

static struct framebuffer {
    uint8_t *memory;
    size_t pitch;
    unsigned width, height, scale, pixel_size;
    uint32_t colors[COLORS]; // as pixels
    uint64_t written;
    // Four pixels for each nibble of a glyph's row, by attributes; made when they are first used.
    uint64_t quads[CELL_ATTRIBUTES][NIBBLES][2];
    bool has_quads[CELL_ATTRIBUTES];
} fb;

static unsigned attributes_of(cell_t cell)
{
    return cell / (unsigned)(CELL_GLYPH + 1);
}

static unsigned foreground_of(unsigned attributes)
{
    return attributes % COLORS;
}

static unsigned background_of(unsigned attributes)
{
    return attributes / COLORS;
}

// --- 32 bits, not scaled -----------------------------------------------------------------------

static void make_quads(unsigned attributes)
{
    uint64_t front = fb.colors[foreground_of(attributes)];
    uint64_t back = fb.colors[background_of(attributes)];
    for (unsigned nibble = 0; nibble < NIBBLES; nibble++)
        for (unsigned half = 0; half < 2; half++) {
            uint64_t left = nibble & (half ? 2 : 8) ? front : back;
            uint64_t right = nibble & (half ? 1 : 4) ? front : back;
            fb.quads[attributes][nibble][half] = left | right << 32;
        }
    fb.has_quads[attributes] = true;
}

typedef const uint64_t (*quad_table)[2];

static quad_table quads_of(cell_t cell)
{
    unsigned attributes = attributes_of(cell);
    if (!fb.has_quads[attributes])
        make_quads(attributes);
    return fb.quads[attributes];
}

typedef uint64_t __attribute__((may_alias, aligned(1))) pixel_pair;

// The pixels at a byte offset in a table of quads: for these loops the compiler finds the shortest
// code that way.
static inline uint64_t pair_at(quad_table quads, size_t offset)
{
    return *(const uint64_t *)((const uint8_t *)quads + offset);
}

static inline void put_row(uint8_t *to, quad_table quads, size_t bits)
{
    volatile pixel_pair *pairs = (volatile pixel_pair *)to;
    size_t left = bits & 0xf0, right = (bits & 0x0f) * sizeof(quads[0]);
    pairs[0] = pair_at(quads, left);
    pairs[1] = pair_at(quads, left + sizeof(uint64_t));
    pairs[2] = pair_at(quads, right);
    pairs[3] = pair_at(quads, right + sizeof(uint64_t));
}

_Static_assert(sizeof(fb.quads[0][0]) == 16, "a nibble's place in a byte is its offset");

static void draw_one_32(uint8_t *to, cell_t cell)
{
    const uint8_t *glyph = font_bitmaps[cell & CELL_GLYPH];
    quad_table quads = quads_of(cell);
    size_t pitch = fb.pitch;
#pragma GCC unroll 16
    for (unsigned y = 0; y < FONT_HEIGHT; y++, to += pitch)
        put_row(to, quads, glyph[y]);
}

static void draw_two_32(uint8_t *to, cell_t left, cell_t right)
{
    const uint8_t *left_glyph = font_bitmaps[left & CELL_GLYPH];
    const uint8_t *right_glyph = font_bitmaps[right & CELL_GLYPH];
    quad_table left_quads = quads_of(left), right_quads = quads_of(right);
    size_t pitch = fb.pitch;
#pragma GCC unroll 16
    for (unsigned y = 0; y < FONT_HEIGHT; y++, to += pitch) {
        put_row(to, left_quads, left_glyph[y]);
        put_row(to + CELL_SIZE_32, right_quads, right_glyph[y]);
    }
}

static void draw_32(unsigned row, unsigned column, const cell_t *cells, unsigned count)
{
    uint8_t *to = fb.memory + row * FONT_HEIGHT * fb.pitch + (size_t)column * CELL_SIZE_32;
    fb.written += (uint64_t)count * CELL_SIZE_32 * FONT_HEIGHT;
    if (column % 2 && count) { // the second half of a pair
        draw_one_32(to, *cells++);
        to += CELL_SIZE_32;
        count--;
    }
    for (; count >= 2; count -= 2, cells += 2, to += 2 * CELL_SIZE_32)
        draw_two_32(to, cells[0], cells[1]);
    if (count)
        draw_one_32(to, cells[0]);
}

// --- Every depth and scale ---------------------------------------------------------------------

static uint8_t *put_pixel(uint8_t *to, uint32_t pixel)
{
    __builtin_memcpy(to, &pixel, sizeof(pixel)); // what is too much, the next pixel overwrites
    return to + fb.pixel_size;
}

static uint8_t *put_scaled_row(uint8_t *to, cell_t cell, uint8_t bits)
{
    unsigned attributes = attributes_of(cell);
    uint32_t front = fb.colors[foreground_of(attributes)];
    uint32_t back = fb.colors[background_of(attributes)];
    for (unsigned bit = BIT(FONT_WIDTH - 1); bit; bit >>= 1)
        for (unsigned i = 0; i < fb.scale; i++)
            to = put_pixel(to, bits & bit ? front : back);
    return to;
}

// In bytes from the row's start.
static void copy_out(size_t at, unsigned y, const uint8_t *pixels, size_t size)
{
    memcpy(fb.memory + y * fb.pitch + at, pixels, size);
    fb.written += size;
}

static void draw_few(unsigned x, unsigned y, const cell_t *cells, unsigned count)
{
    uint8_t buffer[CELLS_AT_ONCE * FONT_WIDTH * FRAMEBUFFER_SCALE_MAX * PIXEL_MAX + PIXEL_MAX];
    for (unsigned line = 0; line < FONT_HEIGHT; line++) {
        uint8_t *end = buffer;
        for (unsigned i = 0; i < count; i++)
            end = put_scaled_row(end, cells[i], font_bitmaps[cells[i] & CELL_GLYPH][line]);
        for (unsigned i = 0; i < fb.scale; i++)
            copy_out((size_t)x * fb.pixel_size, y++, buffer, (size_t)(end - buffer));
    }
}

static void draw_any(unsigned row, unsigned column, const cell_t *cells, unsigned count)
{
    while (count) {
        unsigned few = count < CELLS_AT_ONCE ? count : CELLS_AT_ONCE;
        draw_few(column * FONT_WIDTH * fb.scale, row * FONT_HEIGHT * fb.scale, cells, few);
        column += few;
        cells += few;
        count -= few;
    }
}

// Pixels of 2 or 4 bytes: words hold whole ones.
static void clear_by_words(uint32_t pixel)
{
    uint64_t word =
        fb.pixel_size == 2 ? pixel * 0x0001000100010001ull : pixel * 0x0000000100000001ull;
    size_t size = (size_t)fb.width * fb.pixel_size;
    for (unsigned y = 0; y < fb.height; y++) {
        store_words(fb.memory + y * fb.pitch, word, size / sizeof(word));
        copy_out(align_down(size, sizeof(word)), y, (const uint8_t *)&word, size % sizeof(word));
        fb.written += align_down(size, sizeof(word));
    }
}

static void clear_by_pixels(uint32_t pixel)
{
    enum { AT_ONCE = 64 };
    uint8_t buffer[AT_ONCE * PIXEL_MAX + PIXEL_MAX], *end = buffer;
    for (unsigned i = 0; i < AT_ONCE; i++)
        end = put_pixel(end, pixel);
    for (unsigned y = 0; y < fb.height; y++)
        for (unsigned x = 0; x < fb.width; x += AT_ONCE) {
            unsigned count = fb.width - x < AT_ONCE ? fb.width - x : AT_ONCE;
            copy_out((size_t)x * fb.pixel_size, y, buffer, (size_t)count * fb.pixel_size);
        }
}

static void clear(unsigned color)
{
    if (fb.pixel_size == 3)
        clear_by_pixels(fb.colors[color % COLORS]);
    else
        clear_by_words(fb.colors[color % COLORS]);
}

// --- Opening -----------------------------------------------------------------------------------

static uint64_t bytes_written(void)
{
    return fb.written;
}

static uint32_t channel(unsigned value, unsigned position, unsigned size)
{
    return (uint32_t)((size >= 8 ? (uint64_t)value << (size - 8) : value >> (8 - size))
                      << position);
}

static uint32_t pixel_of(const struct boot_framebuffer *d, uint32_t rgb)
{
    return channel(rgb >> 16 & 0xff, d->red.position, d->red.size) |
           channel(rgb >> 8 & 0xff, d->green.position, d->green.size) |
           channel(rgb & 0xff, d->blue.position, d->blue.size);
}

static unsigned pixel_size_of(const struct boot_framebuffer *d)
{
    return (d->bits_per_pixel + 7u) / 8;
}

uint64_t framebuffer_size(const struct boot_framebuffer *d)
{
    return d->height ? (uint64_t)d->pitch * (d->height - 1) + (uint64_t)d->width * pixel_size_of(d)
                     : 0;
}

static bool makes_sense(const struct boot_framebuffer *d)
{
    return d->kind == FRAMEBUFFER_RGB && d->bits_per_pixel >= 15 && d->bits_per_pixel <= 32 &&
           d->pitch >= (uint64_t)d->width * pixel_size_of(d) &&
           d->red.position + d->red.size <= d->bits_per_pixel &&
           d->green.position + d->green.size <= d->bits_per_pixel &&
           d->blue.position + d->blue.size <= d->bits_per_pixel;
}

unsigned framebuffer_scale(unsigned width, unsigned height)
{
    enum { READABLE = 720, COLUMNS = 80 };
    unsigned scale = FRAMEBUFFER_SCALE_MAX;
    while (scale > 1 && (height / scale < READABLE || width / (FONT_WIDTH * scale) < COLUMNS))
        scale--;
    return scale;
}

enum status framebuffer_open(void *memory, const struct boot_framebuffer *d, unsigned scale,
                             struct display *display)
{
    unsigned columns = d->width / (FONT_WIDTH * scale), rows = d->height / (FONT_HEIGHT * scale);
    if (!makes_sense(d) || !columns || !rows)
        return NOT_SUPPORTED;
    fb.memory = memory;
    fb.pitch = d->pitch;
    fb.width = d->width;
    fb.height = d->height;
    fb.scale = scale;
    fb.pixel_size = pixel_size_of(d);
    for (unsigned i = 0; i < COLORS; i++)
        fb.colors[i] = pixel_of(d, palette[i]);
    memset(fb.has_quads, 0, sizeof(fb.has_quads));
    *display = (struct display){
        .columns = columns,
        .rows = rows,
        .glyph = font_glyph,
        .draw = scale == 1 && fb.pixel_size == sizeof(uint32_t) ? draw_32 : draw_any,
        .clear = clear,
        .bytes_written = bytes_written,
    };
    return OK;
}
