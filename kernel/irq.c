// Interrupt lines: handlers, and the way to controllers.
//
// A line's lock is held while its handlers run: that is what keeps two processors out of a handler
// after a move, and what irq_remove() waits for. Lines are never given back, and a vector that a
// line was given on a processor stays the line's: an interrupt that is still on its way when the
// line is moved or its last handler removed arrives where it belongs.

#include "kernel/irq.h"
#include "kernel/irq_storm.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/platform.h"
#include "lib/format.h"
#include "mm/slab.h"

static struct irq_chip *chips;
static struct irq_line *lines; // by number
static struct lock lines_lock; // for adding one

static struct irq_chip *chip_of(uint32_t gsi)
{
    struct irq_chip *chip = chips;
    while (chip && (gsi < chip->first_gsi || gsi - chip->first_gsi >= chip->inputs))
        chip = chip->next;
    return chip;
}

enum status irq_chip_add(struct irq_chip *chip)
{
    for (const struct irq_chip *other = chips; other; other = other->next)
        if (chip->first_gsi < (uint64_t)other->first_gsi + other->inputs &&
            other->first_gsi < (uint64_t)chip->first_gsi + chip->inputs)
            return BAD_ARGUMENT;
    chip->next = chips;
    chips = chip;
    return OK;
}

bool irq_is_available(void)
{
    return chips;
}

// --- Lines ---------------------------------------------------------------------------------------

// Where the line's pointer is, or would be.
static struct irq_line **place_of(uint32_t gsi)
{
    struct irq_line **at = &lines;
    while (*at && (*at)->gsi < gsi)
        at = &(*at)->next;
    return at;
}

static struct irq_line *find_line(uint32_t gsi)
{
    uintptr_t state = lock_irqsave(&lines_lock);
    struct irq_line *line = *place_of(gsi);
    unlock_irqrestore(&lines_lock, state);
    return line && line->gsi == gsi ? line : NULL;
}

static struct irq_line *create_line(struct irq_line **at, struct irq_chip *chip, uint32_t gsi)
{
    struct irq_line *line = kcalloc(1, sizeof(*line));
    if (!line)
        return NULL;
    line->gsi = gsi;
    line->input = gsi - chip->first_gsi;
    line->chip = chip;
    line->next = *at;
    __atomic_store_n(at, line, __ATOMIC_RELEASE);
    return line;
}

static struct irq_line *need_line(struct irq_chip *chip, uint32_t gsi)
{
    uintptr_t state = lock_irqsave(&lines_lock);
    struct irq_line **at = place_of(gsi);
    struct irq_line *line = *at && (*at)->gsi == gsi ? *at : create_line(at, chip, gsi);
    unlock_irqrestore(&lines_lock, state);
    return line;
}

const struct irq_line *irq_line_next(const struct irq_line *line)
{
    return __atomic_load_n(line ? &line->next : &lines, __ATOMIC_ACQUIRE);
}

// With its lock held.
static void list_names(const struct irq_line *line, char *names, size_t size)
{
    size_t length = 0;
    (void)snprintf(names, size, "nobody");
    for (const struct irq_handler *handler = line->handlers; handler && length < size;
         handler = handler->next)
        length +=
            snprintf(names + length, size - length, "%s%s", length ? ", " : "", handler->name);
}

void irq_line_names(const struct irq_line *line, char *names, size_t size)
{
    struct lock *lock = &((struct irq_line *)line)->lock;
    uintptr_t state = lock_irqsave(lock);
    list_names(line, names, size);
    unlock_irqrestore(lock, state);
}

uint8_t irq_line_vector(const struct irq_line *line, uint32_t cpu)
{
    struct lock *lock = &((struct irq_line *)line)->lock;
    uintptr_t state = lock_irqsave(lock);
    uint8_t vector = cpu < line->vectors_count ? line->vectors[cpu] : 0;
    unlock_irqrestore(lock, state);
    return vector;
}

// --- The way to a processor ----------------------------------------------------------------------

