// The console: one stream of text to every sink, keys from every source.

#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "lib/format.h"
#include "lib/string.h"

static struct console_sink *sinks;
static struct console_source *sources;

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

static bool replay_line(void *context, const char *line, size_t length)
{
    struct console_sink *sink = context;
    sink->write(sink, line, length);
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

void console_write(const char *text, size_t length)
{
    for (struct console_sink *sink = sinks; sink; sink = sink->next)
        sink->write(sink, text, length);
}

void print_text(const char *text)
{
    console_write(text, strlen(text));
}

void print(const char *format, ...)
{
    char text[PRINT_MAX + 1];
    va_list args;
    va_start(args, format);
    size_t length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    console_write(text, length < sizeof(text) ? length : sizeof(text) - 1);
}

void console_flush(void)
{
    for (struct console_sink *sink = sinks; sink; sink = sink->next)
        if (sink->flush)
            sink->flush(sink);
}

int console_read(void)
{
    for (struct console_source *source = sources; source; source = source->next) {
        int c = source->read(source);
        if (c >= 0)
            return c;
    }
    return -1;
}
