// A model of the 16550 and its relatives behind the ports, with time that passes only by accesses,
// a processor that is interrupted where it allows that, and the little of the kernel that the
// driver asks for.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "arch/arch.h"

static uintptr_t fake_irq_save(void);
static void fake_irq_restore(uintptr_t state);
#define arch_irq_save    fake_irq_save
#define arch_irq_restore fake_irq_restore

#include "drivers/uart16550.c"
#include "drivers/uart16550_interrupt.c"
#include "drivers/uart16550_line.c"
#include "drivers/uart16550_option.c"
#include "drivers/uart16550_probe.c"
#include "kernel/platform.c"

enum { OUTPUT_MAX = 1 << 16, ACCESS_NS = 1000, CHARACTER_NS = 86806 };

enum chip { CHIP_ABSENT, CHIP_16450, CHIP_16550, CHIP_16550A, CHIP_DEAF, CHIP_STUCK };

static struct {
    enum chip chip;
    uint16_t base;
    uint8_t ier, lcr, mcr, fcr, dll, dlm, scratch;
    unsigned sending; // characters in the transmitter
    uint64_t sent_at; // when the one before has left
    uint8_t looped;
    bool held; // the other side takes nothing
    uint8_t input[32];
    unsigned inputs;
    const char *coming;  // what the other side is sending, a character in CHARACTER_NS
    uint64_t arrived_at; // when the one before came
    bool has_overrun;
    uint8_t error; // of the next character: LSR bits 3 and 4
    unsigned overruns, line_writes, writes;
    bool thr_told; // the interrupt for an empty transmitter has been read, or never came about
    bool is_high;  // its line
    char output[OUTPUT_MAX];
    size_t length;
} chip;

// The way of its line to the processor.
static struct {
    enum status status;   // of adding a handler
    bool is_dead;         // nothing ever comes through
    bool is_off;          // by the processor
    bool is_pending;      // an edge
    unsigned count, idle; // interrupts, and those that nobody claimed
    uint32_t line;
    bool is_isa, is_level, is_low;
    struct irq_handler *handler;
} irq;

static uint8_t first_lcr = 0x1b; // as firmware has left it
static uint64_t now_ns;
static struct console_sink *sink;
static struct console_source *source;

uint64_t clock_ns(void)
{
    return now_ns;
}

void console_add_sink(struct console_sink *added)
{
    sink = added;
}

static unsigned notified;

void console_notify(void)
{
    notified++;
}

static uint64_t armed_ns; // the timer
static unsigned calls;    // of the debugger

void timer_init(struct timer *timer, timer_function *run, void *context, const char *name)
{
    *timer = (struct timer){.run = run, .context = context, .name = name};
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    assert_non_null(timer->run);
    armed_ns = deadline_ns;
}

void debug_line_call(void)
{
    calls++;
}

void console_add_source(struct console_source *added)
{
    source = added;
}

enum status irq_add(uint32_t gsi, bool is_level, bool is_low, struct irq_handler *handler)
{
    irq.line = gsi;
    irq.is_level = is_level;
    irq.is_low = is_low;
    irq.is_isa = false;
    if (irq.status == OK)
        irq.handler = handler;
    return irq.status;
}

enum status irq_add_isa(unsigned isa_line, struct irq_handler *handler)
{
    enum status status = irq_add(isa_line, false, false, handler);
    irq.is_isa = true;
    return status;
}

enum status irq_remove(uint32_t gsi, struct irq_handler *handler)
{
    assert_true(gsi == irq.line && handler == irq.handler);
    assert_false(irq.is_off);
    irq.handler = NULL;
    return OK;
}

enum status irq_remove_isa(unsigned isa_line, struct irq_handler *handler)
{
    assert_true(irq.is_isa);
    return irq_remove(isa_line, handler);
}

// [16550, table V], by priority.
static uint8_t interrupt_id(void)
{
    if (chip.ier & 1 && chip.inputs)
        return 0x04;
    if (chip.ier & 2 && !chip.sending && !chip.thr_told)
        return 0x02;
    return 0x01;
}

static void update_line(void)
{
    bool is_high = chip.mcr & 8 && !(interrupt_id() & 1);
    irq.is_pending |= is_high && !chip.is_high;
    chip.is_high = is_high;
}

static void let_interrupt(void)
{
    while (irq.is_pending && !irq.is_off && irq.handler && !irq.is_dead) {
        irq.is_pending = false;
        irq.is_off = true;
        irq.count++;
        irq.idle += !irq.handler->handle(irq.handler);
        irq.is_off = false;
    }
}

static uintptr_t fake_irq_save(void)
{
    uintptr_t before = irq.is_off;
    irq.is_off = true;
    return before;
}

static void fake_irq_restore(uintptr_t state)
{
    irq.is_off = state;
    let_interrupt();
}

static unsigned depth(void)
{
    return chip.chip == CHIP_16550A && chip.fcr & 1 ? 16 : 1;
}

static void pass_time(uint64_t ns)
{
    now_ns += ns;
    while (chip.sending && !chip.held && now_ns - chip.sent_at >= CHARACTER_NS) {
        chip.sending--;
        chip.sent_at += CHARACTER_NS;
        chip.thr_told = false;
        if (chip.mcr & 0x10 && chip.chip != CHIP_DEAF && chip.inputs < sizeof(chip.input))
            chip.input[chip.inputs++] = chip.looped;
    }
}

