// The screen: a terminal on whatever display there is, as console.
//
// A terminal takes the text at once. What has changed is drawn later, cell by cell, by comparing
// its rows with what is shown: when the oldest text not drawn yet is 20 ms old, when nobody types,
// or when somebody asks (console_show()). The display's memory is never read.

#include "drivers/screen.h"
#include "arch/x86_64/io.h"
#include "drivers/font.h"
#include "drivers/framebuffer.h"
#include "drivers/vga_text.h"
#include "kernel/boot_info.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/panic.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/vspace.h"

enum {
    SHOWN_CELLS = 64 * 1024,      // 480 x 135, a panel of 3840 x 2160 at scale 1
    RING_CELLS = 2 * SHOWN_CELLS, // the screen and what has scrolled off
    COLUMNS_MAX = 1024,
    COLUMNS_MIN = 40, // what a line editor and a panic can do with
    ROWS_MIN = 12,
    VGA_TEXT_MEMORY = 0xb8000,
    VGA_COLUMNS = 80,
    VGA_ROWS = 25,
};

#define COALESCE_NS 20000000ull

static cell_t ring[RING_CELLS], shown[SHOWN_CELLS];
static unsigned scale_asked; // 0: by the size
static unsigned scale;

static struct screen {
    struct display display;
    struct terminal terminal;
    bool is_cleared; // the display; before that it shows what others have drawn
    bool is_urgent;  // nothing is kept back
    bool is_pending; // text hasn't been drawn yet
    uint64_t pending_since;
    uint64_t redraws, cells_drawn;
    char description[80];
    struct console_sink sink;
} screen;

OPTION(screen, "scale1..scale8", "how large the text is; by the screen's size if not said")
{
    uint64_t wanted;
    if (!string_starts_with(value, "scale") || !parse_u64(value + 5, &wanted) || !wanted ||
        wanted > FRAMEBUFFER_SCALE_MAX)
        return BAD_ARGUMENT;
    scale_asked = (unsigned)wanted;
    return OK;
}

// --- Drawing -----------------------------------------------------------------------------------

// Draws the cells of one row that differ from what is shown, runs of them at a time.
static void draw_row(unsigned row, const cell_t *cells)
{
    unsigned columns = screen.display.columns;
    cell_t *before = shown + (size_t)row * columns;
    for (unsigned at = 0; at < columns;) {
        if (cells[at] == before[at]) {
            at++;
            continue;
        }
        unsigned start = at;
        for (; at < columns && cells[at] != before[at]; at++)
            before[at] = cells[at];
        screen.display.draw(row, start, cells + start, at - start);
        screen.cells_drawn += at - start;
    }
}

static void draw_row_with_cursor(unsigned row, unsigned column)
{
    cell_t cells[COLUMNS_MAX];
    memcpy(cells, terminal_row(&screen.terminal, row), screen.display.columns * sizeof(cell_t));
    cells[column] = cell_reversed(cells[column]);
    draw_row(row, cells);
}

static void redraw(void)
{
    unsigned cursor_row, cursor_column, columns = screen.display.columns;
    bool has_cursor = terminal_cursor(&screen.terminal, &cursor_row, &cursor_column);
    if (!screen.is_cleared)
        screen.display.clear(screen.terminal.normal.background);
    screen.is_cleared = true;
    screen.is_pending = false;
    screen.redraws++;
    for (unsigned row = 0; row < screen.display.rows; row++) {
        const cell_t *cells = terminal_row(&screen.terminal, row);
        if (has_cursor && row == cursor_row)
            draw_row_with_cursor(row, cursor_column);
        else if (memcmp(cells, shown + (size_t)row * columns, columns * sizeof(cell_t)) != 0)
            draw_row(row, cells);
    }
    store_fence();
}

// --- As console --------------------------------------------------------------------------------

static void write_text(struct console_sink *sink, const char *text, size_t length)
{
    (void)sink;
    uint64_t now = clock_ns();
    terminal_write(&screen.terminal, text, length);
    if (!screen.is_pending)
        screen.pending_since = now;
    screen.is_pending = true;
    if (screen.is_urgent || now - screen.pending_since >= COALESCE_NS)
        redraw();
}

static void show(struct console_sink *sink)
{
    (void)sink;
    if (screen.is_pending)
        redraw();
}

static void scroll(struct console_sink *sink, int pages)
{
    (void)sink;
    terminal_look_back(&screen.terminal, pages * (int)(screen.display.rows - 1));
    redraw();
}

static bool fits(unsigned columns, unsigned rows)
{
    return columns <= COLUMNS_MAX && (uint64_t)columns * rows <= SHOWN_CELLS;
}

