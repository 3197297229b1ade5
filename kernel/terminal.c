// A terminal: a ring of lines of cells, and a parser of control sequences that writes into it.

#include "kernel/terminal.h"
#include "lib/string.h"

enum { TAB = 8, PARAMETER_MAX = 9999 };

// What the next byte belongs to.
enum state {
    GROUND,
    ESCAPE,          // behind ESC
    ESCAPE_REST,     // behind ESC and an intermediate byte: one final byte follows
    SEQUENCE_START,  // behind CSI
    SEQUENCE,        // and what may stand only there: parameters, then a final byte
    SEQUENCE_IGNORE, // the same, of a kind that isn't understood
    STRING,          // behind OSC and its like: until BEL, or the ESC of ST
};

// --- Lines and cells ---------------------------------------------------------------------------

static cell_t *ring_line(const struct terminal *t, unsigned index)
{
    return t->cells + (size_t)(index % t->lines) * t->columns;
}

static cell_t *screen_line(const struct terminal *t, unsigned row)
{
    return ring_line(t, t->top + row);
}

static void fill(cell_t *cells, unsigned count, cell_t value)
{
    uint64_t four = value * 0x0001000100010001ull;
    for (; count >= 4; count -= 4, cells += 4)
        __builtin_memcpy(cells, &four, sizeof(four)); // one store, not a call
    while (count--)
        *cells++ = value;
}

static cell_t blank(const struct terminal *t)
{
    return t->ascii[' '] | t->attributes;
}

static void erase(struct terminal *t, unsigned row, unsigned column, unsigned count)
{
    fill(screen_line(t, row) + column, count, blank(t));
}

static void erase_rows(struct terminal *t, unsigned row, unsigned end)
{
    for (; row < end; row++)
        erase(t, row, 0, t->columns);
}

static void line_feed(struct terminal *t)
{
    t->column = 0;
    if (t->row + 1 < t->rows) {
        t->row++;
        return;
    }
    t->top = (t->top + 1) % t->lines;
    if (t->history < t->lines - t->rows)
        t->history++;
    erase(t, t->row, 0, t->columns);
}

static void put_glyph(struct terminal *t, uint16_t glyph)
{
    if (t->column == t->columns)
        line_feed(t);
    screen_line(t, t->row)[t->column++] = (cell_t)(glyph & CELL_GLYPH) | t->attributes;
}

static void move_to(struct terminal *t, unsigned row, unsigned column)
{
    t->row = row < t->rows ? row : t->rows - 1;
    t->column = column < t->columns ? column : t->columns - 1;
}

// --- Control sequences -------------------------------------------------------------------------

static void reset(struct terminal *t)
{
    t->pen = t->saved_pen = t->normal;
    t->attributes = pen_attributes(&t->pen);
    t->row = t->column = t->saved_row = t->saved_column = 0;
    t->cursor_hidden = false;
    t->state = GROUND;
    t->utf8 = (struct utf8_decoder){.missing = 0};
    erase_rows(t, 0, t->rows);
}

static void select_graphics(struct terminal *t)
{
    pen_select(&t->pen, &t->normal, t->parameters, t->parameter_count);
    t->attributes = pen_attributes(&t->pen);
}

// 0: from the cursor on, 1: up to it, 2: all, 3: and what has scrolled off.
static void erase_display(struct terminal *t, unsigned what)
{
    unsigned column = t->column < t->columns ? t->column : t->columns - 1;
    if (what == 0) {
        erase(t, t->row, column, t->columns - column);
        erase_rows(t, t->row + 1, t->rows);
    } else if (what == 1) {
        erase_rows(t, 0, t->row);
        erase(t, t->row, 0, column + 1);
    } else if (what <= 3) {
        erase_rows(t, 0, t->rows);
    }
    if (what == 3)
        t->history = 0;
}

static void erase_line(struct terminal *t, unsigned what)
{
    unsigned column = t->column < t->columns ? t->column : t->columns - 1;
    if (what == 0)
        erase(t, t->row, column, t->columns - column);
    else if (what <= 2)
        erase(t, t->row, 0, what == 1 ? column + 1 : t->columns);
}

static void erase_characters(struct terminal *t, unsigned count)
{
    unsigned column = t->column < t->columns ? t->column : t->columns - 1;
    erase(t, t->row, column, count < t->columns - column ? count : t->columns - column);
}

static void save_cursor(struct terminal *t)
{
    t->saved_row = t->row;
    t->saved_column = t->column;
    t->saved_pen = t->pen;
}

