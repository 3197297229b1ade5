// The 16550 UART and its relatives, polled, as console.
//
// A port that isn't there reads 0xff or doesn't loop back, and is left alone. One that stops
// taking characters costs one time-out, and then drops text until it takes some again.

#include "drivers/uart16550.h"
#include "arch/arch.h"
#include "arch/x86_64/io.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/vspace.h"

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
    FCR_ENABLE = BIT(0),
    FCR_CLEAR = BIT(1) | BIT(2), // both FIFOs
    IIR_FIFO = BIT(7) | BIT(6),  // both set: a FIFO that works
    LCR_8N1 = 3,
    LCR_DLAB = BIT(7),
    MCR_DTR = BIT(0),
    MCR_RTS = BIT(1),
    MCR_OUT1 = BIT(2),
    MCR_OUT2 = BIT(3),
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
    ABSENT = 0xff,
};

enum { COM1 = 0x3f8, COM2 = 0x2f8, BAUD_MAX = 115200, FIFO_DEPTH = 16, RECEIVED_MAX = 256 };

#define STALL_NS 500000000ull // 16 characters at 1200 baud take 133 ms
#define PROBE_NS 100000000ull

struct uart {
    struct uart_config config;
    volatile void *registers; // MMIO only
    unsigned fifo_depth;
    bool stalled;
    bool has_dropped;               // text, since it was stalled
    uint8_t received[RECEIVED_MAX]; // a ring of what has been taken from the receiver
    unsigned first, count;
    bool has_lost; // and nobody has been told yet
    uint64_t next_warning_ns;
    struct console_sink sink;
    struct console_source source;
};

static struct uart_config config = {UART_PORT, COM1, BAUD_MAX, false, false};
static struct uart uart;

OPTION(serial, "com1|com2|0xPORT|mmio:0xADDR|mmio32:0xADDR[,BAUD|,keep]",
       "where the serial console is; COM1 at 115200 baud if not said")
{
    return uart_parse(value, &config) ? OK : BAD_ARGUMENT;
}

static bool parse_address(const char *text, struct uart_config *parsed)
{
    return string_starts_with(text, "0x") && parse_u64(text, &parsed->address) &&
           parsed->address != 0;
}

static bool parse_place(const char *text, struct uart_config *parsed)
{
    static const struct {
        const char *prefix;
        enum uart_access access;
    } spaces[] = {{"mmio:", UART_MMIO}, {"mmio32:", UART_MMIO32}};
    if (string_equal(text, "com1") || string_equal(text, "com2")) {
        parsed->address = text[3] == '1' ? COM1 : COM2;
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(spaces); i++) {
        if (!string_starts_with(text, spaces[i].prefix))
            continue;
        parsed->access = spaces[i].access;
        uint64_t alignment = parsed->access == UART_MMIO32 ? 4 : 1;
        return parse_address(text + strlen(spaces[i].prefix), parsed) &&
               is_aligned(parsed->address, alignment);
    }
    return parse_address(text, parsed) && parsed->address <= 0x10000 - REG_COUNT;
}

static bool parse_speed(const char *text, struct uart_config *parsed)
{
    uint64_t baud;
    if (string_equal(text, "keep"))
        return parsed->keep = true;
    if (!parse_u64(text, &baud) || baud == 0 || baud > BAUD_MAX || BAUD_MAX % baud != 0 ||
        BAUD_MAX / baud > UINT16_MAX)
        return false;
    parsed->baud = (uint32_t)baud;
    return true;
}

bool uart_parse(const char *text, struct uart_config *result)
{
    struct uart_config parsed = {UART_PORT, 0, BAUD_MAX, false, true};
    char place[32];
    const char *comma = strchr(text, ',');
    size_t length = comma ? (size_t)(comma - text) : strlen(text);
    if (!string_copy(place, sizeof(place), text, length) || !parse_place(place, &parsed) ||
        (comma && !parse_speed(comma + 1, &parsed)))
        return false;
    *result = parsed;
    return true;
}

static uint8_t read_register(const struct uart *u, enum uart_register reg)
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

static void write_register(const struct uart *u, enum uart_register reg, uint8_t value)
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

// A look at the line status. What has arrived is taken out at once: sending 16 characters takes as
// long as receiving 16, which is all that the receiver's FIFO holds.
static uint8_t look(struct uart *u)
{
    uint8_t status = read_register(u, REG_LSR), now = status;
    for (unsigned i = 0; i < RECEIVED_MAX && u->count < RECEIVED_MAX; i++) {
        if (now == ABSENT || !(now & LSR_DATA))
            break;
        uint8_t byte = read_register(u, REG_DATA);
        u->has_lost |= (now & LSR_OVERRUN) != 0;
        if (!(now & (LSR_FRAMING | LSR_BREAK)))
            u->received[(u->first + u->count++) % RECEIVED_MAX] = byte;
        now = read_register(u, REG_LSR);
    }
    return status;
}

// Waits until a bit of the line status is set. Returns false after `limit_ns`.
static bool wait_status(struct uart *u, uint8_t bit, uint64_t limit_ns)
{
    if (look(u) & bit)
        return true;
    uint64_t start = clock_ns();
    while (!(look(u) & bit)) {
        if (clock_ns() - start > limit_ns)
            return false;
        arch_pause();
    }
    return true;
}

// In loopback mode the modem's outputs are its inputs: RTS is CTS, DTR is DSR, OUT1 is RI and OUT2
// is DCD. Unlike data this needs no speed, format or FIFO to be set.
static bool lines_follow(const struct uart *u, uint8_t outputs, uint8_t inputs)
{
    write_register(u, REG_MCR, MCR_LOOP | outputs);
    return (read_register(u, REG_MSR) & MSR_INPUTS) == inputs;
}

