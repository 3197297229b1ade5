// What goes over the line: the two rings, and the ways between them and the registers.

#include "arch/arch.h"
#include "drivers/uart16550_priv.h"
#include "kernel/clock.h"
#include "lib/string.h"

void uart_set_ier(struct uart *u, uint8_t ier)
{
    if (ier == u->ier)
        return;
    u->ier = ier;
    uart_write(u, REG_IER, ier);
}

// Reading the status has cleared it there.
static void note_overrun(struct uart *u, uint8_t status)
{
    u->has_lost |= status != UART_ABSENT && status & LSR_OVERRUN;
}

// For what may be a debugger's, the last byte included.
static void judge(struct uart *u, uint8_t byte)
{
    enum debug_line_verdict verdict = u->judge(byte);
    u->kept++;
    u->kept_ns = clock_ns();
    if (verdict == DEBUG_LINE_KEEP) {
        if (!u->is_panicking)
            timer_arm(&u->release, u->kept_ns + KEEP_NS);
        return;
    }
    if (verdict != DEBUG_LINE_PASS)
        u->count -= u->kept;
    u->kept = 0;
    u->is_called = verdict == DEBUG_LINE_CALL;
    if (u->is_called && !u->is_panicking) // a panic looks itself
        debug_line_call();
}

unsigned uart_readable(struct uart *u)
{
    if (u->kept && (u->count == RECEIVED_MAX || clock_ns() - u->kept_ns >= KEEP_NS)) {
        u->kept = 0;
        u->reset_judge();
    }
    return u->count - u->kept;
}

// A ring that is full leaves the rest where it is, and asks for no interrupt about it: whoever
// sends may be able to wait.
uint8_t uart_look(struct uart *u)
{
    uint8_t status = uart_read(u, REG_LSR), now = status;
    note_overrun(u, now);
    for (unsigned i = 0; i < RECEIVED_MAX && u->count < RECEIVED_MAX; i++) {
        if (now == UART_ABSENT || !(now & LSR_DATA) || u->is_called)
            break;
        uint8_t byte = uart_read(u, REG_DATA);
        if (!(now & (LSR_FRAMING | LSR_BREAK))) {
            u->received[(u->first + u->count++) % RECEIVED_MAX] = byte;
            if (u->judge)
                judge(u, byte);
        }
        now = uart_read(u, REG_LSR);
        note_overrun(u, now);
    }
    if (u->count == RECEIVED_MAX)
        uart_set_ier(u, u->ier & (uint8_t)~IER_DATA);
    return status;
}

size_t uart_put(struct uart *u, const char *text, size_t length)
{
    size_t room = UNSENT_MAX - u->unsent_count, taken = length < room ? length : room;
    unsigned at = (u->unsent_first + u->unsent_count) % UNSENT_MAX;
    size_t before_end = taken < UNSENT_MAX - at ? taken : UNSENT_MAX - at;
    memcpy(u->unsent + at, text, before_end);
    memcpy(u->unsent, text + before_end, taken - before_end);
    u->unsent_count += (unsigned)taken;
    return taken;
}

// As much as is in one piece.
static size_t fill_once(struct uart *u, size_t room)
{
    size_t length = UNSENT_MAX - u->unsent_first;
    length = length < u->unsent_count ? length : u->unsent_count;
    length = length < room ? length : room;
    const uint8_t *from = u->unsent + u->unsent_first;
    if (u->config.access == UART_PORT)
        port_write_bytes((uint16_t)u->config.address, from, length);
    else
        for (size_t i = 0; i < length; i++)
            uart_write(u, REG_DATA, from[i]);
    u->unsent_first = (unsigned)((u->unsent_first + length) % UNSENT_MAX);
    u->unsent_count -= (unsigned)length;
    return length;
}

void uart_fill(struct uart *u)
{
    size_t sent = fill_once(u, u->fifo_depth);
    if (u->unsent_count && sent < u->fifo_depth)
        (void)fill_once(u, u->fifo_depth - sent);
}

static uint8_t poll(struct uart *u)
{
    uintptr_t state = uart_lock(u);
    uint8_t status = uart_look(u);
    u->was_served |= (status & LSR_DATA) != 0;
    uart_unlock(u, state);
    return status;
}

bool uart_wait_status(struct uart *u, uint8_t bit, uint64_t limit_ns)
{
    if (poll(u) & bit)
        return true;
    uint64_t start = clock_ns();
    while (!(poll(u) & bit)) {
        if (clock_ns() - start > limit_ns)
            return false;
        arch_pause();
    }
    return true;
}

// Another look behind the wait: an interrupt may have come in between.
static void fill_if_empty(struct uart *u)
{
    uintptr_t state = uart_lock(u);
    if (uart_look(u) & LSR_THR_EMPTY) {
        uart_fill(u);
        u->was_served = true;
    }
    uart_unlock(u, state);
}

static void drop_unsent(struct uart *u)
{
    uintptr_t state = uart_lock(u);
    u->has_dropped |= u->unsent_count > 0;
    u->unsent_count = 0;
    uart_unlock(u, state);
}

bool uart_send_some(struct uart *u)
{
    u->stalled =
        u->stalled ? !(poll(u) & LSR_THR_EMPTY) : !uart_wait_status(u, LSR_THR_EMPTY, STALL_NS);
    if (u->stalled)
        drop_unsent(u);
    else
        fill_if_empty(u);
    return !u->stalled;
}

void uart_drain(struct uart *u)
{
    while (u->unsent_count && uart_send_some(u))
        ;
}
