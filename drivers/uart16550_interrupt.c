// The UART's interrupts. They are used once one has come: before, and where none ever does, the
// line is polled.

#include "arch/arch.h"
#include "drivers/uart16550_priv.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/platform.h"

enum { ROUNDS_MAX = 256 }; // more than the rings hold: then it never stops asking

static uint32_t number; // of its line: GSI, or ISA's
static bool is_isa;

// Reading what it is about takes the request for the transmitter away, others go when they are
// served. A time-out without a character is known from some chips, and goes with the data register.
static void serve(struct uart *u, uint8_t iir)
{
    uint8_t status = uart_look(u);
    uint64_t id = field_get(IIR_ID, iir);
    if (id == IIR_TIME_OUT && !(status & LSR_DATA))
        (void)uart_read(u, REG_DATA);
    else if (id == IIR_MODEM)
        (void)uart_read(u, REG_MSR);
    if (!(status & LSR_THR_EMPTY))
        return;
    uart_fill(u);
    if (!u->unsent_count)
        uart_set_ier(u, u->ier & (uint8_t)~IER_THR_EMPTY);
}

static bool serve_all(struct uart *u)
{
    bool has_asked = false;
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        uint8_t iir = uart_read(u, REG_IIR);
        if (iir & IIR_NONE)
            break;
        has_asked = true;
        serve(u, iir);
    }
    return has_asked;
}

// One that finds nothing to do was raised for what somebody who polls has done meanwhile, or the
// last one in its later rounds.
static bool handle(struct irq_handler *handler)
{
    struct uart *u = (struct uart *)((char *)handler - offsetof(struct uart, handler));
    uintptr_t state = uart_lock(u);
    bool has_asked = serve_all(u), was_served = u->was_served;
    if (has_asked && u->mode == UART_TRYING) {
        u->mode = UART_INTERRUPTS;
        u->source.interrupts = true;
    }
    u->was_served = has_asked;
    u->missed_since_ns = 0;
    bool has_received = uart_readable(u);
    uart_unlock(u, state);
    if (has_received)
        console_notify();
    return has_asked || was_served;
}

// An idle transmitter takes the beginning at once, so that what is short costs no interrupt; one
// that is empty again at once, as emulators' are, takes all.
static void start_sending(struct uart *u)
{
    uintptr_t state = uart_lock(u);
    if (!(u->ier & IER_THR_EMPTY)) {
        while (u->unsent_count && uart_look(u) & LSR_THR_EMPTY)
            uart_fill(u);
        if (u->unsent_count)
            uart_set_ier(u, u->ier | IER_THR_EMPTY);
    }
    uart_unlock(u, state);
}

void uart_send_later(struct uart *u)
{
    if (u->mode == UART_INTERRUPTS)
        start_sending(u);
    else
        uart_drain(u);
}

static void give_up(struct uart *u)
{
    uintptr_t state = uart_lock(u);
    u->mode = UART_POLLED;
    u->source.interrupts = false;
    uart_set_ier(u, 0);
    uart_unlock(u, state);
    if (is_isa)
        (void)irq_remove_isa(number, &u->handler);
    else
        (void)irq_remove(number, &u->handler);
    uart_drain(u);
    log_warn("serial: no interrupt comes; polled from here on");
}

// There is something to be sent, the transmitter is empty, and nobody is told of it. Some chips
// raise that anew when it is switched off and on.
static bool is_missing(struct uart *u, uint8_t status)
{
    uintptr_t state = uart_lock(u);
    uint8_t ier = u->ier;
    bool missing = u->mode == UART_TRYING ||
                   (ier & IER_THR_EMPTY && u->unsent_count && status & LSR_THR_EMPTY);
    if (!missing) {
        u->missed_since_ns = 0;
    } else if (!u->missed_since_ns) {
        u->missed_since_ns = clock_ns();
        uart_set_ier(u, ier & (uint8_t)~IER_THR_EMPTY);
        uart_set_ier(u, ier | IER_THR_EMPTY);
    }
    uart_unlock(u, state);
    return missing;
}

void uart_check_interrupts(struct uart *u, uint8_t status)
{
    if (u->mode == UART_POLLED || !is_missing(u, status))
        return;
    uint64_t since = u->missed_since_ns;
    if (since && clock_ns() - since > LOST_NS)
        give_up(u);
}

// --- Start ---------------------------------------------------------------------------------------

// A number that is an ISA line's is driven like that.
static bool find_isa_line(void)
{
    for (unsigned i = 0; i < PLATFORM_ISA_LINES && !is_isa; i++) {
        is_isa = platform.isa[i].gsi == number;
        number = is_isa ? i : number;
    }
    return true;
}

// As PCs have them, by ports; others only where a table says so.
static bool find_line(const struct uart_config *config)
{
    is_isa = config->access == UART_PORT;
    if (is_isa) {
        bool is_first = config->address == COM1 || config->address == COM3;
        number = is_first ? 4 : 3;
        return is_first || config->address == COM2 || config->address == COM4;
    }
    for (unsigned i = 0; i < platform.uart_count; i++) {
        const struct platform_uart *known = &platform.uarts[i];
        number = known->gsi;
        if (known->is_mmio && known->address == config->address && number != PLATFORM_NO_GSI)
            return find_isa_line();
    }
    return false;
}

// Tables don't say how any other line is driven: as PCI's are. Where that is wrong nothing comes,
// or the line is masked for a storm, and the UART is polled.
static enum status add_handler(struct uart *u)
{
    u->handler = (struct irq_handler){.name = "serial", .handle = handle};
    return is_isa ? irq_add_isa(number, &u->handler) : irq_add(number, true, true, &u->handler);
}

// Behind the interrupt controllers, which the console itself doesn't wait for. The empty
// transmitter is what the first interrupt will be about.
DRIVER(uart16550_interrupt)
{
    struct uart *u = uart_in_use();
    if (!u || !find_line(&u->config))
        return NOT_FOUND;
    enum status status = add_handler(u);
    if (status != OK)
        return status == NOT_SUPPORTED || status == OUT_OF_RANGE ? NOT_FOUND : status;
    uintptr_t state = uart_lock(u);
    u->mode = UART_TRYING;
    uart_set_ier(u, IER_DATA | IER_THR_EMPTY);
    uart_unlock(u, state);
    return OK;
}