// A receiver that is full drops what comes [16550, LSR bit 1].
static void let_arrive(void)
{
    unsigned room = chip.chip == CHIP_16550A && chip.fcr & 1 ? 16 : 1;
    for (; chip.coming && *chip.coming && now_ns - chip.arrived_at >= CHARACTER_NS;
         chip.arrived_at += CHARACTER_NS) {
        if (chip.inputs < room)
            chip.input[chip.inputs++] = (uint8_t)*chip.coming;
        else
            chip.has_overrun = true;
        chip.coming++;
    }
    update_line();
}

// The processor does something else, and is interrupted meanwhile.
static void compute(uint64_t ns)
{
    for (; ns; ns -= ns < CHARACTER_NS / 4 ? ns : CHARACTER_NS / 4) {
        pass_time(ns < CHARACTER_NS / 4 ? ns : CHARACTER_NS / 4);
        let_arrive();
        let_interrupt();
    }
}

static uint8_t line_status(void)
{
    uint8_t status = (chip.inputs ? 0x01u : 0) | (chip.has_overrun ? 0x02u : 0) | chip.error |
                     (chip.sending ? 0 : 0x60u);
    chip.has_overrun = false;
    return status;
}

static void transmit(uint8_t c)
{
    c &= (uint8_t)(0xff >> (3 - (chip.lcr & 3))); // words have 5 to 8 bits
    chip.overruns += chip.sending == depth();
    if (!chip.sending++)
        chip.sent_at = now_ns;
    chip.thr_told = false;
    if (chip.mcr & 0x10) // loopback: it arrives when it has been sent, and not on the line
        chip.looped = c;
    else if (chip.length < OUTPUT_MAX)
        chip.output[chip.length++] = (char)c;
}

static uint8_t receive(void)
{
    if (!chip.inputs)
        return 0;
    uint8_t c = chip.input[0];
    chip.inputs--;
    memmove(chip.input, chip.input + 1, chip.inputs);
    return c;
}

static uint8_t identify(void)
{
    uint8_t id = interrupt_id();
    chip.thr_told |= id == 0x02;
    if (!(chip.fcr & 1) || chip.chip == CHIP_16450)
        return id;
    return id | (chip.chip == CHIP_16550A ? 0xc0 : 0x80); // the first 16550's FIFO doesn't work
}

// Switching the transmitter's interrupt on while it is empty raises it.
static void write_ier(uint8_t value)
{
    if (value & ~chip.ier & 2)
        chip.thr_told = false;
    chip.ier = value;
}

// [16550] table II, with the bits that the driver can see.
static uint8_t read_chip(uint16_t port)
{
    if (chip.chip == CHIP_ABSENT || port < chip.base || port >= chip.base + 8)
        return 0xff;
    if (chip.chip == CHIP_STUCK)
        return 0;
    bool latch = chip.lcr & 0x80;
    switch (port - chip.base) {
    case 0:
        return latch ? chip.dll : receive();
    case 1:
        return latch ? chip.dlm : chip.ier;
    case 2:
        return identify();
    case 3:
        return chip.lcr;
    case 4:
        return chip.mcr;
    case 5:
        return line_status();
    case 6: // in loopback the modem's outputs are its inputs
        if (!(chip.mcr & 0x10) || chip.chip == CHIP_DEAF)
            return 0xb0;
        return (chip.mcr & 2u) << 3 | (chip.mcr & 1u) << 5 | (chip.mcr & 4u) << 4 |
               (chip.mcr & 8u) << 4;
    default:
        return chip.scratch;
    }
}

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(size, 1);
    pass_time(ACCESS_NS);
    let_arrive();
    uint8_t value = read_chip(port);
    update_line();
    let_interrupt();
    return value;
}

static void write_chip(uint16_t port, uint32_t value)
{
    if (chip.chip == CHIP_ABSENT || chip.chip == CHIP_STUCK)
        return;
    assert_in_range(port, chip.base, chip.base + 7);
    bool latch = chip.lcr & 0x80;
    switch (port - chip.base) {
    case 0:
        if (latch)
            chip.dll = (uint8_t)value, chip.line_writes++;
        else
            transmit((uint8_t)value);
        break;
    case 1:
        if (latch)
            chip.dlm = (uint8_t)value, chip.line_writes++;
        else
            write_ier((uint8_t)value);
        break;
    case 2:
        chip.fcr = (uint8_t)value;
        if (value & 2)
            chip.inputs = 0;
        if (value & 4)
            chip.sending = 0;
        break;
    case 3:
        chip.lcr = (uint8_t)value, chip.line_writes++;
        break;
    case 4:
        chip.mcr = (uint8_t)value;
        break;
    case 7:
        chip.scratch = (uint8_t)value;
        break;
    }
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    pass_time(ACCESS_NS);
    let_arrive();
    chip.writes++;
    write_chip(port, value);
    update_line();
    let_interrupt();
}

static struct {
    enum status status;
    paddr_t address;
    size_t size;
    void *registers;
} mmio;

enum status vspace_map_mmio(paddr_t address, size_t size, unsigned type, const char *name,
                            void **mapped)
{
    (void)name;
    assert_int_equal(type, MAP_UNCACHED);
    mmio.address = address;
    mmio.size = size;
    *mapped = mmio.registers;
    return mmio.status;
}

static enum status start(enum chip kind, uint16_t base, const char *option)
{
    memset(&chip, 0, sizeof(chip));
    chip.chip = kind;
    chip.base = base;
    chip.lcr = first_lcr, chip.dll = 0x34, chip.dlm = 0x12, chip.mcr = 0x03;
    sink = NULL;
    source = NULL;
    memset(&irq, 0, sizeof(irq));
    uart = (struct uart){.stalled = false};
    config = (struct uart_config){UART_PORT, COM1, BAUD_MAX, false, false};
    if (option)
        assert_int_equal(option_set_serial(option), OK);
    return driver_start_uart16550();
}
