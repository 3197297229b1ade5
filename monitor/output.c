// What commands print: cut by Ctrl-C, and shown page by page.
//
// Text goes out in pieces of a line or less, with a look at the keys after each. (While a piece is
// being sent, the UART's driver takes what comes in.) In the background, whole lines go out.

#include "monitor/output.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/utf8.h"
#include "monitor/command.h"
#include "monitor/input.h"
#include "monitor/key.h"

enum { PIECE_MAX = 128, TAB_STOP = 8, ESCAPE = 27 };

#define SHOW_NS  20000000ull
#define PAUSE_NS 1000000ull // a UART holds what comes in a millisecond

enum output_more output_more = OUTPUT_MORE_AUTO;

static bool is_set(const bool *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void set(bool *flag)
{
    __atomic_store_n(flag, true, __ATOMIC_RELAXED);
}

static void cut(struct output *output, const char *mark)
{
    set(&output->is_cut);
    if (output->column)
        console_write("\n", 1);
    console_write(mark, strlen(mark));
    output->row = output->column = 0;
}

static bool must_cut(const struct output *output)
{
    if (is_set(&output->is_interrupted))
        return true;
    return !is_set(&output->is_background) && input_is_interrupted();
}

static void poll(struct output *output)
{
    if (is_set(&output->is_cut))
        return;
    input_poll();
    if (!must_cut(output))
        return;
    if (is_set(&output->is_background))
        set(&output->is_cut);
    else
        cut(output, "^C\n");
}

// What was printed last comes to sight, while nothing more is.
static void bring_to_sight(struct output *output)
{
    if (clock_ns() - output->shown_ns < SHOW_NS)
        return;
    console_show();
    output->shown_ns = clock_ns();
}

bool command_interrupted(void)
{
    struct output *output = output_of_self();
    struct console_stream *stream = console_stream();
    log_show();
    if (!output)
        return stream && stream->has_enough && stream->has_enough(stream);
    poll(output);
    bring_to_sight(output);
    return is_set(&output->is_cut);
}

bool command_wait(uint64_t deadline_ns)
{
    const struct output *output = output_of_self();
    bool must_look = !output || !output->is_attended || arch_never_interrupts;
    while (!command_interrupted()) {
        uint64_t now = clock_ns(), look_ns = must_look ? now + PAUSE_NS : TIMER_NEVER;
        if (now >= deadline_ns)
            return true;
        (void)thread_park(deadline_ns < look_ns ? deadline_ns : look_ns);
    }
    return false;
}

// --- Where the cursor is ----------------------------------------------------------------------

// Of a sequence that begins with an escape [ECMA-48 5.4]: only "go to the start" counts.
static void follow_escape(struct output *output, char c)
{
    if (output->escape == OUTPUT_AFTER_ESCAPE) {
        output->escape = c == '[' ? OUTPUT_IN_SEQUENCE : OUTPUT_TEXT;
        return;
    }
    if (c < '@')
        return;
    output->escape = OUTPUT_TEXT;
    if (c == 'H')
        output->row = output->column = 0;
}

static bool takes_a_column(const struct output *output, char c)
{
    return output->escape == OUTPUT_TEXT && (uint8_t)c >= ' ' && !utf8_is_continuation(c);
}

static void follow(struct output *output, char c)
{
    if (output->escape != OUTPUT_TEXT)
        follow_escape(output, c);
    else if (c == ESCAPE)
        output->escape = OUTPUT_AFTER_ESCAPE;
    else if (c == '\n')
        output->row++, output->column = 0;
    else if (c == '\r')
        output->column = 0;
    else if (c == '\b')
        output->column -= output->column > 0;
    else if (c == '\t')
        output->column = (output->column / TAB_STOP + 1) * TAB_STOP;
    else if (takes_a_column(output, c))
        output->column++;
    if (output->column > output->size.columns) // by a tab, which doesn't wrap
        output->column = output->size.columns;
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

static bool page_is_full(const struct output *output)
{
    return output->is_paged && output->row >= output->size.rows - 1;
}

// Looking back is possible here, too.
static bool is_answer(unsigned key)
{
    static const unsigned answers[] = {' ', KEY_PAGE_DOWN, KEY_ENTER, KEY_DOWN,
                                       'q', KEY_ESCAPE,    KEY_NONE};
    input_scroll(key);
    for (unsigned i = 0; i < ARRAY_SIZE(answers); i++)
        if (key == answers[i])
            return true;
    return false;
}

// Waits at the end of a page for what is to be done. No key at all is Ctrl-C's or Ctrl-Z's doing.
static void ask(struct output *output)
{
    static const struct console_prompt more = {.hide = hide_more, .show = show_more};
    unsigned key;
    console_hold();
    show_more();
    console_release(&more);
    do
        key = input_key(TIMER_NEVER);
    while (!is_answer(key));
    console_hold();
    hide_more();
    console_release(NULL);
    output->row = key == KEY_ENTER || key == KEY_DOWN ? output->size.rows - 2 : 0;
    output->column = 0;
    if (key == 'q' || key == KEY_ESCAPE)
        cut(output, "");
    poll(output);
}

// Whoever has typed on doesn't wait for pages, and lines that are pasted must not answer them.
static void end_page(struct output *output)
{
    input_poll();
    if (input_is_waiting() || is_set(&output->is_background))
        output->row = 0;
    else
        ask(output);
}

// How much of the text goes out at once: a line at most, and not beyond a page's end.
static size_t next_piece(struct output *output, const char *text, size_t length)
{
    size_t piece = 0;
    while (piece < length && piece < PIECE_MAX) {
        if (output->column == output->size.columns && takes_a_column(output, text[piece]))
            output->row++, output->column = 0; // the row is full: the terminal wraps now
        if (page_is_full(output))
            break;
        follow(output, text[piece]);
        if (text[piece++] == '\n')
            break;
    }
    return piece;
}

// --- In the background ------------------------------------------------------------------------

static void release_line(struct output *output)
{
    console_write_above(output->line, output->held);
    console_show();
    output->held = 0;
}

static void hold(struct output *output, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        output->line[output->held++] = text[i];
        if (text[i] != '\n' && output->held == OUTPUT_LINE_MAX - 1)
            output->line[output->held++] = '\n';
        if (output->line[output->held - 1] == '\n')
            release_line(output);
    }
    poll(output);
}

// --- Both -------------------------------------------------------------------------------------

static void print_on(struct console_stream *stream, const char *text, size_t length)
{
    struct output *output = (struct output *)stream;
    while (length && !is_set(&output->is_cut)) {
        if (is_set(&output->is_background)) {
            hold(output, text, length);
            return;
        }
        size_t piece = next_piece(output, text, length);
        console_write(text, piece);
        text += piece;
        length -= piece;
        poll(output);
        if (length && !is_set(&output->is_cut) && page_is_full(output))
            end_page(output);
    }
}

struct output *output_of_self(void)
{
    struct console_stream *stream = console_stream();
    return stream && stream->write == print_on ? (struct output *)stream : NULL;
}

void output_prepare(struct output *output, enum output_origin origin)
{
    *output = (struct output){.stream.write = print_on, .size = console_size()};
    output->is_paged = output->size.rows >= 3 &&
                       ((origin == OUTPUT_FOR_KEYBOARD && output_more != OUTPUT_MORE_OFF) ||
                        (origin == OUTPUT_FOR_LINE && output_more == OUTPUT_MORE_ON));
}

void output_begin(struct output *output)
{
    (void)console_set_stream(&output->stream);
}

void output_end(struct output *output)
{
    poll(output);
    (void)console_set_stream(NULL);
    if (output->held) {
        output->line[output->held++] = '\n';
        release_line(output);
    } else if (output->column && !output->is_background) {
        console_write("\n", 1);
    }
}
