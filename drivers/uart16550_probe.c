// Whether there is a UART, and how it is set up.

#include "drivers/uart16550_priv.h"
#include "mm/vspace.h"

enum status uart_map(struct uart *u)
{
    size_t size = REG_COUNT * (u->config.access == UART_MMIO32 ? 4 : 1);
    void *mapped;
    if (u->config.access == UART_PORT)
        return OK;
    enum status status = vspace_map_mmio(u->config.address, size, MAP_UNCACHED, "serial", &mapped);
    if (status == OK)
        u->registers = mapped;
    return status;
}

// In loopback mode the modem's outputs are its inputs: RTS is CTS, DTR is DSR, OUT1 is RI and OUT2
// is DCD. Unlike data this needs no speed, format or FIFO to be set.
static bool lines_follow(const struct uart *u, uint8_t outputs, uint8_t inputs)
{
    uart_write(u, REG_MCR, MCR_LOOP | outputs);
    return (uart_read(u, REG_MSR) & MSR_INPUTS) == inputs;
}

bool uart_loops_back(struct uart *u)
{
    if (uart_read(u, REG_LSR) == UART_ABSENT)
        return false;
    (void)uart_wait_status(u, LSR_IDLE, PROBE_NS); // what the firmware has sent goes out first
    uint8_t mcr = uart_read(u, REG_MCR);
    bool good = lines_follow(u, MCR_RTS | MCR_OUT2, MSR_CTS | MSR_DCD) &&
                lines_follow(u, MCR_DTR | MCR_OUT1, MSR_DSR | MSR_RI);
    uart_write(u, REG_MCR, mcr);
    return good;
}

static void set_line(const struct uart *u)
{
    uint16_t divisor = (uint16_t)(BAUD_MAX / u->config.baud);
    uart_write(u, REG_LCR, LCR_DLAB);
    uart_write(u, REG_DATA, (uint8_t)divisor);
    uart_write(u, REG_IER, (uint8_t)(divisor >> 8));
    uart_write(u, REG_LCR, LCR_8N1);
}

void uart_set_up(struct uart *u)
{
    uint8_t lcr = uart_read(u, REG_LCR);
    if (!u->config.keep)
        set_line(u);
    else if (lcr & LCR_DLAB) // left open: what is sent would set the speed
        uart_write(u, REG_LCR, lcr & (uint8_t)~LCR_DLAB);
    uart_write(u, REG_IER, 0);
    uart_write(u, REG_FCR, FCR_ENABLE | FCR_CLEAR);
    u->count = 0;
    uart_write(u, REG_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    u->fifo_depth = (uart_read(u, REG_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_DEPTH : 1;
}

// Reading the data or the interrupt identification would take something away from whoever uses the
// UART, so these are left alone.
bool uart_answers(uint16_t port)
{
    static const uint8_t patterns[] = {0x2a, 0xd5};
    const struct uart u = {.config = {.access = UART_PORT, .address = port}};
    if (uart_read(&u, REG_LSR) == UART_ABSENT || uart_read(&u, REG_MCR) == UART_ABSENT)
        return false;
    uint8_t before = uart_read(&u, REG_SCRATCH);
    bool good = true;
    for (unsigned i = 0; i < ARRAY_SIZE(patterns) && good; i++) {
        uart_write(&u, REG_SCRATCH, patterns[i]);
        (void)uart_read(&u, REG_LCR); // the bus may keep what was written last
        good = uart_read(&u, REG_SCRATCH) == patterns[i];
    }
    uart_write(&u, REG_SCRATCH, before);
    return good;
}
