// The 16550 UART and its relatives as console: polled at first, by interrupts when there are some.
//
// A port that isn't there reads 0xff or doesn't loop back, and is left alone. One that stops
// taking characters costs one time-out, and then drops text until it takes some again.

#include "arch/arch.h"
#include "drivers/uart16550_priv.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/log.h"

static struct uart uart;

static void send(struct uart *u, const char *text, size_t length)
{
    while (length) {
        uintptr_t state = uart_lock(u);
        size_t taken = uart_put(u, text, length);
        uart_unlock(u, state);
        text += taken;
        length -= taken;
        if (length && !uart_send_some(u)) {
            u->has_dropped = true;
            return;
        }
    }
}

// Whoever takes text again is told that some is missing.
static bool mark_gap(struct uart *u)
{
    static const char mark[] = "\r\n[some output is lost]\r\n";
    if (!u->has_dropped)
        return true;
    if (!uart_send_some(u))
        return false;
    u->has_dropped = false;
    send(u, mark, sizeof(mark) - 1);
    return true;
}

static void write_text(struct console_sink *sink, const char *text, size_t length)
{
    struct uart *u = &uart;
    (void)sink;
    if (u->encode) {
        u->encode(text, length);
        return;
    }
    if (!mark_gap(u))
        return;
    while (length) {
        size_t size = 0;
        while (size < length && text[size] != '\n')
            size++;
        send(u, text, size);
        if (size < length) {
            send(u, "\r\n", 2);
            size++;
        }
        text += size;
        length -= size;
    }
    uart_send_later(u);
}

static void flush(struct console_sink *sink)
{
    (void)sink;
    uart_drain(&uart);
    if (!uart.stalled)
        (void)uart_wait_status(&uart, LSR_IDLE, STALL_NS);
}

// What the rings hold is still true, or at least harmless; who has the lock may never give it back.
static void reset(struct console_sink *sink)
{
    struct uart *u = &uart;
    (void)sink;
    u->is_panicking = true;
    u->mode = UART_POLLED;
    u->source.interrupts = false;
    u->ier = 0;
    uart_write(u, REG_IER, 0);
    u->first %= RECEIVED_MAX;
    u->unsent_first %= UNSENT_MAX;
    u->kept = 0;
    if (u->count > RECEIVED_MAX)
        u->count = 0;
    if (u->unsent_count > UNSENT_MAX)
        u->unsent_count = 0;
    uart_drain(u);
}

// Once a second at most: what is logged here goes out on this line, too.
static void warn_of_loss(struct uart *u)
{
    const uint64_t pause_ns = 1000000000;
    uint64_t now = clock_ns();
    if (!u->has_lost || now < u->next_warning_ns)
        return;
    u->has_lost = false;
    u->next_warning_ns = now + pause_ns;
    log_warn("serial: characters came too fast, and some are lost");
}

// Half a ring of room, and the interrupt is wanted again.
static int take_received(struct uart *u)
{
    if (!uart_readable(u))
        return -1;
    uint8_t c = u->received[u->first];
    u->first = (u->first + 1) % RECEIVED_MAX;
    u->count--;
    if (u->mode != UART_POLLED && u->count < RECEIVED_MAX / 2)
        uart_set_ier(u, u->ier | IER_DATA);
    return c;
}

// Looks itself, too, interrupt or not: so one that is lost costs nothing but a moment.
static int read_key(struct console_source *source)
{
    struct uart *u = &uart;
    (void)source;
    uintptr_t state = uart_lock(u);
    uint8_t status = uart_readable(u) ? 0 : uart_look(u);
    u->was_served |= status != UART_ABSENT && status & LSR_DATA;
    int c = take_received(u);
    uart_unlock(u, state);
    warn_of_loss(u);
    if (c < 0)
        uart_check_interrupts(u, status);
    return c;
}

struct uart *uart_in_use(void)
{
    return uart.sink.write ? &uart : NULL;
}

const struct uart_config *uart_console(void)
{
    return uart.sink.write ? &uart.config : NULL;
}

static void look_again(void *context)
{
    (void)context;
    console_notify();
}

CONSOLE_DRIVER(uart16550)
{
    struct uart *u = &uart;
    u->config = *uart_wanted();
    enum status status = uart_map(u);
    if (status != OK)
        return status;
    bool found = uart_loops_back(u);
    if (!found && !u->config.is_explicit) {
        log_info("serial: no UART at 0x%lx", u->config.address);
        return NOT_FOUND;
    }
    uart_set_up(u);
    timer_init(&u->release, look_again, NULL, "serial");
    log_info("serial: UART at %s0x%lx%s, %s", u->config.access == UART_PORT ? "port " : "",
             u->config.address, u->fifo_depth > 1 ? " with FIFO" : "",
             found ? "loops back" : "doesn't loop back, but was asked for");
    u->sink = (struct console_sink){
        .name = "serial", .write = write_text, .flush = flush, .reset = reset};
    u->source = (struct console_source){.name = "serial", .read = read_key};
    console_add_sink(&u->sink);
    console_add_source(&u->source);
    return OK;
}