// Processors may be known later than the line.
static bool make_room(struct irq_line *line, uint32_t cpu)
{
    if (cpu < line->vectors_count)
        return true;
    uint32_t count = percpu_count();
    uint8_t *vectors = krealloc(line->vectors, count);
    if (!vectors)
        return false;
    for (uint32_t i = line->vectors_count; i < count; i++)
        vectors[i] = 0;
    line->vectors = vectors;
    line->vectors_count = count;
    return true;
}

static enum status use_cpu(struct irq_line *line, uint32_t cpu)
{
    if (!percpu_get(cpu))
        return NOT_FOUND;
    if (!make_room(line, cpu))
        return NO_MEMORY;
    if (!line->vectors[cpu]) {
        enum status status = line->chip->take_vector(line->chip, line, cpu, &line->vectors[cpu]);
        if (status != OK)
            return status;
    }
    line->cpu = cpu;
    line->vector = line->vectors[cpu];
    return OK;
}

static bool is_usable(uint32_t cpu)
{
    return cpu == 0 || percpu_get(cpu)->is_online;
}

// The processor that it had, or else the first one that can be had.
static enum status route(struct irq_line *line)
{
    enum status status = line->vector ? OK : OUT_OF_RANGE;
    for (uint32_t cpu = 0; status != OK && cpu < percpu_count(); cpu++)
        if (is_usable(cpu))
            status = use_cpu(line, cpu);
    return status == OK ? line->chip->set_up(line->chip, line) : status;
}

// --- Handlers ------------------------------------------------------------------------------------

static void switch_on(struct irq_line *line)
{
    line->state = IRQ_ON;
    irq_storm_reset(line);
    line->chip->unmask(line->chip, line->input);
}

static void append(struct irq_line *line, struct irq_handler *handler)
{
    struct irq_handler **at = &line->handlers;
    while (*at)
        at = &(*at)->next;
    handler->next = NULL;
    *at = handler;
}

static enum status add_locked(struct irq_line *line, bool is_level, bool is_low,
                              struct irq_handler *handler)
{
    bool is_same = line->is_level == is_level && line->is_low == is_low;
    if (line->handlers && !is_same)
        return BAD_ARGUMENT;
    line->is_level = is_level;
    line->is_low = is_low;
    enum status status = line->handlers ? OK : route(line);
    if (status != OK)
        return status;
    append(line, handler);
    if (line->state != IRQ_ON)
        switch_on(line);
    return OK;
}

static void tell_conflict(const struct irq_line *line, const struct irq_handler *handler)
{
    char names[64];
    irq_line_names(line, names, sizeof(names));
    log_warn("irq: line %u is %s, active %s for %s; %s needs it otherwise, and can't share it",
             line->gsi, line->is_level ? "level" : "edge", line->is_low ? "low" : "high", names,
             handler->name);
}

enum status irq_add(uint32_t gsi, bool is_level, bool is_low, struct irq_handler *handler)
{
    struct irq_chip *chip = chip_of(gsi);
    if (!chip)
        return chips ? OUT_OF_RANGE : NOT_SUPPORTED;
    struct irq_line *line = need_line(chip, gsi);
    if (!line)
        return NO_MEMORY;
    uintptr_t state = lock_irqsave(&line->lock);
    enum status status = add_locked(line, is_level, is_low, handler);
    unlock_irqrestore(&line->lock, state);
    if (status == BAD_ARGUMENT)
        tell_conflict(line, handler);
    return status;
}

// The 8259's lines are ISA's own, also where the tables speak of an I/O APIC that can't be used.
static uint32_t gsi_of_isa(unsigned isa_line)
{
    return chips && chips->is_isa ? isa_line : platform.isa[isa_line].gsi;
}

enum status irq_add_isa(unsigned isa_line, struct irq_handler *handler)
{
    if (isa_line >= PLATFORM_ISA_LINES)
        return OUT_OF_RANGE;
    const struct platform_isa_line *wired = &platform.isa[isa_line];
    return irq_add(gsi_of_isa(isa_line), wired->is_level, wired->is_low, handler);
}

static bool unlink_handler(struct irq_line *line, const struct irq_handler *handler)
{
    struct irq_handler **at = &line->handlers;
    while (*at && *at != handler)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = handler->next;
    return true;
}

