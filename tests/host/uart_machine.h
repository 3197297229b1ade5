// A model of the 16550 and its relatives behind the ports, with time that passes only by accesses,
// and the little of the kernel that the driver asks for.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "drivers/uart16550.c"

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
    char output[OUTPUT_MAX];
    size_t length;
} chip;

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

void console_add_source(struct console_source *added)
{
    source = added;
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

// [16550] table II, with the bits that a polled driver can see.
uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(size, 1);
    pass_time(ACCESS_NS);
    let_arrive();
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
        if (!(chip.fcr & 1) || chip.chip == CHIP_16450)
            return 0x01;
        return chip.chip == CHIP_16550A ? 0xc1 : 0x81; // the first 16550's FIFO doesn't work
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

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    pass_time(ACCESS_NS);
    chip.writes++;
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
            chip.ier = (uint8_t)value;
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
    uart = (struct uart){.stalled = false};
    config = (struct uart_config){UART_PORT, COM1, BAUD_MAX, false, false};
    if (option)
        assert_int_equal(option_set_serial(option), OK);
    return driver_start_uart16550();
}