// Everything anew: an empty terminal, and a display that the first drawing clears. One that nobody
// draws on, since console= leaves it out, stays as it is.
static void start_again(unsigned foreground, unsigned background)
{
    const struct display *display = &screen.display;
    ASSERT(display->columns && display->rows && fits(display->columns, display->rows));
    terminal_init(&screen.terminal, ring, RING_CELLS, display->columns, display->rows,
                  display->glyph, foreground, background);
    screen.is_cleared = false;
    memcpy(shown, terminal_row(&screen.terminal, 0),
           (size_t)display->columns * display->rows * sizeof(cell_t));
    screen.is_pending = true;
    screen.pending_since = clock_ns();
}

// For a panic: white on blue, which a photograph keeps. What is printed is seen, whatever happens
// behind it.
static void reset(struct console_sink *sink)
{
    (void)sink;
    screen.is_urgent = true;
    start_again(COLOR_WHITE, COLOR_BLUE);
}

bool screen_state(struct screen_state *state)
{
    if (!screen.sink.name)
        return false;
    *state = (struct screen_state){
        .description = screen.description,
        .columns = screen.display.columns,
        .rows = screen.display.rows,
        .scale = scale,
        .history = screen.terminal.history,
        .redraws = screen.redraws,
        .cells_drawn = screen.cells_drawn,
        .bytes_written = screen.display.bytes_written(),
    };
    return true;
}

// --- Starting ----------------------------------------------------------------------------------

// What was asked for, or is readable, as far as enough characters remain and all of them find room.
// 0 where there is none.
static unsigned choose_scale(const struct boot_framebuffer *d)
{
    unsigned columns = d->width / FONT_WIDTH, rows = d->height / FONT_HEIGHT;
    unsigned by = scale_asked ? scale_asked : framebuffer_scale(d->width, d->height);
    while (by > 1 && (columns / by < COLUMNS_MIN || rows / by < ROWS_MIN))
        by--;
    while (by <= FRAMEBUFFER_SCALE_MAX && !fits(columns / by, rows / by))
        by++;
    if (scale_asked && by != scale_asked)
        log_warn("screen: scale%u leaves no room for text, or needs too much", scale_asked);
    return by <= FRAMEBUFFER_SCALE_MAX ? by : 0;
}

static enum status open_framebuffer(const struct boot_framebuffer *d)
{
    void *memory;
    scale = choose_scale(d);
    if (!scale)
        return NOT_SUPPORTED;
    enum status status =
        vspace_map_mmio(d->address, framebuffer_size(d), MAP_WRITE_COMBINING, "screen", &memory);
    if (status == OK)
        status = framebuffer_open(memory, d, scale, &screen.display);
    snprintf(screen.description, sizeof(screen.description),
             "%ux%ux%u at 0x%lx, %u x %u characters, scale %u", d->width, d->height,
             d->bits_per_pixel, d->address, screen.display.columns, screen.display.rows, scale);
    return status;
}

static enum status open_vga_text(paddr_t address, unsigned columns, unsigned rows)
{
    void *memory;
    scale = 1;
    size_t size = (size_t)columns * rows * 2;
    enum status status = vspace_map_mmio(address, size, MAP_UNCACHED, "screen", &memory);
    if (status == OK)
        status = vga_text_open(memory, columns, rows, &screen.display);
    snprintf(screen.description, sizeof(screen.description), "VGA text, %u x %u characters",
             columns, rows);
    return status;
}

// What the loader has told, and where it hasn't, the VGA that a BIOS may have left in text mode.
static enum status open_display(const struct boot_info *boot)
{
    const struct boot_framebuffer *d = &boot->framebuffer;
    if (d->kind == FRAMEBUFFER_RGB)
        return open_framebuffer(d);
    if (d->kind == FRAMEBUFFER_TEXT)
        return d->pitch == d->width * 2 ? open_vga_text(d->address, d->width, d->height)
                                        : NOT_SUPPORTED;
    if (d->kind == FRAMEBUFFER_NONE && !boot->efi.system_table && vga_text_is_on())
        return open_vga_text(VGA_TEXT_MEMORY, VGA_COLUMNS, VGA_ROWS);
    return d->kind == FRAMEBUFFER_NONE ? NOT_FOUND : NOT_SUPPORTED;
}

CONSOLE_DRIVER(screen)
{
    enum status status = open_display(&boot_info);
    if (status == NOT_FOUND)
        log_info("screen: none");
    if (status != OK)
        return status;
    start_again(COLOR_LIGHT_GREY, COLOR_BLACK);
    log_info("screen: %s", screen.description);
    screen.sink = (struct console_sink){
        .name = "screen",
        .description = screen.description,
        .columns = screen.display.columns,
        .rows = screen.display.rows,
        .is_styled = true,
        .write = write_text,
        .show = show,
        .flush = show,
        .reset = reset,
        .scroll = scroll,
    };
    console_add_sink(&screen.sink);
    return OK;
}
