// The debugger's line.

#include "drivers/debug_line.h"
#include "drivers/uart16550_priv.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/timer.h"
#include "lib/format.h"
#include "lib/string.h"

static struct uart own;   // gdb= names it
static struct uart *line; // that one, or the console's
static const struct debug_line_user *user;
static struct timer caller;
static bool was_locked_out; // whether nobody's lock counted before

OPTION(gdb, "com1|com2|0xPORT|mmio:0xADDR[,BAUD|,keep]", "a UART for GDB alone")
{
    return uart_parse(value, &own.config) ? OK : BAD_ARGUMENT;
}

bool debug_line_is_own(void)
{
    return line == &own;
}

const char *debug_line_name(void)
{
    static char name[48];
    snprintf(name, sizeof(name), "%s at %s0x%lx", debug_line_is_own() ? "UART" : "serial console",
             line->config.access == UART_PORT ? "port " : "", line->config.address);
    return name;
}

static void call(void *context)
{
    (void)context;
    user->called();
}

void debug_line_call(void)
{
    timer_arm(&caller, 0);
}

// --- While the machine runs ----------------------------------------------------------------------

// Of a line of its own nothing is typed.
static bool handle(struct irq_handler *handler)
{
    bool has_asked = false;
    (void)handler;
    for (unsigned i = 0; i < RECEIVED_MAX && !own.is_called; i++) {
        (void)uart_read(&own, REG_IIR);
        uint8_t status = uart_read(&own, REG_LSR);
        if (status == UART_ABSENT || !(status & LSR_DATA))
            break;
        has_asked = true;
        own.is_called = user->judge(uart_read(&own, REG_DATA)) == DEBUG_LINE_CALL;
        if (own.is_called)
            debug_line_call();
    }
    has_asked |= own.was_served;
    own.was_served = false;
    return has_asked;
}

static enum status add_interrupt(void)
{
    bool is_first = own.config.address == COM1 || own.config.address == COM3;
    if (own.config.access != UART_PORT)
        return NOT_SUPPORTED;
    own.handler = (struct irq_handler){.name = "debugger", .handle = handle};
    enum status status = irq_add_isa(is_first ? 4 : 3, &own.handler);
    if (status == OK)
        uart_set_ier(&own, IER_DATA);
    return status;
}

static void use_console(void)
{
    if (!line)
        return;
    line->judge = user->judge;
    line->reset_judge = user->reset;
}

void debug_line_take(bool is_taken)
{
    if (!debug_line_is_own())
        line->encode = is_taken ? user->encode : NULL;
}

// --- In a talk -----------------------------------------------------------------------------------

void debug_line_begin(void)
{
    was_locked_out = line->is_panicking;
    line->is_panicking = true;
    line->is_called = true; // what comes is read here alone
    uart_drain(line);
}

void debug_line_end(void)
{
    uart_drain(line);
    line->is_called = false;
    line->was_served = true; // an interrupt may be on its way for what has been read
    line->is_panicking = was_locked_out;
}

int debug_line_read(void)
{
    uint8_t status = uart_read(line, REG_LSR);
    if (status == UART_ABSENT || !(status & LSR_DATA))
        return -1;
    uint8_t byte = uart_read(line, REG_DATA);
    return status & (LSR_FRAMING | LSR_BREAK) ? -1 : byte;
}

void debug_line_write(const char *bytes, size_t length)
{
    while (length) {
        uintptr_t state = uart_lock(line);
        size_t taken = uart_put(line, bytes, length);
        uart_unlock(line, state);
        bytes += taken;
        length -= taken;
        if (length && !uart_send_some(line))
            return;
    }
    if (line->is_panicking) // nor does an interrupt come
        uart_drain(line);
    else
        uart_send_later(line);
}

// --- Start ---------------------------------------------------------------------------------------

static enum status open_own(void)
{
    const struct uart_config *console = uart_console();
    if (console && console->access == own.config.access && console->address == own.config.address)
        return NOT_FOUND; // it is the console's, which is taken when it is asked for
    enum status status = uart_map(&own);
    if (status != OK)
        return status;
    if (!uart_loops_back(&own))
        log_warn("gdb: nothing loops back at 0x%lx; used all the same", own.config.address);
    uart_set_up(&own);
    return OK;
}

enum status debug_line_start(const struct debug_line_user *the_user)
{
    user = the_user;
    timer_init(&caller, call, NULL, "debugger");
    if (own.config.is_explicit && open_own() == OK) {
        line = &own;
        if (add_interrupt() != OK)
            log_warn("gdb: no interrupt for the UART at 0x%lx: it can't stop what runs",
                     own.config.address);
        return OK;
    }
    line = uart_in_use();
    use_console();
    return line ? OK : NOT_FOUND;
}