static void restore_cursor(struct terminal *t)
{
    move_to(t, t->saved_row, t->saved_column);
    t->pen = t->saved_pen;
    t->attributes = pen_attributes(&t->pen);
}

// `count` is the first parameter, 1 where it is missing or 0.
static bool move_cursor(struct terminal *t, char final, unsigned count)
{
    unsigned column = t->column < t->columns ? t->column : t->columns - 1;
    unsigned up = count < t->row ? t->row - count : 0;
    switch (final) {
    case 'A':
        move_to(t, up, column);
        return true;
    case 'B':
        move_to(t, t->row + count, column);
        return true;
    case 'C':
        move_to(t, t->row, column + count);
        return true;
    case 'D':
        move_to(t, t->row, count < column ? column - count : 0);
        return true;
    case 'E':
        move_to(t, t->row + count, 0);
        return true;
    case 'F':
        move_to(t, up, 0);
        return true;
    case 'G':
        move_to(t, t->row, count - 1);
        return true;
    case 'd':
        move_to(t, count - 1, column);
        return true;
    default:
        return false;
    }
}

static void run_private(struct terminal *t, char final)
{
    enum { CURSOR = 25 };
    for (unsigned i = 0; i < t->parameter_count; i++)
        if (t->parameters[i] == CURSOR && (final == 'h' || final == 'l'))
            t->cursor_hidden = final == 'l';
}

static void run_sequence(struct terminal *t, char final)
{
    unsigned first = t->parameters[0], count = first ? first : 1;
    unsigned second = t->parameter_count > 1 && t->parameters[1] ? t->parameters[1] : 1;
    if (t->is_private)
        run_private(t, final);
    else if (move_cursor(t, final, count))
        return;
    else if (final == 'm')
        select_graphics(t);
    else if (final == 'J')
        erase_display(t, first);
    else if (final == 'K')
        erase_line(t, first);
    else if (final == 'X')
        erase_characters(t, count);
    else if (final == 'H' || final == 'f')
        move_to(t, count - 1, second - 1);
    else if (final == 's')
        save_cursor(t);
    else if (final == 'u')
        restore_cursor(t);
}

// --- The parser --------------------------------------------------------------------------------

static void take_control(struct terminal *t, char c)
{
    switch (c) {
    case '\b':
        if (t->column)
            t->column--;
        break;
    case '\t':
        move_to(t, t->row, t->column / TAB * TAB + TAB);
        break;
    case '\n':
        line_feed(t);
        break;
    case '\r':
        t->column = 0;
        break;
    case 0x18: // CAN
    case 0x1a: // SUB
        t->state = GROUND;
        break;
    case 0x1b:
        t->state = ESCAPE;
        break;
    default:
        break;
    }
}

static void start_sequence(struct terminal *t)
{
    t->state = SEQUENCE_START;
    t->parameter_count = 1;
    memset(t->parameters, 0, sizeof(t->parameters));
}

static void take_escape(struct terminal *t, char c)
{
    t->state = GROUND;
    if (c == '[')
        start_sequence(t);
    else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_')
        t->state = STRING;
    else if (c >= 0x20 && c < 0x30)
        t->state = ESCAPE_REST;
    else if (c == '7')
        save_cursor(t);
    else if (c == '8')
        restore_cursor(t);
    else if (c == 'c')
        reset(t);
}

static void take_parameter(struct terminal *t, char c)
{
    uint16_t *parameter = &t->parameters[t->parameter_count - 1];
    if (c >= '0' && c <= '9') {
        unsigned value = *parameter * 10u + (unsigned)(c - '0');
        *parameter = (uint16_t)(value < PARAMETER_MAX ? value : PARAMETER_MAX);
    } else if (c == ';' && t->parameter_count < TERMINAL_PARAMETERS_MAX) {
        t->parameter_count++;
    } else { // one too many, parts of a parameter, or a private mark that isn't the first byte
        t->state = SEQUENCE_IGNORE;
    }
}

static void take_sequence(struct terminal *t, char c)
{
    if (t->state == SEQUENCE_START) {
        t->state = SEQUENCE;
        t->is_private = c == '?';
        if (t->is_private)
            return;
    }
    if (c >= 0x40) {
        bool understood = t->state == SEQUENCE;
        t->state = GROUND;
        if (understood)
            run_sequence(t, c);
    } else if (c < 0x30) {
        t->state = SEQUENCE_IGNORE;
    } else if (t->state == SEQUENCE) {
        take_parameter(t, c);
    }
}

