// A terminal of any size, on cells that end where their allocation does, and what it shows.
#pragma once

#include "tests/host/lib.h"

#define put_run terminal_put_run // lib/format.c has another
#include "kernel/pen.c"
#include "kernel/terminal.c"
#undef put_run

enum { GLYPH_REPLACED = 0x1ff, PLAIN_FRONT = 7, PLAIN_BACK = 0 };

static struct terminal t;

// Latin-1 as it is, U+FFFD apart, the rest anywhere.
static uint16_t glyph_of(uint32_t code_point)
{
    if (code_point == 0xfffd)
        return GLYPH_REPLACED;
    return (uint16_t)(code_point < 0x100 ? code_point : 0x100 + code_point % 0xff);
}

static void start_with(size_t cells, unsigned columns, unsigned rows)
{
    free(t.cells);
    cell_t *memory = malloc(cells * sizeof(cell_t));
    for (size_t i = 0; i < cells; i++) // nobody has promised that they are empty
        memory[i] = (cell_t)random_u64();
    terminal_init(&t, memory, cells, columns, rows, glyph_of, PLAIN_FRONT, PLAIN_BACK);
}

// Keeps as many lines as the screen has.
static void start(unsigned columns, unsigned rows)
{
    start_with((size_t)columns * rows * 2, columns, rows);
}

static void put(const char *text)
{
    terminal_write(&t, text, strlen(text));
}

static cell_t make_cell(unsigned glyph, unsigned front, unsigned back)
{
    return (cell_t)(glyph | front << 9 | back << 13);
}

static unsigned glyph_at(unsigned row, unsigned column)
{
    return terminal_row(&t, row)[column] & 0x1ff;
}

static void expect_colors(unsigned row, unsigned column, unsigned front, unsigned back)
{
    cell_t cell = terminal_row(&t, row)[column];
    if ((cell >> 9 & 15) != front || cell >> 13 != back)
        fail_msg("%u on %u at %u, %u", cell >> 9 & 15, cell >> 13, row, column);
}

// The glyphs, with '~' for U+FFFD, rows parted by '|'; what isn't named is blank.
static void expect_screen_at(const char *expected, int line)
{
    const char *at = expected;
    for (unsigned row = 0; row < t.rows; row++) {
        for (unsigned column = 0; column < t.columns; column++) {
            unsigned wanted = *at && *at != '|' ? (uint8_t)*at++ : ' ';
            unsigned found = glyph_at(row, column);
            if (found != (wanted == '~' ? GLYPH_REPLACED : wanted))
                fail_msg("line %d: glyph 0x%x at %u, %u", line, found, row, column);
        }
        at += *at == '|';
    }
    if (*at)
        fail_msg("line %d: [%s] doesn't fit", line, expected);
}

static void expect_cursor_at(unsigned row, unsigned column, int line)
{
    unsigned seen_row, seen_column;
    if (!terminal_cursor(&t, &seen_row, &seen_column))
        fail_msg("line %d: no cursor", line);
    if (seen_row != row || seen_column != column)
        fail_msg("line %d: cursor at %u, %u", line, seen_row, seen_column);
}

#define expect_screen(expected)    expect_screen_at(expected, __LINE__)
#define expect_cursor(row, column) expect_cursor_at(row, column, __LINE__)

// A terminal of 8 x 3 that is given the text.
#define expect_shown(text, expected)          \
    do {                                      \
        start(8, 3);                          \
        put(text);                            \
        expect_screen_at(expected, __LINE__); \
    } while (0)
