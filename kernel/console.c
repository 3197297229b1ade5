// The console: one stream of text to every sink, keys from every source.

#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/panic.h"
#include "lib/format.h"
#include "lib/string.h"

static struct console_sink *sinks;
static struct console_source *sources;
static struct console_sink *in_use; // whose code is running now
static console_filter *filter;
static const struct console_prompt *prompt;
static const char *last_source = "";

static const char *const known[] = {"serial", "screen"};
static bool selected[ARRAY_SIZE(known)] = {true, true};

static unsigned find_known(const char *name)
{
    unsigned i = 0;
    while (i < ARRAY_SIZE(known) && !string_equal(name, known[i]))
        i++;
    return i;
}

OPTION(console, "serial,screen", "use only the consoles that are named")
{
    bool wanted[ARRAY_SIZE(known)] = {false};
    char name[16];
    for (const char *at = value, *comma; at; at = comma ? comma + 1 : NULL) {
        comma = strchr(at, ',');
        size_t length = comma ? (size_t)(comma - at) : strlen(at);
        unsigned i = string_copy(name, sizeof(name), at, length) ? find_known(name) : UINT32_MAX;
        if (i >= ARRAY_SIZE(known))
            return BAD_ARGUMENT;
        wanted[i] = true;
    }
    memcpy(selected, wanted, sizeof(selected));
    return OK;
}

static bool is_selected(const char *name)
{
    unsigned i = find_known(name);
    return i == ARRAY_SIZE(known) || selected[i];
}

static void sink_write(struct console_sink *sink, const char *text, size_t length)
{
    struct console_sink *before = in_use;
    in_use = sink;
    sink->write(sink, text, length);
    in_use = before;
}

typedef void sink_operation(struct console_sink *sink);

// Calls one of a sink's optional operations.
static void sink_call(struct console_sink *sink, sink_operation *operation)
{
    struct console_sink *before = in_use;
    if (!operation)
        return;
    in_use = sink;
    operation(sink);
    in_use = before;
}

// The sinks that work, one after the other.
static struct console_sink *working(struct console_sink *sink)
{
    while (sink && sink->is_broken)
        sink = sink->next;
    return sink;
}

#define FOREACH_SINK(sink) \
    for (struct console_sink *sink = working(sinks); sink; sink = working(sink->next))

static bool replay_line(void *context, const char *line, size_t length)
{
    sink_write(context, line, length);
    return true;
}

void console_add_sink(struct console_sink *sink)
{
    if (!is_selected(sink->name)) {
        log_info("console: %s left out, as asked", sink->name);
        return;
    }
    log_replay(log_console_level(), replay_line, sink);
    sink->next = sinks;
    sinks = sink;
}

void console_add_source(struct console_source *source)
{
    if (!is_selected(source->name))
        return;
    source->next = sources;
    sources = source;
}

struct console_sink *console_sinks(void)
{
    return sinks;
}

struct console_source *console_sources(void)
{
    return sources;
}

void console_write(const char *text, size_t length)
{
    FOREACH_SINK (sink)
        sink_write(sink, text, length);
}

static void print_through_filter(const char *text, size_t length)
{
    if (filter)
        filter(text, length);
    else
        console_write(text, length);
}

void print_text(const char *text)
{
    print_through_filter(text, strlen(text));
}

void print(const char *format, ...)
{
    char text[PRINT_MAX + 1];
    va_list args;
    va_start(args, format);
    size_t length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_through_filter(text, length < sizeof(text) ? length : sizeof(text) - 1);
}

console_filter *console_set_filter(console_filter *between)
{
    console_filter *before = filter;
    filter = between;
    return before;
}

void console_set_prompt(const struct console_prompt *typed)
{
    prompt = typed;
}

void console_write_above(const char *text, size_t length)
{
    const struct console_prompt *hidden = prompt;
    prompt = NULL; // what hiding and showing may log is written as it is
    if (hidden)
        hidden->hide();
    console_write(text, length);
    if (hidden)
        hidden->show();
    prompt = hidden;
}

void console_style(const char *parameters)
{
    char text[32];
    size_t length = snprintf(text, sizeof(text), "\033[%sm", parameters);
    ASSERT(length < sizeof(text));
    FOREACH_SINK (sink)
        if (sink->is_styled)
            sink_write(sink, text, length);
}

void console_show(void)
{
    FOREACH_SINK (sink)
        sink_call(sink, sink->show);
}

void console_flush(void)
{
    FOREACH_SINK (sink)
        sink_call(sink, sink->flush);
}

void console_scroll(int pages)
{
    FOREACH_SINK (sink)
        if (sink->scroll)
            sink->scroll(sink, pages);
}

struct console_size console_size(void)
{
    struct console_size size = {UINT32_MAX, UINT32_MAX};
    FOREACH_SINK (sink) {
        if (sink->columns && sink->columns < size.columns)
            size.columns = sink->columns;
        if (sink->rows && sink->rows < size.rows)
            size.rows = sink->rows;
    }
    if (size.columns == UINT32_MAX)
        size.columns = 80;
    if (size.rows == UINT32_MAX)
        size.rows = 24;
    return size;
}

int console_read(void)
{
    for (struct console_source *source = sources; source; source = source->next) {
        int c = source->read(source);
        if (c < 0)
            continue;
        last_source = source->name;
        return c;
    }
    console_show();
    return -1;
}

const char *console_last_source(void)
{
    return last_source;
}

void console_panic(void)
{
    static bool again;
    if (again && in_use)
        in_use->is_broken = true;
    again = true;
    in_use = NULL;
    filter = NULL;
    prompt = NULL;
    FOREACH_SINK (sink)
        sink_call(sink, sink->reset);
}
