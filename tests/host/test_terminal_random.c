// kernel/terminal against a naive model: an endless list of lines, and operations that are carried
// out on it directly while the terminal gets them as text, cut anywhere. Catches what depends on
// the order of operations, on the ring's wrap, and on where a text is cut.

#include "tests/host/terminal_screen.h"

enum { COLUMNS_MAX = 24, LINES_MAX = 4000, TEXT_MAX = 100000 };

struct naive_pen {
    unsigned front, back;
    bool bold, reverse;
};

static struct {
    cell_t lines[LINES_MAX][COLUMNS_MAX]; // all that there ever were
    unsigned columns, rows;
    unsigned top, row, column; // column == columns: the next character wraps
    unsigned saved_row, saved_column;
    struct naive_pen pen, saved_pen;
} m;

static char text[TEXT_MAX];
static size_t length;

static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    length += vsnprintf(text + length, sizeof(text) - length, format, args);
    va_end(args);
}

// --- The model ---------------------------------------------------------------------------------

static cell_t pen_cell(unsigned glyph)
{
    unsigned front = m.pen.front | (m.pen.bold ? 8 : 0), back = m.pen.back;
    if (!m.pen.reverse)
        return make_cell(glyph, front, back);
    if ((front & 7) == back)
        back = ~front & 7; // as terminal.h allows: the colours as far as the background has them
    return make_cell(glyph, back, front & 7);
}

static void model_erase(unsigned row, unsigned from, unsigned end)
{
    for (unsigned column = from; column < end; column++)
        m.lines[m.top + row][column] = pen_cell(' ');
}

static unsigned model_column(void)
{
    return m.column == m.columns ? m.columns - 1 : m.column;
}

static void model_newline(void)
{
    m.column = 0;
    if (++m.row < m.rows)
        return;
    m.row--;
    m.top++;
    model_erase(m.row, 0, m.columns);
}

static void model_put(unsigned glyph)
{
    if (m.column == m.columns)
        model_newline();
    m.lines[m.top + m.row][m.column++] = pen_cell(glyph);
}

static void model_move(int row, int column)
{
    int last_row = (int)m.rows - 1, last_column = (int)m.columns - 1;
    m.row = (unsigned)(row < 0 ? 0 : row > last_row ? last_row : row);
    m.column = (unsigned)(column < 0 ? 0 : column > last_column ? last_column : column);
}

static void model_start(unsigned columns, unsigned rows)
{
    m.columns = columns;
    m.rows = rows;
    m.top = m.row = m.column = m.saved_row = m.saved_column = 0;
    m.pen = m.saved_pen = (struct naive_pen){.front = PLAIN_FRONT, .back = PLAIN_BACK};
    for (unsigned row = 0; row < rows; row++)
        model_erase(row, 0, columns);
    length = 0;
}

// --- Operations: as text, and on the model -----------------------------------------------------

static void do_text(void)
{
    static const struct {
        const char *bytes;
        unsigned code_point;
    } other[] = {{"\xc3\xa4", 0xe4}, {"\xe2\x94\x80", 0x2500}, {"\xf0\x9f\x98\x80", 0x1f600}};
    for (uint64_t count = random_below(2 * m.columns); count--;) {
        unsigned which = (unsigned)random_below(20), glyph = (unsigned)random_below(95) + ' ';
        if (which < ARRAY_SIZE(other))
            say("%s", other[which].bytes);
        else
            say("%c", (char)glyph);
        model_put(which < ARRAY_SIZE(other) ? glyph_of(other[which].code_point) : glyph);
    }
}

static void do_control(void)
{
    char control = "\n\n\r\b\t"[random_below(5)];
    say("%c", control);
    if (control == '\n')
        model_newline();
    else if (control == '\r')
        m.column = 0;
    else if (control == '\b')
        m.column -= m.column > 0;
    else
        model_move((int)m.row, (int)(m.column / 8 + 1) * 8);
}

static int random_parameter(void)
{
    return random_below(20) ? (int)random_below(COLUMNS_MAX + 4) : 9000;
}

static void do_place(void)
{
    int row = random_parameter(), column = random_parameter();
    say("\033[%d;%d%c", row, column, random_below(2) ? 'H' : 'f');
    model_move(row - 1, column - 1); // 0 is 1, which the model's edge does
}

static void do_move(void)
{
    char final = "ABCDEFGd"[random_below(8)];
    int count = random_parameter(), one = count ? count : 1;
    int row = (int)m.row, column = (int)model_column();
    say("\033[%d%c", count, final);
    switch (final) {
    case 'A':
        model_move(row - one, column);
        break;
    case 'B':
        model_move(row + one, column);
        break;
    case 'C':
        model_move(row, column + one);
        break;
    case 'D':
        model_move(row, column - one);
        break;
    case 'E':
        model_move(row + one, 0);
        break;
    case 'F':
        model_move(row - one, 0);
        break;
    case 'G':
        model_move(row, one - 1);
        break;
    default:
        model_move(one - 1, column);
        break;
    }
}

static void do_erase(void)
{
    unsigned what = (unsigned)random_below(3), column = model_column();
    bool display = random_below(2);
    say("\033[%u%c", what, display ? 'J' : 'K');
    model_erase(m.row, what == 0 ? column : 0, what == 1 ? column + 1 : m.columns);
    for (unsigned row = 0; display && row < m.rows; row++)
        if ((what != 1 && row > m.row) || (what != 0 && row < m.row))
            model_erase(row, 0, m.columns);
}

static void do_erase_characters(void)
{
    unsigned count = (unsigned)random_parameter(), end = model_column() + (count ? count : 1);
    say("\033[%uX", count);
    model_erase(m.row, model_column(), end < m.columns ? end : m.columns);
}

