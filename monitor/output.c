// What commands print: cut by Ctrl-C, and shown page by page.
//
// Text goes out in pieces of a line or less, with a look at the keys after each. (While a piece is
// being sent, the UART's driver takes what comes in.)

#include "monitor/output.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/utf8.h"
#include "monitor/command.h"
#include "monitor/input.h"
#include "monitor/key.h"

enum { PIECE_MAX = 128, TAB_STOP = 8, ESCAPE = 27 };

#define SHOW_NS 20000000ull

enum output_more output_more = OUTPUT_MORE_AUTO;

static bool is_running, is_paged, is_cut;
static struct console_size size;
static unsigned row, column; // rows since the last page's end
static enum { TEXT, AFTER_ESCAPE, IN_SEQUENCE } escape;

static void cut(const char *mark)
{
    is_cut = true;
    if (column)
        console_write("\n", 1);
    console_write(mark, strlen(mark));
    row = column = 0;
}

static void poll(void)
{
    input_poll();
    if (is_running && !is_cut && input_is_interrupted())
        cut("^C\n");
}

bool command_interrupted(void)
{
    static uint64_t shown_ns;
    if (is_running && !is_cut)
        poll();
    log_show();
    if (clock_ns() - shown_ns > SHOW_NS) { // what was printed last, while nothing more is
        console_show();
        shown_ns = clock_ns();
    }
    return is_running && is_cut;
}

void output_write(const char *text, size_t length)
{
    while (length) {
        size_t piece = length < PIECE_MAX ? length : PIECE_MAX;
        console_write(text, piece);
        input_poll();
        text += piece;
        length -= piece;
    }
}

// --- Where the cursor is ----------------------------------------------------------------------

// Of a sequence that begins with an escape [ECMA-48 5.4]: only "go to the start" counts.
static void follow_escape(char c)
{
    if (escape == AFTER_ESCAPE) {
        escape = c == '[' ? IN_SEQUENCE : TEXT;
        return;
    }
    if (c < '@')
        return;
    escape = TEXT;
    if (c == 'H')
        row = column = 0;
}

static bool takes_a_column(char c)
{
    return escape == TEXT && (uint8_t)c >= ' ' && !utf8_is_continuation(c);
}

static void follow(char c)
{
    if (escape != TEXT)
        follow_escape(c);
    else if (c == ESCAPE)
        escape = AFTER_ESCAPE;
    else if (c == '\n')
        row++, column = 0;
    else if (c == '\r')
        column = 0;
    else if (c == '\b')
        column -= column > 0;
    else if (c == '\t')
        column = (column / TAB_STOP + 1) * TAB_STOP;
    else if (takes_a_column(c))
        column++;
    if (column > size.columns) // by a tab, which doesn't wrap
        column = size.columns;
}

// --- Pages ------------------------------------------------------------------------------------

static void show_more(void)
{
    static const char text[] = "-- more --";
    console_write(text, sizeof(text) - 1);
}

static void hide_more(void)
{
    static const char text[] = "\r          \r";
    console_write(text, sizeof(text) - 1);
}

static bool page_is_full(void)
{
    return is_paged && row >= size.rows - 1;
}

// Looking back is possible here, too.
static bool is_answer(unsigned key)
{
    static const unsigned answers[] = {' ', KEY_PAGE_DOWN, KEY_ENTER,       KEY_DOWN,
                                       'q', KEY_ESCAPE,    KEY_CONTROL('C')};
    input_scroll(key);
    for (unsigned i = 0; i < ARRAY_SIZE(answers); i++)
        if (key == answers[i])
            return true;
    return false;
}

// Waits at the end of a page for what is to be done.
static void ask(void)
{
    static const struct console_prompt more = {.hide = hide_more, .show = show_more};
    unsigned key;
    show_more();
    console_set_prompt(&more);
    do
        key = input_key();
    while (!is_answer(key));
    console_set_prompt(NULL);
    hide_more();
    row = key == KEY_ENTER || key == KEY_DOWN ? size.rows - 2 : 0;
    column = 0;
    if (key == KEY_CONTROL('C'))
        cut("^C\n");
    else if (key == 'q' || key == KEY_ESCAPE)
        cut("");
}

// Whoever has typed on doesn't wait for pages, and lines that are pasted must not answer them.
static void end_page(void)
{
    input_poll();
    if (input_is_waiting())
        row = 0;
    else
        ask();
}

// How much of the text goes out at once: a line at most, and not beyond a page's end.
static size_t next_piece(const char *text, size_t length)
{
    size_t piece = 0;
    while (piece < length && piece < PIECE_MAX) {
        if (column == size.columns && takes_a_column(text[piece]))
            row++, column = 0; // the row is full: the terminal wraps now
        if (page_is_full())
            break;
        follow(text[piece]);
        if (text[piece++] == '\n')
            break;
    }
    return piece;
}

static void filter(const char *text, size_t length)
{
    while (length && !is_cut) {
        size_t piece = next_piece(text, length);
        console_write(text, piece);
        text += piece;
        length -= piece;
        poll();
        if (length && !is_cut && page_is_full())
            end_page();
    }
}

void output_begin(enum output_origin origin)
{
    is_paged = (origin == OUTPUT_FOR_KEYBOARD && output_more != OUTPUT_MORE_OFF) ||
               (origin == OUTPUT_FOR_LINE && output_more == OUTPUT_MORE_ON);
    is_cut = false;
    row = column = 0;
    escape = TEXT;
    size = console_size();
    if (size.rows < 3)
        is_paged = false;
    is_running = true;
    input_watch(true);
    (void)console_set_filter(filter);
}

void output_end(void)
{
    (void)console_set_filter(NULL);
    if (column)
        console_write("\n", 1);
    input_watch(false);
    is_running = false;
}