// Whether there is a UART. What turns out to be something else is put back.
static bool loops_back(struct uart *u)
{
    if (read_register(u, REG_LSR) == ABSENT)
        return false;
    (void)wait_status(u, LSR_IDLE, PROBE_NS); // what the firmware has sent goes out first
    uint8_t mcr = read_register(u, REG_MCR);
    bool good = lines_follow(u, MCR_RTS | MCR_OUT2, MSR_CTS | MSR_DCD) &&
                lines_follow(u, MCR_DTR | MCR_OUT1, MSR_DSR | MSR_RI);
    write_register(u, REG_MCR, mcr);
    return good;
}

static void set_line(const struct uart *u)
{
    uint16_t divisor = (uint16_t)(BAUD_MAX / u->config.baud);
    write_register(u, REG_LCR, LCR_DLAB);
    write_register(u, REG_DATA, (uint8_t)divisor);
    write_register(u, REG_IER, (uint8_t)(divisor >> 8));
    write_register(u, REG_LCR, LCR_8N1);
}

static void set_up(struct uart *u)
{
    uint8_t lcr = read_register(u, REG_LCR);
    if (!u->config.keep)
        set_line(u);
    else if (lcr & LCR_DLAB) // left open: what is sent would set the speed
        write_register(u, REG_LCR, lcr & (uint8_t)~LCR_DLAB);
    write_register(u, REG_IER, 0);
    write_register(u, REG_FCR, FCR_ENABLE | FCR_CLEAR);
    u->count = 0;
    write_register(u, REG_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    u->fifo_depth = (read_register(u, REG_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_DEPTH : 1;
}

static bool ready_to_send(struct uart *u)
{
    u->stalled = u->stalled ? !(read_register(u, REG_LSR) & LSR_THR_EMPTY)
                            : !wait_status(u, LSR_THR_EMPTY, STALL_NS);
    return !u->stalled;
}

static void send(struct uart *u, const char *text, size_t length)
{
    while (length && ready_to_send(u)) {
        size_t chunk = length < u->fifo_depth ? length : u->fifo_depth;
        if (u->config.access == UART_PORT)
            port_write_bytes((uint16_t)u->config.address, text, chunk);
        else
            for (size_t i = 0; i < chunk; i++)
                write_register(u, REG_DATA, (uint8_t)text[i]);
        text += chunk;
        length -= chunk;
    }
    u->has_dropped |= length > 0;
}

// Whoever takes text again is told that some is missing.
static void mark_gap(struct uart *u)
{
    static const char mark[] = "\r\n[some output is lost]\r\n";
    if (!u->has_dropped || !ready_to_send(u))
        return;
    u->has_dropped = false;
    send(u, mark, sizeof(mark) - 1);
}

static void write_text(struct console_sink *sink, const char *text, size_t length)
{
    struct uart *u = &uart;
    (void)sink;
    mark_gap(u);
    while (length) {
        size_t line = 0;
        while (line < length && text[line] != '\n')
            line++;
        send(u, text, line);
        if (line < length) {
            send(u, "\r\n", 2);
            line++;
        }
        text += line;
        length -= line;
    }
}

static void flush(struct console_sink *sink)
{
    (void)sink;
    if (!uart.stalled)
        (void)wait_status(&uart, LSR_IDLE, STALL_NS);
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

static int read_key(struct console_source *source)
{
    struct uart *u = &uart;
    (void)source;
    if (!u->count)
        (void)look(u);
    warn_of_loss(u);
    if (!u->count)
        return -1;
    uint8_t c = u->received[u->first];
    u->first = (u->first + 1) % RECEIVED_MAX;
    u->count--;
    return c;
}

static enum status map_registers(struct uart *u)
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

const struct uart_config *uart_console(void)
{
    return uart.sink.write ? &uart.config : NULL;
}

// Reading the data or the interrupt identification would take something away from whoever uses the
// UART, so these are left alone.
bool uart_answers(uint16_t port)
{
    static const uint8_t patterns[] = {0x2a, 0xd5};
    const struct uart u = {.config = {.access = UART_PORT, .address = port}};
    if (read_register(&u, REG_LSR) == ABSENT || read_register(&u, REG_MCR) == ABSENT)
        return false;
    uint8_t before = read_register(&u, REG_SCRATCH);
    bool good = true;
    for (unsigned i = 0; i < ARRAY_SIZE(patterns) && good; i++) {
        write_register(&u, REG_SCRATCH, patterns[i]);
        (void)read_register(&u, REG_LCR); // the bus may keep what was written last
        good = read_register(&u, REG_SCRATCH) == patterns[i];
    }
    write_register(&u, REG_SCRATCH, before);
    return good;
}

CONSOLE_DRIVER(uart16550)
{
    struct uart *u = &uart;
    u->config = config;
    enum status status = map_registers(u);
    if (status != OK)
        return status;
    bool found = loops_back(u);
    if (!found && !u->config.is_explicit) {
        log_info("serial: no UART at 0x%lx", u->config.address);
        return NOT_FOUND;
    }
    set_up(u);
    log_info("serial: UART at %s0x%lx%s, %s", u->config.access == UART_PORT ? "port " : "",
             u->config.address, u->fifo_depth > 1 ? " with FIFO" : "",
             found ? "loops back" : "doesn't loop back, but was asked for");
    u->sink = (struct console_sink){.name = "serial", .write = write_text, .flush = flush};
    u->source = (struct console_source){.name = "serial", .read = read_key};
    console_add_sink(&u->sink);
    console_add_source(&u->source);
    return OK;
}