static void model_select(unsigned code)
{
    struct naive_pen *pen = &m.pen;
    if (code == 0)
        *pen = (struct naive_pen){.front = PLAIN_FRONT, .back = PLAIN_BACK};
    else if (code == 1 || code == 22)
        pen->bold = code == 1;
    else if (code == 7 || code == 27)
        pen->reverse = code == 7;
    else if (code / 10 == 3 || code / 10 == 9)
        pen->front = code == 39 ? PLAIN_FRONT : code % 10 + (code / 10 == 9 ? 8 : 0);
    else
        pen->back = code == 49 ? PLAIN_BACK : code % 10;
}

static void do_colors(void)
{
    static const uint8_t codes[] = {0,  1,  7,  22, 27, 30, 31, 33,  34,  37, 39,
                                    40, 41, 44, 47, 49, 90, 97, 100, 103, 107};
    say("\033[");
    for (uint64_t left = 1 + random_below(3); left--;) {
        unsigned code = codes[random_below(sizeof(codes))];
        say(left ? "%u;" : "%um", code);
        model_select(code);
    }
}

static void do_save_or_restore(void)
{
    if (random_below(2)) {
        say(random_below(2) ? "\0337" : "\033[s");
        m.saved_row = m.row, m.saved_column = model_column(), m.saved_pen = m.pen;
    } else {
        say(random_below(2) ? "\0338" : "\033[u");
        m.row = m.saved_row, m.column = m.saved_column, m.pen = m.saved_pen;
    }
}

static void do_nothing(void)
{
    static const char *const sequences[] = {"\033[3;4;53m", "\033]0;title\a", "\033P1;2q\033\\",
                                            "\033(B",       "\033[?2004h",    "\033[>1;2;3c",
                                            "\a",           "\xc2\x9b",       "\033[12;\030"};
    say("%s", sequences[random_below(ARRAY_SIZE(sequences))]);
}

static void do_something(void)
{
    static void (*const operations[])(void) = {
        do_text,
        do_text,
        do_text,
        do_control,
        do_control,
        do_place,
        do_move,
        do_erase,
        do_erase_characters,
        do_colors,
        do_save_or_restore,
        do_nothing,
    };
    operations[random_below(ARRAY_SIZE(operations))]();
}

// --- Comparing ---------------------------------------------------------------------------------

static void write_in_pieces(struct terminal *to)
{
    for (size_t at = 0, end; at < length; at = end) {
        end = at + 1 + random_below(random_below(2) ? 4 : 200);
        end = end < length ? end : length;
        char *exact = memcpy(malloc(end - at), text + at, end - at);
        terminal_write(to, exact, end - at);
        free(exact);
    }
}

static void expect_view(unsigned top, unsigned round)
{
    for (unsigned row = 0; row < m.rows; row++)
        for (unsigned column = 0; column < m.columns; column++)
            if (terminal_row(&t, row)[column] != m.lines[top + row][column])
                fail_msg("round %u: cell 0x%x is not 0x%x at %u, %u", round,
                         terminal_row(&t, row)[column], m.lines[top + row][column], row, column);
}

static void expect_model(unsigned kept, unsigned round)
{
    expect_view(m.top, round);
    expect_cursor(m.row, model_column());
    unsigned history = m.top < kept ? m.top : kept;
    terminal_look_back(&t, 3);
    expect_view(m.top - (history < 3 ? history : 3), round);
    terminal_look_back(&t, 10000);
    expect_view(m.top - history, round);
    terminal_look_back(&t, -10000);
    expect_view(m.top, round);
}

static void the_model_and_the_terminal_agree(void **state)
{
    (void)state;
    random_seed(300);
    for (unsigned round = 0; round < 400; round++) {
        unsigned columns = 1 + (unsigned)random_below(COLUMNS_MAX);
        unsigned rows = 1 + (unsigned)random_below(8), kept = (unsigned)random_below(30);
        start_with((size_t)columns * (rows + kept) + random_below(columns), columns, rows);
        model_start(columns, rows);
        for (unsigned step = 0; step < 20 && m.top + 400 < LINES_MAX; step++) {
            length = 0;
            for (uint64_t count = random_below(20); count--;)
                do_something();
            write_in_pieces(&t);
            expect_model(kept, round);
        }
    }
}

static void expect_the_same(const struct terminal *other, size_t cut)
{
    for (unsigned row = 0; row < t.rows; row++)
        for (unsigned column = 0; column < t.columns; column++)
            if (terminal_row(&t, row)[column] != terminal_row(other, row)[column])
                fail_msg("cut at %zu: another cell at %u, %u", cut, row, column);
    assert_int_equal(t.row, other->row);
    assert_int_equal(t.column, other->column);
}

// Sequences, characters and broken ones of both, in two writes.
static void a_text_can_be_cut_anywhere(void **state)
{
    (void)state;
    static const char broken[] = "a\xe2\x94\x80\xf0\x9f\x98\xe2\x82\033[1;31mb\033[38;5;200mc\xc3"
                                 "\033]0;t\033\\d\033[2;\xc3\xa4\033(Be\033[?25h\xed\xa0\x80\rf";
    random_seed(301);
    model_start(9, 4);
    while (length < 2000)
        do_something();
    say("%s", broken);
    start(9, 4);
    static cell_t cells[9 * 4];
    terminal_write(&t, text, length);
    for (size_t cut = 0; cut <= length; cut++) {
        struct terminal other;
        terminal_init(&other, cells, ARRAY_SIZE(cells), 9, 4, glyph_of, PLAIN_FRONT, PLAIN_BACK);
        terminal_write(&other, text, cut);
        terminal_write(&other, text + cut, length - cut);
        expect_the_same(&other, cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_and_the_terminal_agree),
        cmocka_unit_test(a_text_can_be_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
