// I/O APICs, found by the platform's tables.
//
// Two registers: one selects, the other is a window on what is selected. An entry of the
// redirection table has two words and is in force while they are written, so it is masked until
// both are there. Destinations are physical ids of 8 bits: a processor beyond that is out of reach.

#include "arch/x86_64/ioapic.h"
#include "arch/arch.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/vector.h"
#include "kernel/irq.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/platform.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "mm/slab.h"
#include "mm/vspace.h"

enum { // [82093AA 3.1], offsets
    SELECT = 0x00,
    WINDOW = 0x10,
    SIZE = 0x20,
};

enum { // [82093AA 3.2]: what can be selected
    REG_VERSION = 1,
    VERSION = BITS(7, 0),
    VERSION_LAST = BITS(23, 16), // the last input's number
    REG_ENTRIES = 0x10,          // the lower word of the first; the upper one follows
    INPUTS_MAX = (0x100 - REG_ENTRIES) / 2,
};

enum { // [82093AA 3.2.4]: an entry's lower word
    ENTRY_DELIVERY = BITS(10, 8),
    DELIVERY_SMI = 2,
    ENTRY_PENDING = BIT(12), // read only, as the next but one
    ENTRY_LOW = BIT(13),
    ENTRY_REMOTE_IRR = BIT(14), // a level that was delivered, and not acknowledged yet
    ENTRY_LEVEL = BIT(15),
    ENTRY_MASKED = BIT(16),
    ENTRY_CPU_SHIFT = 24, // in the upper word
    CPU_LIMIT = 255,      // which is all of them
};

struct ioapic {
    struct irq_chip chip; // first
    struct lock lock;     // of the pair of registers
    volatile uint8_t *registers;
    paddr_t address;
    struct ioapic *next;
    char name[16];
};

static struct ioapic *ioapics; // that are used

static uint32_t read_selected(struct ioapic *io, unsigned reg)
{
    mmio_write32(io->registers + SELECT, reg);
    return mmio_read32(io->registers + WINDOW);
}

static void write_selected(struct ioapic *io, unsigned reg, uint32_t value)
{
    mmio_write32(io->registers + SELECT, reg);
    mmio_write32(io->registers + WINDOW, value);
}

static unsigned lower(unsigned input)
{
    return REG_ENTRIES + 2 * input;
}

static unsigned upper(unsigned input)
{
    return lower(input) + 1;
}

// One that is masked may say anything: nobody has set it.
static bool is_firmwares(struct ioapic *io, unsigned input)
{
    uint32_t entry = read_selected(io, lower(input));
    return !(entry & ENTRY_MASKED) && field_get(ENTRY_DELIVERY, entry) == DELIVERY_SMI;
}

// --- As controller of lines ----------------------------------------------------------------------

// Read back, so that it has arrived when this returns.
static void set_mask(struct irq_chip *chip, unsigned input, bool is_masked)
{
    struct ioapic *io = (struct ioapic *)chip;
    uintptr_t state = lock_irqsave(&io->lock);
    uint32_t entry = read_selected(io, lower(input)) & ~(uint32_t)ENTRY_MASKED;
    write_selected(io, lower(input), entry | (is_masked ? ENTRY_MASKED : 0));
    (void)read_selected(io, lower(input));
    unlock_irqrestore(&io->lock, state);
}

static void mask(struct irq_chip *chip, unsigned input)
{
    set_mask(chip, input, true);
}

static void unmask(struct irq_chip *chip, unsigned input)
{
    set_mask(chip, input, false);
}

// The local APIC tells the I/O APICs of the end of a level by itself [SDM3 11.8.5].
static void acknowledge(struct irq_chip *chip, unsigned input)
{
    (void)chip, (void)input;
    lapic_eoi();
}

static enum status take_vector(struct irq_chip *chip, struct irq_line *line, uint32_t cpu,
                               uint8_t *vector)
{
    const struct percpu *target = percpu_get(cpu);
    if (!target)
        return NOT_FOUND;
    if (target->arch.apic_id >= CPU_LIMIT)
        return OUT_OF_RANGE;
    return vector_alloc(cpu, irq_deliver, line, chip->name, vector);
}

