// A model of the pair of 8259 [8259A] and the chip set's trigger registers, as the processor and
// the devices see it.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "arch/x86_64/pic.c"
#include "kernel/platform.c"

static struct model_8259 {
    bool is_absent, has_no_elcr, elcr_is_stuck;
    struct chip_8259 {
        uint8_t mask, requested, in_service, base, lines, levels;
        unsigned words;     // of initialization that are still to come
        bool reads_service; // at the command port; otherwise requests
        uint8_t cascade, mode;
        unsigned starts;
    } chips[2];
    unsigned writes;
} pair;

static void update(struct chip_8259 *chip)
{
    chip->requested |= chip->lines & chip->levels;
    chip->requested &= chip->lines; // a request that is taken away is gone
}

static int highest(const struct chip_8259 *chip)
{
    for (int i = 0; i < 8; i++) {
        if (chip->in_service & 1 << i)
            return -1;
        if (chip->requested & ~chip->mask & 1 << i)
            return i;
    }
    return -1;
}

static void update_all(void)
{
    update(&pair.chips[1]);
    unsigned before = pair.chips[0].lines;
    pair.chips[0].lines = (uint8_t)((before & ~4u) | (highest(&pair.chips[1]) >= 0 ? 4u : 0));
    if (pair.chips[0].lines & ~before & 4)
        pair.chips[0].requested |= 4;
    update(&pair.chips[0]);
}

// A device changes its line.
static inline void drive(unsigned input, bool is_high)
{
    struct chip_8259 *chip = &pair.chips[input / 8];
    uint8_t bit = (uint8_t)(1u << input % 8);
    if (is_high && !(chip->lines & bit))
        chip->requested |= bit;
    chip->lines = is_high ? chip->lines | bit : chip->lines & (uint8_t)~bit;
    update_all();
}

static inline bool is_asking(void)
{
    return highest(&pair.chips[0]) >= 0;
}

static unsigned take(struct chip_8259 *chip)
{
    int input = highest(chip);
    if (input < 0)
        return 7; // spurious: nothing is in service
    chip->in_service |= (uint8_t)(1 << input);
    if (!(chip->levels & 1 << input))
        chip->requested &= (uint8_t) ~(1 << input);
    return (unsigned)input;
}

// The processor's acknowledge cycles; returns the vector.
static inline unsigned acknowledge_cycle(void)
{
    unsigned input = take(&pair.chips[0]);
    if (input != 2 || !(pair.chips[0].in_service & 4))
        return pair.chips[0].base + input;
    input = take(&pair.chips[1]);
    return pair.chips[1].base + input;
}

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(size, 1);
    if ((port == 0x4d0 || port == 0x4d1) && !pair.has_no_elcr)
        return pair.chips[port - 0x4d0].levels;
    if (pair.is_absent || (port & ~0x81) != 0x20)
        return 0xff;
    struct chip_8259 *chip = &pair.chips[port >= 0xa0];
    if (port & 1)
        return chip->mask;
    return chip->reads_service ? chip->in_service : chip->requested;
}

static void initialize(struct chip_8259 *chip, uint8_t word)
{
    chip->mask = chip->in_service = chip->requested = 0;
    chip->reads_service = false;
    assert_int_equal(word, 0x11);
    chip->words = 3;
    chip->starts++;
}

static void write_data(struct chip_8259 *chip, uint8_t value)
{
    switch (chip->words) {
    case 3:
        assert_int_equal(value & 7, 0);
        chip->base = value;
        break;
    case 2:
        chip->cascade = value;
        break;
    case 1:
        chip->mode = value;
        break;
    default:
        chip->mask = value;
        return;
    }
    chip->words--;
}

static void write_command(struct chip_8259 *chip, uint8_t value)
{
    if (value & 0x10)
        initialize(chip, value);
    else if (value & 0x08)
        chip->reads_service = value & 2 ? value & 1 : chip->reads_service;
    else if ((value & 0xe0) == 0x60) // a specific end of interrupt
        chip->in_service &= (uint8_t) ~(1 << (value & 7));
    else
        fail_msg("command 0x%x", value);
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    pair.writes++;
    if (port == 0x4d0 || port == 0x4d1) {
        assert_int_equal(value & (port == 0x4d0 ? 0x07 : 0x21), 0);
        if (!pair.elcr_is_stuck)
            pair.chips[port - 0x4d0].levels = (uint8_t)value;
        return;
    }
    assert_int_equal(port & ~0x81, 0x20);
    struct chip_8259 *chip = &pair.chips[port >= 0xa0];
    if (pair.is_absent)
        return;
    if (port & 1)
        write_data(chip, (uint8_t)value);
    else
        write_command(chip, (uint8_t)value);
    update_all();
}

// --- What the driver asks the kernel for ---------------------------------------------------------

static struct {
    vector_function *run;
    void *context;
} vectors[256];

static struct irq_chip *registered;
static struct irq_line *delivered;
static unsigned deliveries;

void vector_set(uint8_t vector, vector_function *run, void *context, const char *name)
{
    assert_non_null(name);
    vectors[vector].run = run;
    vectors[vector].context = context;
}

enum status irq_chip_add(struct irq_chip *chip)
{
    registered = chip;
    return OK;
}

void irq_deliver(void *line)
{
    delivered = line;
    deliveries++;
    if (delivered->handlers) // the device's, which lets go of its line
        (void)delivered->handlers->handle(delivered->handlers);
    registered->acknowledge(registered, delivered->input);
}

// Lets the processor take what is asked for; returns the vector, 0 where nothing is.
static inline unsigned interrupt(void)
{
    if (!is_asking())
        return 0;
    unsigned vector = acknowledge_cycle();
    assert_non_null(vectors[vector].run);
    vectors[vector].run(vectors[vector].context);
    return vector;
}

static inline void machine_reset(void)
{
    memset(&pair, 0, sizeof(pair));
    memset(vectors, 0, sizeof(vectors));
    memset(line_of, 0, sizeof(line_of));
    pair.chips[0].base = 0x08; // as a BIOS has them
    pair.chips[1].base = 0x70;
    pair.chips[0].mask = 0xb8;
    pair.chips[1].mask = 0x8f;
    registered = NULL;
    deliveries = 0;
    spurious_count = 0;
    platform.has_pic = true;
    log_forget();
}
