// One row of a terminal, drawn with as little as possible.

#include "monitor/line_view.h"
#include "lib/string.h"
#include "lib/utf8.h"
#include "monitor/line.h"

static void flush(struct line_view *view)
{
    if (view->pending_length)
        view->write(view->pending, view->pending_length);
    view->pending_length = 0;
}

static void put(struct line_view *view, uint32_t code)
{
    if (view->pending_length + 4 > sizeof(view->pending))
        flush(view);
    view->pending_length += utf8_encode(view->pending + view->pending_length, code);
}

// To the left by going back, or from the row's start, whichever is less; to the right by writing
// what is there once more.
static void move(struct line_view *view, unsigned column)
{
    struct line_row *row = &view->row;
    if (column < row->cursor && column + 1 < row->cursor - column) {
        put(view, '\r');
        row->cursor = 0;
    }
    for (; row->cursor > column; row->cursor--)
        put(view, '\b');
    for (; row->cursor < column; row->cursor++)
        put(view, row->cells[row->cursor]);
}

static unsigned find_difference(const struct line_row *a, const struct line_row *b)
{
    unsigned column = 0;
    while (column < a->length && column < b->length && a->cells[column] == b->cells[column])
        column++;
    return column;
}

// Makes the row the same as the wanted one, from the column on where they begin to differ.
static void rewrite(struct line_view *view, const struct line_row *wanted, unsigned column)
{
    struct line_row *row = &view->row;
    move(view, column);
    for (; column < wanted->length; column++)
        put(view, row->cells[column] = wanted->cells[column]);
    for (; column < row->length; column++)
        put(view, ' ');
    row->cursor = column;
    row->length = wanted->length;
}

void line_view_draw(struct line_view *view, const struct line_row *wanted)
{
    unsigned column = find_difference(&view->row, wanted);
    if (column < view->row.length || column < wanted->length)
        rewrite(view, wanted, column);
    move(view, wanted->cursor);
    flush(view);
}

void line_view_forget(struct line_view *view)
{
    view->row.length = view->row.cursor = 0;
}
