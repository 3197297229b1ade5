// The pair of 8259: out of the way where there are I/O APICs, or else the controller of all lines.
//
// A request that is gone when the processor asks for its vector is answered with input 7 of
// either, without having been taken into service: only the in-service register tells
// [8259A, "interrupt sequence"]. So it happens while everything is masked, too.

#include "arch/x86_64/pic.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/vector.h"
#include "kernel/irq.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "lib/bits.h"

enum { // [8259A]: ports
    PORT_COMMAND = 0x20,
    PORT_DATA = 0x21,  // the mask, but behind ICW1
    PORT_SLAVE = 0x80, // added to both
    PORT_ELCR = 0x4d0, // which inputs are level: of the chip set, not of the 8259
    INPUTS = 8,        // of each
    CASCADE = 2,       // the master's input that the slave is at
    SPURIOUS_INPUT = 7,
};

enum {                // words
    ICW1_INIT = 0x11, // ICW4 comes, cascaded, edges
    ICW4_8086 = 0x01, // and an end of interrupt that has to be sent
    OCW2_END = 0x60,  // of the input in the lower bits
    OCW3_READ_ISR = 0x0b,
};

enum {
    ALL_MASKED = 0xffff,
    ALL_BUT_SLAVE = (uint8_t)~BIT(CASCADE),
    // Timer, keyboard, cascade, clock and FPU are wired into the chip set.
    NEVER_LEVEL = BIT(0) | BIT(1) | BIT(2) | BIT(8) | BIT(13),
};

static struct lock lock; // of what follows
static uint16_t masked = ALL_MASKED;
static bool is_there, has_elcr;
static uint64_t spurious_count;
static struct irq_line *line_of[PLATFORM_ISA_LINES]; // NULL: nobody's

static uint16_t port_of(unsigned input, uint16_t port)
{
    return input >= INPUTS ? port + PORT_SLAVE : port;
}

static uint16_t read_in_service(void)
{
    uint16_t both = 0;
    for (unsigned base = 0; base < PLATFORM_ISA_LINES; base += INPUTS) {
        port_write8(port_of(base, PORT_COMMAND), OCW3_READ_ISR);
        both |= (uint16_t)(port_read8(port_of(base, PORT_COMMAND)) << base);
    }
    return both;
}

static void end(unsigned input)
{
    if (input >= INPUTS)
        port_write8(PORT_COMMAND + PORT_SLAVE, (uint8_t)(OCW2_END | (input - INPUTS)));
    port_write8(PORT_COMMAND, (uint8_t)(OCW2_END | (input >= INPUTS ? CASCADE : input)));
}

// The master has taken the slave's request into service, though the slave has none.
static void note_spurious(unsigned input)
{
    spurious_count++;
    if (input >= INPUTS)
        port_write8(PORT_COMMAND, OCW2_END | CASCADE);
}

static bool is_spurious(unsigned input)
{
    if (line_of[input] && input % INPUTS != SPURIOUS_INPUT)
        return false;
    return !(read_in_service() & BIT(input));
}

// What nobody waits for was raised before it was masked.
static void raised(void *context)
{
    unsigned input = (unsigned)(uintptr_t)context;
    uintptr_t state = lock_irqsave(&lock);
    bool spurious = is_spurious(input);
    if (spurious)
        note_spurious(input);
    else if (!line_of[input])
        end(input);
    struct irq_line *line = spurious ? NULL : line_of[input];
    unlock_irqrestore(&lock, state);
    if (line)
        irq_deliver(line);
}

uint64_t pic_spurious_count(void)
{
    return spurious_count;
}

// --- As controller of lines ----------------------------------------------------------------------

static void write_mask(unsigned input)
{
    port_write8(port_of(input, PORT_DATA), (uint8_t)(input >= INPUTS ? masked >> INPUTS : masked));
}

static void set_mask(unsigned input, bool is_masked)
{
    uintptr_t state = lock_irqsave(&lock);
    masked = (uint16_t)(is_masked ? masked | BIT(input) : masked & ~BIT(input));
    write_mask(input);
    unlock_irqrestore(&lock, state);
}

