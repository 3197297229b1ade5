// drivers/screen on a fake display that keeps cells, or on a real framebuffer in memory; with the
// real terminal and console, a clock that the test sets, and a loader that says what it is told.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_font.h"
#include "tests/host/fake_log.h"
#include "tests/host/fake_threads.h"

// Names that these files share with each other or with lib/.
#define put_run       terminal_put_run
#define attributes_of terminal_attributes_of
#define reset         terminal_do_reset
#include "kernel/pen.c"
#include "kernel/terminal.c"
#undef put_run
#undef attributes_of
#undef reset
#include "drivers/framebuffer.c"
#include "drivers/screen.c"
#include "kernel/console.c"

static void fake_wait(void)
{
    fail_msg("waits for ever");
}

struct boot_info boot_info;

static uint64_t now_ns;

uint64_t clock_ns(void)
{
    return now_ns;
}

static void pass_ms(uint64_t ms)
{
    now_ns += ms * 1000000;
}

enum log_level log_console_level(void)
{
    return LOG_INFO;
}

void log_replay(enum log_level level, bool (*show_line)(void *, const char *, size_t),
                void *context)
{
    (void)level;
    (void)show_line(context, "log\n", 4);
}

void panic(const char *format, ...)
{
    (void)format;
    abort();
}

// --- Memory ------------------------------------------------------------------------------------

enum { MAPPED_MAX = 1 << 26 };

static struct {
    unsigned calls;
    paddr_t address;
    size_t size;
    unsigned type;
    uint8_t *memory;
} mapping;

enum status vspace_map_mmio(paddr_t address, size_t size, unsigned type, const char *name,
                            void **mapped)
{
    (void)name;
    free(mapping.memory);
    mapping.calls++;
    mapping.address = address;
    mapping.size = size;
    mapping.type = type;
    mapping.memory = *mapped = size <= MAPPED_MAX ? malloc(size ? size : 1) : NULL;
    return *mapped ? OK : NO_MEMORY;
}

// --- The fake display, in the place of VGA text ------------------------------------------------

enum { GRID_MAX = 132 * 60 };

static struct {
    bool is_on;
    unsigned columns, rows;
    cell_t cells[GRID_MAX];
    unsigned draws, clears;
    unsigned wasted; // cells drawn that were there already
    uint64_t written;
} grid;

static void grid_draw(unsigned row, unsigned column, const cell_t *cells, unsigned count)
{
    assert_true(row < grid.rows && column + count <= grid.columns);
    grid.draws++;
    for (unsigned i = 0; i < count; i++) {
        cell_t *to = &grid.cells[row * grid.columns + column + i];
        grid.wasted += *to == cells[i];
        *to = cells[i];
    }
    grid.written += count;
}

static void grid_clear(unsigned color)
{
    grid.clears++;
    for (unsigned i = 0; i < grid.columns * grid.rows; i++)
        grid.cells[i] = (cell_t)(' ' | COLOR_LIGHT_GREY << 9 | color << 13);
    grid.written += grid.columns * grid.rows;
}

static uint64_t grid_written(void)
{
    return grid.written;
}

enum status vga_text_open(void *memory, unsigned columns, unsigned rows, struct display *display)
{
    assert_ptr_equal(memory, mapping.memory);
    if (!columns || !rows || columns > 132 || rows > 60)
        return NOT_SUPPORTED;
    grid.columns = columns;
    grid.rows = rows;
    *display = (struct display){
        columns, rows, font_glyph, grid_draw, grid_clear, grid_written,
    };
    return OK;
}

bool vga_text_is_on(void)
{
    return grid.is_on;
}

// --- Starting and looking ----------------------------------------------------------------------

// Starts the driver on what boot_info says.
static enum status start_driver(void)
{
    sinks = NULL;
    memset(&screen, 0, sizeof(screen));
    memset(&grid.draws, 0, sizeof(grid) - offsetof(__typeof__(grid), draws));
    mapping.calls = 0;
    return driver_start_screen();
}

// On the fake display, with all drawn. The log's line is on it.
static void start(unsigned columns, unsigned rows)
{
    memset(&boot_info.framebuffer, 0, sizeof(boot_info.framebuffer));
    boot_info.framebuffer.kind = FRAMEBUFFER_TEXT;
    boot_info.framebuffer.address = 0xb8000;
    boot_info.framebuffer.width = columns;
    boot_info.framebuffer.height = rows;
    boot_info.framebuffer.pitch = columns * 2;
    assert_int_equal(start_driver(), OK);
    console_show();
}

static struct screen_state state_now(void)
{
    struct screen_state state;
    assert_true(screen_state(&state));
    return state;
}

// The glyphs on the display, rows parted by '|'; what isn't named is blank.
static void expect_grid_at(const char *expected, int line)
{
    const char *at = expected;
    for (unsigned row = 0; row < grid.rows; row++) {
        for (unsigned column = 0; column < grid.columns; column++) {
            unsigned wanted = *at && *at != '|' ? (uint8_t)*at++ : ' ';
            unsigned found = grid.cells[row * grid.columns + column] & CELL_GLYPH;
            if (found != wanted)
                fail_msg("line %d: '%c' at %u, %u", line, (char)found, row, column);
        }
        at += *at == '|';
    }
}

#define expect_grid(expected) expect_grid_at(expected, __LINE__)

static unsigned background_at(unsigned row, unsigned column)
{
    return grid.cells[row * grid.columns + column] >> 13;
}

// Light grey on black, but for one cell; row == rows: no cursor.
static void expect_cursor_at(unsigned cursor_row, unsigned cursor_column, int line)
{
    for (unsigned row = 0; row < grid.rows; row++)
        for (unsigned column = 0; column < grid.columns; column++) {
            bool wanted = row == cursor_row && column == cursor_column;
            if ((background_at(row, column) != COLOR_BLACK) != wanted)
                fail_msg("line %d: background %u at %u, %u", line, background_at(row, column), row,
                         column);
        }
}

#define expect_cursor(row, column) expect_cursor_at(row, column, __LINE__)
#define expect_no_cursor()         expect_cursor_at(grid.rows, 0, __LINE__)
