// Reads the MADT. Processors are counted first, so there may be as many as the table has room for.

#include "drivers/acpi/madt.h"
#include "drivers/acpi/cpu_index.h"
#include "drivers/acpi/entries.h"
#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"

enum {
    NO_APIC = 0xff, // an id that no processor has
    ISA_BUS = 0,
    IOAPICS_MAX = 256, // their ids have a byte
};

#define NO_X2APIC UINT32_MAX

struct madt {
    struct platform *machine;
    struct cpu_index index;
    uint32_t cpu_room, nmi_room, ioapic_room; // elements of the arrays
    uint32_t sci;                             // the line that the FADT names
    uint32_t isa_seen;                        // lines that have been rewired, a bit each
    unsigned ioapics_left_out;
    unsigned doubles; // processors with another's id
    uint32_t double_id;
};

// Firmware lists places for processors that aren't there, all with the same id or with that of one
// that is: who is enabled counts.
static void add_cpu(struct madt *madt, struct platform_cpu cpu)
{
    struct platform *machine = madt->machine;
    struct platform_cpu *known = cpu_index_find(&madt->index, cpu.apic_id);
    if (!known && machine->cpu_count < madt->cpu_room) {
        machine->cpus[machine->cpu_count] = cpu;
        cpu_index_add(&madt->index, machine->cpu_count++);
    } else if (known && cpu.is_enabled && known->is_enabled) {
        if (!madt->doubles++)
            madt->double_id = cpu.apic_id;
    } else if (known && cpu.is_enabled) {
        *known = cpu;
    }
}

static void read_lapic(const uint8_t *entry, void *context)
{
    if (entry[3] != NO_APIC)
        add_cpu(context, (struct platform_cpu){
                             .apic_id = entry[3],
                             .uid = entry[2],
                             .node = PLATFORM_NO_NODE,
                             .is_enabled = acpi_get32(entry + 4) & MADT_CPU_ENABLED,
                         });
}

static void read_x2apic(const uint8_t *entry, void *context)
{
    if (acpi_get32(entry + 4) != NO_X2APIC)
        add_cpu(context, (struct platform_cpu){
                             .apic_id = acpi_get32(entry + 4),
                             .uid = acpi_get32(entry + 12),
                             .node = PLATFORM_NO_NODE,
                             .is_enabled = acpi_get32(entry + 8) & MADT_CPU_ENABLED,
                         });
}

static void read_ioapic(const uint8_t *entry, void *context)
{
    struct madt *madt = context;
    struct platform *machine = madt->machine;
    struct platform_ioapic ioapic = {
        .id = entry[2],
        .address = acpi_get32(entry + 4),
        .first_gsi = acpi_get32(entry + 8),
    };
    bool is_usable = ioapic.address && machine->ioapic_count < madt->ioapic_room;
    for (unsigned i = 0; is_usable && i < machine->ioapic_count; i++)
        is_usable = machine->ioapics[i].address != ioapic.address;
    if (is_usable)
        machine->ioapics[machine->ioapic_count++] = ioapic;
    else if (!madt->ioapics_left_out++) // one line for all
        log_warn("acpi: MADT: the I/O APIC at 0x%lx is left out, and others like it",
                 ioapic.address);
}

// Flags of an interrupt [ACPI 5.2.12.5, table 5.26]: polarity in bits 1:0, trigger mode in bits
// 3:2; what conforms to its bus is as it was.
static void read_flags(uint16_t flags, bool *is_level, bool *is_low)
{
    enum { CONFORMS, HIGH_OR_EDGE, LOW_OR_LEVEL = 3 };
    unsigned polarity = flags & 3, trigger = flags >> 2 & 3;
    if (polarity == HIGH_OR_EDGE || polarity == LOW_OR_LEVEL)
        *is_low = polarity == LOW_OR_LEVEL;
    if (trigger == HIGH_OR_EDGE || trigger == LOW_OR_LEVEL)
        *is_level = trigger == LOW_OR_LEVEL;
}

// The first word on a line counts.
static void read_override(const uint8_t *entry, void *context)
{
    struct madt *madt = context;
    struct platform *machine = madt->machine;
    uint8_t line = entry[3];
    uint16_t flags = acpi_get16(entry + 8);
    if (entry[2] != ISA_BUS || line >= PLATFORM_ISA_LINES || madt->isa_seen >> line & 1)
        return;
    madt->isa_seen |= 1u << line;
    machine->isa[line].gsi = acpi_get32(entry + 4);
    read_flags(flags, &machine->isa[line].is_level, &machine->isa[line].is_low);
    if (line == madt->sci) {
        machine->sci_gsi = machine->isa[line].gsi;
        read_flags(flags, &machine->sci_is_level, &machine->sci_is_low);
    }
}

