// The 16550's registers, and what the driver's parts know of one.
#pragma once

#include "arch/x86_64/io.h"
#include "drivers/debug_line.h"
#include "drivers/uart16550.h"
#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/lock.h"
#include "kernel/timer.h"
#include "lib/bits.h"

enum uart_register { // [16550]
    REG_DATA = 0,    // and the divisor's low byte while LCR_DLAB is set
    REG_IER = 1,     // and its high byte
    REG_IIR = 2,     // read
    REG_FCR = 2,     // written
    REG_LCR = 3,
    REG_MCR = 4,
    REG_LSR = 5,
    REG_MSR = 6,
    REG_SCRATCH = 7,
    REG_COUNT = 8,
};

enum {
    IER_DATA = BIT(0),      // something has been received
    IER_THR_EMPTY = BIT(1), // and something can be sent
    FCR_ENABLE = BIT(0),
    FCR_CLEAR = BIT(1) | BIT(2), // both FIFOs
    IIR_NONE = BIT(0),           // nothing has interrupted
    IIR_ID = BITS(3, 1),
    IIR_MODEM = 0,
    IIR_TIME_OUT = 6,           // characters are in the FIFO, and no more come
    IIR_FIFO = BIT(7) | BIT(6), // both set: a FIFO that works
    LCR_8N1 = 3,
    LCR_DLAB = BIT(7),
    MCR_DTR = BIT(0),
    MCR_RTS = BIT(1),
    MCR_OUT1 = BIT(2),
    MCR_OUT2 = BIT(3), // in a PC: the way of its interrupt to the line
    MCR_LOOP = BIT(4),
    LSR_DATA = BIT(0),
    LSR_OVERRUN = BIT(1), // characters were lost; reading clears it
    LSR_FRAMING = BIT(3), // of the character that is read next: it has no stop bit,
    LSR_BREAK = BIT(4),   // or is no character, but a line that was low for long
    LSR_THR_EMPTY = BIT(5),
    LSR_IDLE = BIT(6), // and the shift register too
    MSR_CTS = BIT(4),
    MSR_DSR = BIT(5),
    MSR_RI = BIT(6),
    MSR_DCD = BIT(7),
    MSR_INPUTS = MSR_CTS | MSR_DSR | MSR_RI | MSR_DCD,
    UART_ABSENT = 0xff,
};

enum {
    COM1 = 0x3f8,
    COM2 = 0x2f8,
    COM3 = 0x3e8,
    COM4 = 0x2e8,
    BAUD_MAX = 115200,
    FIFO_DEPTH = 16,
    RECEIVED_MAX = 4096,
    UNSENT_MAX = 1024, // 90 ms of the fastest line: what is lost where everything hangs
};

#define STALL_NS 500000000ull // 16 characters at 1200 baud take 133 ms
#define PROBE_NS 100000000ull
#define KEEP_NS  100000000ull  // the pause after which no more of a packet comes
#define LOST_NS  1000000000ull // an interrupt that hasn't come after this won't

enum uart_mode {
    UART_POLLED,
    UART_TRYING, // its interrupt is on, and hasn't come yet: polled
    UART_INTERRUPTS,
};

struct uart {
    struct uart_config config;
    volatile void *registers; // MMIO only
    unsigned fifo_depth;
    struct lock lock;  // of the registers and all that follows
    bool is_panicking; // then without it: who has it may be stopped
    enum uart_mode mode;
    uint8_t ier;              // what is in the register
    bool was_served;          // an interrupt on its way may find nothing to do
    uint64_t missed_since_ns; // an interrupt is due; 0: none
    bool stalled;
    bool has_dropped; // text, since it was stalled
    bool has_lost;    // characters, and nobody has been told yet
    uint64_t next_warning_ns;
    unsigned unsent_first, unsent_count; // two rings
    unsigned first, count;
    bool is_called;   // a debugger: what comes is left to it
    unsigned kept;    // the last of those received, of which it isn't known whether they are typed
    uint64_t kept_ns; // since when
    struct timer release; // looks at them again
    uint8_t unsent[UNSENT_MAX];
    uint8_t received[RECEIVED_MAX]; // what has been taken from the receiver
    struct irq_handler handler;
    struct console_sink sink;
    struct console_source source;
    enum debug_line_verdict (*judge)(uint8_t byte); // the debugger's; NULL: there is none
    void (*reset_judge)(void);
    void (*encode)(const char *text, size_t length); // NULL: the line isn't the debugger's
};

static inline uint8_t uart_read(const struct uart *u, enum uart_register reg)
{
    switch (u->config.access) {
    case UART_MMIO:
        return ((volatile uint8_t *)u->registers)[reg];
    case UART_MMIO32:
        return (uint8_t)((volatile uint32_t *)u->registers)[reg];
    default:
        return port_read8((uint16_t)(u->config.address + reg));
    }
}

static inline void uart_write(const struct uart *u, enum uart_register reg, uint8_t value)
{
    switch (u->config.access) {
    case UART_MMIO:
        ((volatile uint8_t *)u->registers)[reg] = value;
        break;
    case UART_MMIO32:
        ((volatile uint32_t *)u->registers)[reg] = value;
        break;
    default:
        port_write8((uint16_t)(u->config.address + reg), value);
    }
}

must_use static inline uintptr_t uart_lock(struct uart *u)
{
    return u->is_panicking ? arch_irq_save() : lock_irqsave(&u->lock);
}

static inline void uart_unlock(struct uart *u, uintptr_t state)
{
    if (u->is_panicking)
        arch_irq_restore(state);
    else
        unlock_irqrestore(&u->lock, state);
}

// The console's; NULL where there is none.
struct uart *uart_in_use(void);

// What the option serial= has said, or COM1.
const struct uart_config *uart_wanted(void);

// --- uart16550_probe.c ---------------------------------------------------------------------------

// Finds the registers, and whether a UART loops back there. What turns out to be something else is
// put back.
must_use enum status uart_map(struct uart *u);
must_use bool uart_loops_back(struct uart *u);

// Speed, format and FIFOs; interrupts off.
void uart_set_up(struct uart *u);

// --- uart16550_line.c: with the UART's lock held -------------------------------------------------

// A look at the line status. What has arrived is taken out at once: sending 16 characters takes as
// long as receiving 16, which is all that the receiver's FIFO holds.
uint8_t uart_look(struct uart *u);

void uart_set_ier(struct uart *u, uint8_t ier);

// What can be read of what has been received: without that which may be a debugger's. That is no
// longer kept back when its end doesn't come.
unsigned uart_readable(struct uart *u);

// Takes as much of the text as there is room for; returns how much.
size_t uart_put(struct uart *u, const char *text, size_t length);

// Gives an empty transmitter what waits for it, as far as its FIFO holds it.
void uart_fill(struct uart *u);

// --- And without it ------------------------------------------------------------------------------

// Looks until a bit of the line status is set; false after `limit_ns`.
bool uart_wait_status(struct uart *u, uint8_t bit, uint64_t limit_ns);

// Sends some of what waits, by polling. One that takes nothing for STALL_NS has stalled: then all
// of it is dropped, and false is returned at once from now on, until it takes something again.
bool uart_send_some(struct uart *u);

// Sends all of it.
void uart_drain(struct uart *u);

// --- uart16550_interrupt.c -----------------------------------------------------------------------

// Has what waits sent, by its interrupts if they are known to come. After each text.
void uart_send_later(struct uart *u);

// With nothing else to do, now and then: gives interrupts up that don't come. `status` as just
// looked at.
void uart_check_interrupts(struct uart *u, uint8_t status);