// Returns whether the entry is what was written.
static bool write_entry(struct ioapic *io, unsigned input, uint32_t low, uint32_t high)
{
    const uint32_t read_only = ENTRY_PENDING | ENTRY_REMOTE_IRR;
    write_selected(io, lower(input), ENTRY_MASKED);
    write_selected(io, upper(input), high);
    write_selected(io, lower(input), low);
    return read_selected(io, upper(input)) >> ENTRY_CPU_SHIFT == high >> ENTRY_CPU_SHIFT &&
           (read_selected(io, lower(input)) & ~read_only) == low;
}

static enum status set_up(struct irq_chip *chip, const struct irq_line *line)
{
    struct ioapic *io = (struct ioapic *)chip;
    uint32_t low = line->vector | ENTRY_MASKED | (line->is_level ? ENTRY_LEVEL : 0) |
                   (line->is_low ? ENTRY_LOW : 0);
    uint32_t high = percpu_get(line->cpu)->arch.apic_id << ENTRY_CPU_SHIFT;
    uintptr_t state = lock_irqsave(&io->lock);
    bool is_taken = is_firmwares(io, line->input);
    bool is_good = !is_taken && write_entry(io, line->input, low, high);
    unlock_irqrestore(&io->lock, state);
    if (!is_good)
        log_warn("irq: line %u of %s %s", line->gsi, chip->name,
                 is_taken ? "is the firmware's own" : "can't be set up");
    return is_good ? OK : FAILED;
}

// --- Start ---------------------------------------------------------------------------------------

// An edge, so that a level whose end the firmware has missed is forgotten. What raises the
// firmware's own interrupt (SMI) stays.
static void mask_all(struct ioapic *io)
{
    for (unsigned input = 0; input < io->chip.inputs; input++)
        if (!is_firmwares(io, input) && !write_entry(io, input, ENTRY_MASKED, 0))
            log_warn("irq: input %u of %s doesn't keep what is written", input, io->name);
}

// What isn't there reads all ones, or doesn't keep what is selected.
static bool find_inputs(struct ioapic *io)
{
    uint32_t version = read_selected(io, REG_VERSION);
    io->chip.inputs = (unsigned)field_get(VERSION_LAST, version) + 1;
    return version != UINT32_MAX && (mmio_read32(io->registers + SELECT) & 0xff) == REG_VERSION &&
           io->chip.inputs <= INPUTS_MAX;
}

static bool is_known(paddr_t address)
{
    const struct ioapic *io = ioapics;
    while (io && io->address != address)
        io = io->next;
    return io;
}

// NULL, or why it can't be used.
static const char *start(struct ioapic *io)
{
    void *mapped;
    if (is_known(io->address))
        return "another one has the same address";
    if (vspace_map_mmio(io->address, SIZE, MAP_UNCACHED, "I/O APIC", &mapped) != OK)
        return "its registers can't be mapped";
    io->registers = mapped;
    const char *reason = NULL;
    if (!find_inputs(io))
        reason = "doesn't answer as one";
    else
        mask_all(io);
    if (!reason && io->chip.inputs > UINT32_MAX - io->chip.first_gsi)
        reason = "its lines have no numbers";
    if (!reason && irq_chip_add(&io->chip) != OK)
        reason = "another one has some of its lines";
    if (reason)
        vspace_unmap_physical(mapped);
    return reason;
}

static void keep(struct ioapic *io)
{
    io->next = ioapics;
    ioapics = io;
    log_info("irq: %s: lines %u to %u, version 0x%x", io->name, io->chip.first_gsi,
             io->chip.first_gsi + io->chip.inputs - 1,
             (unsigned)field_get(VERSION, read_selected(io, REG_VERSION)));
}

static bool use(const struct platform_ioapic *found)
{
    struct ioapic *io = kcalloc(1, sizeof(*io));
    const char *reason = "there is no memory";
    if (io) {
        io->address = found->address;
        (void)snprintf(io->name, sizeof(io->name), "I/O APIC %u", found->id);
        io->chip = (struct irq_chip){.name = io->name,
                                     .first_gsi = found->first_gsi,
                                     .take_vector = take_vector,
                                     .set_up = set_up,
                                     .mask = mask,
                                     .unmask = unmask,
                                     .acknowledge = acknowledge};
        reason = start(io);
    }
    if (!reason) {
        keep(io);
        return true;
    }
    log_warn("irq: I/O APIC %u at 0x%lx is left out: %s", found->id, found->address, reason);
    kfree(io);
    return false;
}

unsigned ioapic_init(void)
{
    unsigned used = 0;
    for (unsigned i = 0; i < platform.ioapic_count; i++)
        used += use(&platform.ioapics[i]);
    return used;
}