enum status irq_remove(uint32_t gsi, struct irq_handler *handler)
{
    struct irq_line *line = find_line(gsi);
    if (!line)
        return NOT_FOUND;
    uintptr_t state = lock_irqsave(&line->lock);
    bool is_found = unlink_handler(line, handler);
    if (is_found && !line->handlers) {
        line->chip->mask(line->chip, line->input);
        line->state = IRQ_IDLE;
    }
    unlock_irqrestore(&line->lock, state);
    return is_found ? OK : NOT_FOUND;
}

enum status irq_remove_isa(unsigned isa_line, struct irq_handler *handler)
{
    return isa_line < PLATFORM_ISA_LINES ? irq_remove(gsi_of_isa(isa_line), handler) : NOT_FOUND;
}

static bool ask_handlers(struct irq_line *line)
{
    bool is_claimed = false;
    for (struct irq_handler *handler = line->handlers; handler; handler = handler->next)
        is_claimed |= handler->handle(handler);
    return is_claimed;
}

// An edge that comes while its input is masked is lost [82093AA 3.2.4], and a device that waits for
// an answer to it raises no other one.
static void ask_for_edges(struct irq_line *line)
{
    if (!line->is_level && line->state == IRQ_ON)
        (void)ask_handlers(line);
}

// Back where it was, if the controller doesn't take the change; it has taken that before.
static enum status move_locked(struct irq_line *line, uint32_t cpu)
{
    uint32_t before = line->cpu;
    enum status status = use_cpu(line, cpu);
    if (status != OK)
        return status;
    line->chip->mask(line->chip, line->input);
    status = line->chip->set_up(line->chip, line);
    if (status != OK && use_cpu(line, before) == OK)
        (void)line->chip->set_up(line->chip, line);
    if (line->state == IRQ_ON)
        line->chip->unmask(line->chip, line->input);
    ask_for_edges(line);
    return status;
}

enum status irq_move(uint32_t gsi, uint32_t cpu)
{
    struct irq_line *line = find_line(gsi);
    if (!line || !percpu_get(cpu) || !is_usable(cpu))
        return NOT_FOUND;
    uintptr_t state = lock_irqsave(&line->lock);
    enum status status = line->vector ? move_locked(line, cpu) : NOT_FOUND;
    unlock_irqrestore(&line->lock, state);
    return status;
}

enum status irq_unmask(uint32_t gsi)
{
    struct irq_line *line = find_line(gsi);
    if (!line)
        return NOT_FOUND;
    uintptr_t state = lock_irqsave(&line->lock);
    bool is_masked = line->state == IRQ_STORM;
    if (is_masked) {
        switch_on(line);
        ask_for_edges(line);
    }
    unlock_irqrestore(&line->lock, state);
    return is_masked ? OK : NOT_FOUND;
}

// --- Delivery ------------------------------------------------------------------------------------

noinline static void tell_storm(const struct irq_line *line, enum irq_verdict verdict,
                                const char *names)
{
    static const char *const reasons[] = {
        [IRQ_UNCLAIMED_LEVEL] = "is raised again and again, and none of its devices has asked",
        [IRQ_UNCLAIMED_STORM] = "storms, and none of its devices has asked",
        [IRQ_CLAIMED_STORM] = "storms without end, though its devices are served",
    };
    log_warn("irq: line %u of %s (%s) %s; masked", line->gsi, line->chip->name, names,
             reasons[verdict]);
}

// What is pending already still comes, once, and does no harm.
static void mask_storm(struct irq_line *line, char *names, size_t size)
{
    line->chip->mask(line->chip, line->input);
    line->state = IRQ_STORM;
    line->storms++;
    list_names(line, names, size);
}

void irq_deliver(void *context)
{
    struct irq_line *line = context;
    char names[64];
    uintptr_t state = lock_irqsave(&line->lock);
    enum irq_verdict verdict = irq_storm_judge(line, ask_handlers(line));
    if (verdict != IRQ_FINE)
        mask_storm(line, names, sizeof(names));
    line->chip->acknowledge(line->chip, line->input);
    unlock_irqrestore(&line->lock, state);
    if (verdict != IRQ_FINE)
        tell_storm(line, verdict, names);
}
