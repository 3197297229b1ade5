// Any bytes as text for a terminal, of several sizes: the first two bytes say which. Nothing is
// written beside its cells, the cursor and the view stay inside, all glyphs are ones that were
// given out, and after a reset text appears as ever.

#include "tests/host/lib.h"

#define put_run terminal_put_run // lib/format.c has another
#include "kernel/pen.c"
#include "kernel/terminal.c"
#undef put_run

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { GLYPH_LIMIT = 300 };

static void refuse(bool broken)
{
    if (broken)
        abort();
}

static uint16_t glyph_of(uint32_t code_point)
{
    refuse(code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000));
    return (uint16_t)(code_point % GLYPH_LIMIT);
}

static void check_view(const struct terminal *t, const cell_t *cells, size_t count)
{
    for (unsigned row = 0; row < t->rows; row++) {
        const cell_t *line = terminal_row(t, row);
        refuse(line < cells || line + t->columns > cells + count);
        for (unsigned column = 0; column < t->columns; column++)
            refuse((line[column] & CELL_GLYPH) >= GLYPH_LIMIT);
    }
    unsigned row, column;
    (void)terminal_cursor(t, &row, &column);
    refuse(row >= t->rows || column >= t->columns);
}

// Whatever it was in the middle of.
static void check_reset(struct terminal *t)
{
    static const char text[] = "\030\033cOK";
    unsigned row, column;
    terminal_write(t, text, sizeof(text) - 1);
    const cell_t *line = terminal_row(t, 0);
    refuse(t->columns > 1 && (line[0] != ('O' | 7 << 9) || line[1] != ('K' | 7 << 9)));
    refuse(!terminal_cursor(t, &row, &column) || (t->columns > 2 && (row != 0 || column != 2)));
}

static void run(const uint8_t *text, size_t size, unsigned columns, unsigned rows, size_t count)
{
    struct terminal t;
    cell_t *cells = calloc(count, sizeof(cell_t));
    terminal_init(&t, cells, count, columns, rows, glyph_of, 7, 0);
    size_t half = size / 2; // in two writes
    terminal_write(&t, (const char *)text, half);
    check_view(&t, cells, count);
    terminal_look_back(&t, size ? text[0] - 100 : 0);
    check_view(&t, cells, count);
    terminal_write(&t, (const char *)text + half, size - half);
    check_view(&t, cells, count);
    for (int lines = 1; lines < 1000; lines *= 3) {
        terminal_look_back(&t, lines);
        check_view(&t, cells, count);
    }
    check_reset(&t);
    free(cells);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t columns[] = {80, 1, 2, 7, 8, 132}, rows[] = {25, 1, 2, 60};
    if (size < 2)
        return 0;
    unsigned wide = columns[data[0] % sizeof(columns)], high = rows[data[1] % sizeof(rows)];
    size_t count = (size_t)wide * (high + data[1] / 8) + data[0] % wide;
    uint8_t *exact = malloc(size - 2 ? size - 2 : 1);
    memcpy(exact, data + 2, size - 2);
    run(exact, size - 2, wide, high, count);
    free(exact);
    return 0;
}
