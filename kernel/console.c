// The console: one stream of text to every sink, keys from every source.

#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/option.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/thread.h"
#include "kernel/wait.h"
#include "lib/format.h"
#include "lib/string.h"

static struct console_sink *sinks;
static struct console_source *sources;
static struct console_sink *in_use; // whose code is running now
static const struct console_prompt *prompt;
static struct console_source *last_source;
static unsigned bytes_in_a_row; // that came from it

static struct mutex writing; // of the sinks and the prompt
static bool is_panicking;    // it doesn't count any more

static struct wait_queue waiting; // for a source
static uint64_t notified;         // how often

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

// Who shows a prompt comes here twice; an interrupt may find somebody here.
static bool enter(void)
{
    if (is_panicking || mutex_is_own(&writing))
        return false;
    if (mutex_try_lock(&writing))
        return true;
    if (this_cpu()->interrupted)
        return false;
    mutex_lock(&writing);
    return true;
}

static void leave(bool has_entered)
{
    if (has_entered)
        mutex_unlock(&writing);
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
    while (sink && (sink->is_broken || sink->is_left_out))
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

static void use_sink(struct console_sink *sink)
{
    sink->is_left_out = false;
    log_sync(); // or it would be shown twice on this one
    log_replay(log_console_level(), replay_line, sink);
}

void console_add_sink(struct console_sink *sink)
{
    sink->is_left_out = !is_selected(sink->name);
    if (sink->is_left_out)
        log_info("console: %s left out, as asked", sink->name);
    else
        use_sink(sink);
    sink->next = sinks;
    sinks = sink;
}

void console_add_source(struct console_source *source)
{
    source->is_left_out = !is_selected(source->name);
    source->next = sources;
    sources = source;
}

void console_ensure(void)
{
    if (working(sinks) || !sinks)
        return;
    for (struct console_sink *sink = sinks; sink; sink = sink->next)
        if (!sink->is_broken)
            use_sink(sink);
    for (struct console_source *source = sources; source; source = source->next)
        source->is_left_out = false;
    log_warn("console: what was asked for isn't there, so all others are used");
}

struct console_sink *console_find_sink(const char *name)
{
    struct console_sink *sink = sinks;
    while (sink && !string_equal(sink->name, name))
        sink = sink->next;
    return sink;
}

struct console_sink *console_sinks(void)
{
    return sinks;
}

struct console_source *console_find_source(const char *name)
{
    struct console_source *source = sources;
    while (source && !string_equal(source->name, name))
        source = source->next;
    return source;
}

struct console_source *console_sources(void)
{
    return sources;
}

void console_write(const char *text, size_t length)
{
    bool has_entered = enter();
    FOREACH_SINK (sink)
        sink_write(sink, text, length);
    leave(has_entered);
}

static void print_bytes(const char *text, size_t length)
{
    struct console_stream *stream = thread_self()->stream;
    if (stream && (!is_panicking || arch_own_percpu()->scheduler.aside))
        stream->write(stream, text, length);
    else
        console_write_above(text, length);
}

void print_text(const char *text)
{
    print_bytes(text, strlen(text));
}

void print(const char *format, ...)
{
    char text[PRINT_MAX + 1];
    va_list args;
    va_start(args, format);
    size_t length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_bytes(text, length < sizeof(text) ? length : sizeof(text) - 1);
}

struct console_stream *console_stream(void)
{
    return thread_self()->stream;
}

struct console_stream *console_set_stream(struct console_stream *stream)
{
    struct console_stream *before = thread_self()->stream;
    thread_self()->stream = stream;
    return before;
}

void console_hold(void)
{
    (void)enter();
    prompt = NULL;
}

void console_release(const struct console_prompt *typed)
{
    prompt = typed;
    leave(mutex_is_own(&writing));
}

void console_write_above(const char *text, size_t length)
{
    bool has_entered = enter();
    const struct console_prompt *hidden = prompt;
    prompt = NULL; // what hiding and showing may log is written as it is
    if (hidden)
        hidden->hide();
    console_write(text, length);
    if (hidden)
        hidden->show();
    prompt = hidden;
    leave(has_entered);
}

void console_style(const char *parameters)
{
    char text[32];
    size_t length = snprintf(text, sizeof(text), "\033[%sm", parameters);
    ASSERT(length < sizeof(text));
    bool has_entered = enter();
    FOREACH_SINK (sink)
        if (sink->is_styled)
            sink_write(sink, text, length);
    leave(has_entered);
}

void console_show(void)
{
    bool has_entered = enter();
    FOREACH_SINK (sink)
        sink_call(sink, sink->show);
    leave(has_entered);
}

void console_flush(void)
{
    bool has_entered = enter();
    FOREACH_SINK (sink)
        sink_call(sink, sink->flush);
    leave(has_entered);
}

void console_scroll(int pages)
{
    bool has_entered = enter();
    FOREACH_SINK (sink) {
        struct console_sink *before = in_use;
        in_use = sink;
        if (sink->scroll)
            sink->scroll(sink, pages);
        in_use = before;
    }
    leave(has_entered);
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

static struct console_source *behind(const struct console_source *source)
{
    return source && source->next ? source->next : sources;
}

// Where to look first: what a key sends mustn't be torn apart, but a source that never ends mustn't
// silence the others.
static struct console_source *first_source(void)
{
    enum { IN_A_ROW = 64 };
    if (last_source && bytes_in_a_row < IN_A_ROW)
        return last_source;
    bytes_in_a_row = 0;
    return behind(last_source);
}

int console_read(void)
{
    struct console_source *first = first_source(), *source = first;
    while (source) {
        int c = source->is_left_out ? -1 : source->read(source);
        if (c >= 0) {
            bytes_in_a_row = source == last_source ? bytes_in_a_row + 1 : 1;
            last_source = source;
            return c;
        }
        source = behind(source);
        if (source == first)
            break;
    }
    return -1;
}

void console_notify(void)
{
    uintptr_t state = lock_irqsave(&waiting.lock);
    notified++;
    wait_grant_all(&waiting);
    unlock_irqrestore(&waiting.lock, state);
    thread_preempt();
}

uint64_t console_notified(void)
{
    return __atomic_load_n(&notified, __ATOMIC_RELAXED);
}

void console_wait(uint64_t seen, uint64_t deadline_ns)
{
    uintptr_t state = lock_irqsave(&waiting.lock);
    if (notified == seen)
        (void)wait_on(&waiting, &state, deadline_ns);
    unlock_irqrestore(&waiting.lock, state);
}

const struct console_source *console_last_source(void)
{
    return last_source;
}

const char *console_panic(void)
{
    static bool again;
    const char *dropped = NULL;
    if (again && in_use) {
        in_use->is_broken = true;
        dropped = in_use->name;
    }
    again = true;
    is_panicking = true;
    in_use = NULL;
    prompt = NULL;
    FOREACH_SINK (sink)
        sink_call(sink, sink->reset);
    return dropped;
}
