// Interrupt lines: who is called when one is raised, whichever controller it comes through.
//
// A line is a global system interrupt [ACPI 5.2.13]; devices may share one. Its handlers are asked
// one after the other, never two at once. A line that storms is masked, and says so in the log.
// docs/interrupts.md has the whole picture.
#pragma once

#include "kernel/lock.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

struct irq_handler {
    const char *name; // the device, for people
    // Serves the device, if it is the one that has asked; returns whether it was. Runs with
    // interrupts off, on any processor; waits for nothing, and neither adds nor removes handlers.
    bool (*handle)(struct irq_handler *handler);
    struct irq_handler *next; // kernel/irq.c's own
};

// Calls the handler whenever the line is raised; the object stays the caller's, and in use until
// irq_remove(). NOT_SUPPORTED: there are no interrupts at all, or none with this trigger and
// polarity, so poll; OUT_OF_RANGE: no controller has that line, or none of the processors can be
// reached from it; BAD_ARGUMENT: others have the line with another trigger or polarity, which is
// logged; NO_MEMORY; FAILED: the controller doesn't keep what it is told. A line that was masked
// for its storm is tried again. Any context but handlers and NMI; the same for those below.
must_use enum status irq_add(uint32_t gsi, bool is_level, bool is_low, struct irq_handler *handler);

// The same for what was an ISA line (0 to 15), wherever the firmware has wired it to.
must_use enum status irq_add_isa(unsigned isa_line, struct irq_handler *handler);

// When it returns, the handler isn't running anywhere and won't be called again. NOT_FOUND where
// it isn't there.
enum status irq_remove(uint32_t gsi, struct irq_handler *handler);
enum status irq_remove_isa(unsigned isa_line, struct irq_handler *handler);

// Has a line go to another processor. NOT_FOUND: no such line in use, or no such processor;
// OUT_OF_RANGE: the controller can't reach it; NO_MEMORY: it has no vector left; FAILED: the
// controller doesn't keep what it is told. Nothing is changed then.
must_use enum status irq_move(uint32_t gsi, uint32_t cpu);

// Takes the mask away that a storm has brought. NOT_FOUND where the line has none.
must_use enum status irq_unmask(uint32_t gsi);

// --- For showing ---------------------------------------------------------------------------------

enum irq_state {
    IRQ_IDLE, // nobody waits for it: masked
    IRQ_ON,
    IRQ_STORM, // masked for good, until irq_unmask() or another handler
};

struct irq_line {
    uint32_t gsi;
    unsigned input; // of its controller
    struct irq_chip *chip;
    struct irq_line *next;
    struct lock lock; // of all that follows
    enum irq_state state;
    bool is_level, is_low;
    uint8_t vector;
    uint32_t cpu;     // that the vector belongs to
    uint8_t *vectors; // that it has been given, by processor; 0: none. They are kept for good
    uint32_t vectors_count;
    struct irq_handler *handlers;
    uint64_t count, unclaimed, storms;
    unsigned unclaimed_in_a_row;
    struct {
        uint64_t start_ns;
        unsigned count, unclaimed;
    } window;
    struct {
        uint64_t start_ns;
        uint64_t windows;
    } period;
};

// Whether there is a controller at all; without one everything is polled.
bool irq_is_available(void);

// All that were ever in use, by their numbers; NULL for the first, and behind the last. They stay.
const struct irq_line *irq_line_next(const struct irq_line *line);

// Its vector on a processor; 0: none yet. Interrupts that come there are the line's.
uint8_t irq_line_vector(const struct irq_line *line, uint32_t cpu);

// Its handlers' names with commas between, cut to `size`; "nobody" where there are none.
void irq_line_names(const struct irq_line *line, char *names, size_t size);

// --- For controllers -----------------------------------------------------------------------------

// All are called with the line's lock held.
struct irq_chip {
    const char *name;
    uint32_t first_gsi;
    unsigned inputs;
    bool is_isa; // its lines are ISA's, as numbered there

    // Takes a vector of a processor, on which irq_deliver(line) is to be called. OUT_OF_RANGE: no
    // way there; NO_MEMORY: no vector is free; NOT_FOUND: no such processor.
    enum status (*take_vector)(struct irq_chip *chip, struct irq_line *line, uint32_t cpu,
                               uint8_t *vector);
    // Sets the line's input up by its trigger, polarity, processor and vector, and leaves it
    // masked. NOT_SUPPORTED where it has no such trigger; FAILED where the hardware doesn't take
    // it. The input is masked then, too.
    enum status (*set_up)(struct irq_chip *chip, const struct irq_line *line);
    void (*mask)(struct irq_chip *chip, unsigned input);
    void (*unmask)(struct irq_chip *chip, unsigned input);
    void (*acknowledge)(struct irq_chip *chip, unsigned input);
    struct irq_chip *next;
};

// BAD_ARGUMENT where another one has some of its lines. Keeps the caller's object for good.
// Start-up only.
must_use enum status irq_chip_add(struct irq_chip *chip);

// The line (`context`, a struct irq_line) has been raised. Interrupts off.
void irq_deliver(void *context);