// Text behind OSC and the like says nothing to a screen. It ends with BEL or with ST, which is a
// sequence like others: whatever ESC begins is no part of a string.
static void take_string(struct terminal *t, char c)
{
    if (c == '\a' || c == 0x18 || c == 0x1a)
        t->state = GROUND;
    else if (c == 0x1b)
        t->state = ESCAPE;
}

static void put_code_point(struct terminal *t, uint32_t code_point)
{
    if (code_point >= 0xa0) // those before are controls [ECMA-48 5.3]
        put_glyph(t, t->glyph(code_point));
}

// A byte that isn't ASCII. The longest beginning of a character that isn't completed is replaced as
// one [Unicode 3.9, U+FFFD substitution of maximal subparts].
static void take_utf8(struct terminal *t, uint8_t byte)
{
    t->state = GROUND; // no sequence has such a byte
    enum utf8_result result = utf8_decode(&t->utf8, byte);
    if (result == UTF8_BAD_BEFORE) {
        put_code_point(t, UTF8_REPLACEMENT);
        result = utf8_decode(&t->utf8, byte);
    }
    if (result != UTF8_MORE)
        put_code_point(t, result == UTF8_DONE ? t->utf8.code_point : UTF8_REPLACEMENT);
}

static void take_ascii(struct terminal *t, char c)
{
    if (utf8_decode(&t->utf8, (uint8_t)c) == UTF8_BAD_BEFORE)
        put_code_point(t, UTF8_REPLACEMENT);
    if (t->state == STRING)
        take_string(t, c);
    else if (c < 0x20)
        take_control(t, c);
    else if (c == 0x7f) // nothing, in sequences too
        return;
    else if (t->state == ESCAPE)
        take_escape(t, c);
    else if (t->state == ESCAPE_REST)
        t->state = c >= 0x30 ? GROUND : ESCAPE_REST;
    else if (t->state != GROUND)
        take_sequence(t, c);
    else
        put_glyph(t, t->ascii[(uint8_t)c]);
}

// The common case: printable ASCII, to the end of the line at most. Returns how much of it there
// was.
static size_t put_run(struct terminal *t, const char *text, size_t length)
{
    cell_t *line = screen_line(t, t->row);
    size_t room = t->columns - t->column, count = 0;
    if (room > length)
        room = length;
    for (cell_t *to = line + t->column; count < room; count++) {
        uint8_t c = (uint8_t)text[count];
        if (c < 0x20 || c >= 0x7f)
            break;
        *to++ = t->ascii[c] | t->attributes;
    }
    t->column += (unsigned)count;
    return count;
}

void terminal_write(struct terminal *t, const char *text, size_t length)
{
    t->looking_back = 0;
    for (size_t i = 0; i < length;) {
        if (t->state == GROUND && !t->utf8.missing)
            i += put_run(t, text + i, length - i);
        if (i == length)
            break;
        uint8_t byte = (uint8_t)text[i++];
        if (byte < 0x80)
            take_ascii(t, (char)byte);
        else if (t->state != STRING)
            take_utf8(t, byte);
    }
}

// --- The rest ----------------------------------------------------------------------------------

void terminal_init(struct terminal *t, cell_t *cells, size_t count, unsigned columns, unsigned rows,
                   terminal_glyph *glyph, unsigned foreground, unsigned background)
{
    *t = (struct terminal){
        .cells = cells,
        .columns = columns,
        .rows = rows,
        .lines = (unsigned)(count / columns),
        .glyph = glyph,
        .normal = {.foreground = (uint8_t)(foreground & 15),
                   .background = (uint8_t)(background & 7)},
    };
    for (unsigned c = 0; c < sizeof(t->ascii) / sizeof(t->ascii[0]); c++)
        t->ascii[c] = glyph(c) & CELL_GLYPH;
    reset(t);
}

void terminal_look_back(struct terminal *t, int lines)
{
    int64_t wanted = (int64_t)t->looking_back + lines;
    if (wanted < 0)
        wanted = 0;
    t->looking_back = wanted < t->history ? (unsigned)wanted : t->history;
}

const cell_t *terminal_row(const struct terminal *t, unsigned row)
{
    return ring_line(t, t->top + t->lines - t->looking_back + row);
}

bool terminal_cursor(const struct terminal *t, unsigned *row, unsigned *column)
{
    *row = t->row;
    *column = t->column < t->columns ? t->column : t->columns - 1;
    return !t->cursor_hidden && !t->looking_back;
}
