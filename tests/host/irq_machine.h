// kernel/irq.c with processors, memory and time of the test's own, and a controller that notes what
// it is told and delivers only where it should.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "kernel/irq.c"
#include "kernel/platform.c"

enum { CPUS = 4, INPUTS = 24, FIRST_GSI = 8, REACHABLE = 3, FIRST_VECTOR = 0x30 };

static struct percpu cpus[CPUS];
static unsigned cpus_known = CPUS;
static uint64_t now_ns;
static bool memory_fails;

static struct {
    bool is_masked[INPUTS], was_set_up[INPUTS];
    bool is_level[INPUTS], is_low[INPUTS];
    uint32_t cpu[INPUTS];
    uint8_t vector[INPUTS];
    unsigned acknowledged, masks;
    uint8_t given; // vectors, of whatever processor
    enum status take_fails, set_up_fails;
} chip_state;

unsigned percpu_count(void)
{
    return cpus_known;
}

struct percpu *percpu_get(uint32_t cpu)
{
    return cpu < cpus_known ? &cpus[cpu] : NULL;
}

uint64_t clock_ns(void)
{
    return now_ns;
}

void *kcalloc(size_t count, size_t size)
{
    return memory_fails ? NULL : calloc(count, size);
}

void *krealloc(void *memory, size_t size)
{
    return memory_fails ? NULL : realloc(memory, size);
}

static enum status take_vector(struct irq_chip *chip, struct irq_line *line, uint32_t cpu,
                               uint8_t *vector)
{
    (void)chip, (void)line;
    if (chip_state.take_fails != OK)
        return chip_state.take_fails;
    if (cpu >= REACHABLE)
        return OUT_OF_RANGE;
    *vector = (uint8_t)(FIRST_VECTOR + chip_state.given++);
    return OK;
}

static enum status set_up(struct irq_chip *chip, const struct irq_line *line)
{
    unsigned input = line->input;
    (void)chip;
    assert_true(chip_state.is_masked[input]); // or it could come half set up
    if (chip_state.set_up_fails != OK)
        return chip_state.set_up_fails;
    chip_state.was_set_up[input] = true;
    chip_state.is_level[input] = line->is_level;
    chip_state.is_low[input] = line->is_low;
    chip_state.cpu[input] = line->cpu;
    chip_state.vector[input] = line->vector;
    return OK;
}

static void mask(struct irq_chip *chip, unsigned input)
{
    (void)chip;
    chip_state.is_masked[input] = true;
    chip_state.masks++;
}

static void unmask(struct irq_chip *chip, unsigned input)
{
    (void)chip;
    assert_true(chip_state.was_set_up[input]);
    chip_state.is_masked[input] = false;
}

static void acknowledge(struct irq_chip *chip, unsigned input)
{
    (void)chip, (void)input;
    chip_state.acknowledged++;
}

static struct irq_chip chip;

static void forget_lines(void)
{
    while (lines) {
        struct irq_line *next = lines->next;
        free(lines->vectors);
        free(lines);
        lines = next;
    }
}

static void machine_reset(void)
{
    forget_lines();
    memset(&chip_state, 0, sizeof(chip_state));
    memset(chip_state.is_masked, true, sizeof(chip_state.is_masked));
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i].is_online = true;
    cpus_known = CPUS;
    memory_fails = false;
    log_forget();
    chip = (struct irq_chip){.name = "fake chip",
                             .first_gsi = FIRST_GSI,
                             .inputs = INPUTS,
                             .take_vector = take_vector,
                             .set_up = set_up,
                             .mask = mask,
                             .unmask = unmask,
                             .acknowledge = acknowledge};
    chips = NULL;
    assert_int_equal(irq_chip_add(&chip), OK);
}

struct device {
    struct irq_handler handler; // first
    bool asks;
    unsigned calls;
};

static bool serve(struct irq_handler *handler)
{
    struct device *device = (struct device *)handler;
    device->calls++;
    return device->asks;
}

#define DEVICE(called)                                               \
    {                                                                \
        .handler = {.name = (called), .handle = serve}, .asks = true \
    }

// What the controller does when the line is raised; not while it is masked.
static bool raise_line(uint32_t gsi)
{
    struct irq_line *line = find_line(gsi);
    if (!line || chip_state.is_masked[gsi - FIRST_GSI])
        return false;
    irq_deliver(line);
    return true;
}