static void add_nmi(const struct madt *madt, uint32_t uid, uint16_t flags, uint8_t lint)
{
    struct platform *machine = madt->machine;
    struct platform_nmi nmi = {.uid = uid, .lint = lint};
    if (lint > 1 || machine->nmi_count == madt->nmi_room)
        return;
    read_flags(flags, &nmi.is_level, &nmi.is_low);
    machine->nmis[machine->nmi_count++] = nmi;
}

static void read_lapic_nmi(const uint8_t *entry, void *context)
{
    uint32_t uid = entry[2] == 0xff ? PLATFORM_ALL_CPUS : entry[2];
    add_nmi(context, uid, acpi_get16(entry + 3), entry[5]);
}

static void read_x2apic_nmi(const uint8_t *entry, void *context)
{
    add_nmi(context, acpi_get32(entry + 4), acpi_get16(entry + 2), entry[8]);
}

static void read_lapic_address(const uint8_t *entry, void *context)
{
    const struct madt *madt = context;
    madt->machine->lapic_address = acpi_get64(entry + 4);
}

static const struct acpi_entry_reader readers[] = {
    [MADT_LAPIC] = {8, read_lapic},
    [MADT_IOAPIC] = {12, read_ioapic},
    [MADT_OVERRIDE] = {10, read_override},
    [MADT_LAPIC_NMI] = {6, read_lapic_nmi},
    [MADT_LAPIC_ADDRESS_64] = {12, read_lapic_address},
    [MADT_X2APIC] = {16, read_x2apic},
    [MADT_X2APIC_NMI] = {12, read_x2apic_nmi},
};

static uint32_t allocate(const struct acpi_header *table, enum madt_type a, enum madt_type b,
                         size_t size, void **array)
{
    size_t count = acpi_entries_count(table, MADT_ENTRIES, (uint8_t)a, (uint8_t)b);
    if (b == MADT_IOAPIC && count > IOAPICS_MAX)
        count = IOAPICS_MAX;
    *array = count ? kcalloc(count, size) : NULL;
    if (count && !*array)
        log_warn("acpi: MADT: no memory for %zu entries", count);
    return *array ? (uint32_t)count : 0;
}

static bool make_room(struct madt *madt, const struct acpi_header *table)
{
    struct platform *machine = madt->machine;
    void *cpus, *ioapics, *nmis;
    madt->cpu_room = allocate(table, MADT_LAPIC, MADT_X2APIC, sizeof(machine->cpus[0]), &cpus);
    madt->ioapic_room =
        allocate(table, MADT_IOAPIC, MADT_IOAPIC, sizeof(machine->ioapics[0]), &ioapics);
    madt->nmi_room =
        allocate(table, MADT_LAPIC_NMI, MADT_X2APIC_NMI, sizeof(machine->nmis[0]), &nmis);
    machine->cpus = cpus;
    machine->ioapics = ioapics;
    machine->nmis = nmis;
    if (cpu_index_init(&madt->index, machine, madt->cpu_room))
        return true;
    machine->cpus = array_if_any(cpus, 0);
    machine->ioapics = array_if_any(ioapics, 0);
    machine->nmis = array_if_any(nmis, 0);
    return false;
}

bool madt_read(const struct acpi_header *table, struct platform *machine)
{
    struct madt madt = {.machine = machine, .sci = machine->sci_gsi};
    if (table->length < MADT_ENTRIES || !make_room(&madt, table)) {
        log_warn("acpi: a MADT of %u bytes", table->length);
        return false;
    }
    machine->has_madt = true;
    machine->has_pic = acpi_field(table, MADT_FLAGS, 4) & 1;
    machine->lapic_address = acpi_field(table, MADT_LAPIC_ADDRESS, 4);
    acpi_entries_read(table, MADT_ENTRIES, readers, ARRAY_SIZE(readers), &madt);
    cpu_index_fini(&madt.index);
    machine->cpus = array_if_any(machine->cpus, machine->cpu_count);
    machine->ioapics = array_if_any(machine->ioapics, machine->ioapic_count);
    machine->nmis = array_if_any(machine->nmis, machine->nmi_count);
    if (madt.doubles)
        log_warn("acpi: MADT: %u processors have another's APIC id, such as 0x%x: left out",
                 madt.doubles, madt.double_id);
    return true;
}