static void mask(struct irq_chip *chip, unsigned input)
{
    (void)chip;
    set_mask(input, true);
}

static void unmask(struct irq_chip *chip, unsigned input)
{
    (void)chip;
    set_mask(input, false);
}

static void acknowledge(struct irq_chip *chip, unsigned input)
{
    (void)chip;
    uintptr_t state = lock_irqsave(&lock);
    end(input);
    unlock_irqrestore(&lock, state);
}

// It interrupts the boot processor, and nobody else.
static enum status take_vector(struct irq_chip *chip, struct irq_line *line, uint32_t cpu,
                               uint8_t *vector)
{
    (void)chip;
    if (cpu != 0 || line->input == CASCADE)
        return OUT_OF_RANGE;
    line_of[line->input] = line;
    *vector = (uint8_t)(VECTOR_PIC + line->input);
    return OK;
}

// Low levels are all that it shares lines by; a line that isn't level takes edges that rise.
static enum status set_up(struct irq_chip *chip, const struct irq_line *line)
{
    uint16_t port = (uint16_t)(PORT_ELCR + line->input / INPUTS);
    uint8_t bit = (uint8_t)BIT(line->input % INPUTS);
    (void)chip;
    if (!has_elcr || NEVER_LEVEL & BIT(line->input))
        return line->is_level ? NOT_SUPPORTED : OK;
    uint8_t levels = port_read8(port);
    uint8_t wanted = line->is_level ? levels | bit : levels & (uint8_t)~bit;
    if (wanted != levels)
        port_write8(port, wanted);
    return port_read8(port) == wanted ? OK : FAILED;
}

// --- Start ---------------------------------------------------------------------------------------

// [8259A, "initialization command words"]: ICW1 is followed by the vector of input 0, by where the
// slave is, and by the mode. It leaves everything unmasked.
static void start(unsigned base)
{
    port_write8(port_of(base, PORT_COMMAND), ICW1_INIT);
    port_write8(port_of(base, PORT_DATA), (uint8_t)(VECTOR_PIC + base));
    port_write8(port_of(base, PORT_DATA), base ? CASCADE : BIT(CASCADE));
    port_write8(port_of(base, PORT_DATA), ICW4_8086);
    write_mask(base);
}

// The mask is the only register that keeps what is written.
static bool answers(void)
{
    masked = ALL_MASKED;
    write_mask(INPUTS);
    port_write8(PORT_DATA, ALL_BUT_SLAVE);
    return port_read8(PORT_DATA) == ALL_BUT_SLAVE;
}

static bool find_elcr(void)
{
    uint16_t levels = (uint16_t)(port_read8(PORT_ELCR) | port_read8(PORT_ELCR + 1) << INPUTS);
    return !(levels & NEVER_LEVEL);
}

void pic_init(void)
{
    if (!platform.has_pic)
        return;
    uintptr_t state = lock_irqsave(&lock);
    is_there = answers();
    for (unsigned base = 0; base < PLATFORM_ISA_LINES && is_there; base += INPUTS)
        start(base);
    unlock_irqrestore(&lock, state);
    if (!is_there)
        log_info("irq: no 8259 at port 0x%x", PORT_COMMAND);
    for (unsigned input = 0; input < PLATFORM_ISA_LINES && is_there; input++)
        vector_set((uint8_t)(VECTOR_PIC + input), raised, (void *)(uintptr_t)input, "8259");
}

enum status pic_enable(void)
{
    static struct irq_chip chip = {.name = "8259",
                                   .inputs = PLATFORM_ISA_LINES,
                                   .is_isa = true,
                                   .take_vector = take_vector,
                                   .set_up = set_up,
                                   .mask = mask,
                                   .unmask = unmask,
                                   .acknowledge = acknowledge};
    if (!is_there)
        return NOT_FOUND;
    has_elcr = find_elcr();
    set_mask(CASCADE, false);
    return irq_chip_add(&chip);
}
