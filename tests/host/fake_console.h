// A console for code that prints and waits for keys: kernel/console.c with a sink and a source of
// the test's own. The source holds 256 bytes, as drivers/uart16550.c does, and one byte arrives
// for each that is sent; what finds it full is lost.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"
#include "tests/host/fake_threads.h"

#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/console.c"

enum { RECEIVER_SIZE = 256 };

static struct {
    const char *line; // what comes over the line, as it is sent
    size_t line_length;
    uint8_t receiver[RECEIVER_SIZE];
    unsigned received, lost;
    char keyboard[64]; // what is typed at the keyboard, without limit
    unsigned keyboard_length;
    char output[200000];
    size_t length;
    unsigned shows;
    int scrolled;
    void (*idle)(void); // when somebody waits and nothing comes
    uint64_t now;
} fake;

void log_replay(enum log_level level, bool (*take)(void *context, const char *line, size_t length),
                void *context)
{
    (void)level, (void)take, (void)context;
}

enum log_level log_console_level(void)
{
    return LOG_INFO;
}

void panic(const char *format, ...)
{
    fail_msg("panic: %s", format);
    abort();
}

uint64_t clock_ns(void)
{
    return fake.now += 1000000;
}

static void fake_receive(void)
{
    if (!fake.line_length)
        return;
    uint8_t byte = (uint8_t)*fake.line++;
    fake.line_length--;
    if (fake.received == RECEIVER_SIZE)
        fake.lost++;
    else
        fake.receiver[fake.received++] = byte;
}

static void fake_output(struct console_sink *sink, const char *text, size_t length)
{
    (void)sink;
    for (size_t i = 0; i < length; i++) {
        assert_true(fake.length < sizeof(fake.output) - 1);
        fake.output[fake.length++] = text[i];
        fake_receive();
    }
    fake.output[fake.length] = 0;
}

static void fake_show(struct console_sink *sink)
{
    (void)sink;
    fake.shows++;
}

static void fake_scroll(struct console_sink *sink, int pages)
{
    (void)sink;
    fake.scrolled += pages;
}

static int fake_read_line(struct console_source *source)
{
    (void)source;
    if (!fake.received)
        return -1;
    int byte = fake.receiver[0];
    fake.received--;
    for (unsigned i = 0; i < fake.received; i++)
        fake.receiver[i] = fake.receiver[i + 1];
    return byte;
}

static int fake_read_keyboard(struct console_source *source)
{
    (void)source;
    if (!fake.keyboard_length)
        return -1;
    int byte = (uint8_t)fake.keyboard[0];
    fake.keyboard_length--;
    for (unsigned i = 0; i < fake.keyboard_length; i++)
        fake.keyboard[i] = fake.keyboard[i + 1];
    return byte;
}

static struct console_sink fake_sink = {.name = "serial",
                                        .columns = 20,
                                        .rows = 5,
                                        .write = fake_output,
                                        .show = fake_show,
                                        .scroll = fake_scroll};
static struct console_source fake_line = {.name = "serial", .read = fake_read_line};
static struct console_source fake_keyboard = {
    .name = "screen", .is_local = true, .read = fake_read_keyboard};

static inline void fake_send(const char *text)
{
    fake.line = text;
    fake.line_length = strlen(text);
}

static inline void fake_type(const char *text)
{
    for (; *text; text++)
        fake.keyboard[fake.keyboard_length++] = *text;
}

// In place of a wait: what is sent arrives, then the test's own turn.
static void fake_wait(void)
{
    if (fake.line_length)
        fake_receive();
    else if (fake.idle)
        fake.idle();
    else
        fail_msg("waits for ever");
}

static inline void fake_start(void)
{
    fake.length = fake.received = fake.lost = fake.keyboard_length = fake.shows = 0;
    fake.line_length = 0;
    fake.output[0] = 0;
    fake.idle = NULL;
    fake.scrolled = 0;
    fake_thread.stream = NULL;
    writing.owner = 0;
    fake_sink.columns = 20;
    fake_sink.rows = 5;
    if (sinks)
        return;
    console_add_sink(&fake_sink);
    console_add_source(&fake_line);
    console_add_source(&fake_keyboard);
}

static inline void fake_forget_output(void)
{
    fake.length = 0;
    fake.output[0] = 0;
}
