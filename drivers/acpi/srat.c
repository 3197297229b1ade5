// Reads the SRAT. Nodes are numbered as the table does; those that don't fit a byte are left out,
// and what lies in them is nobody's neighbour.

#include "drivers/acpi/srat.h"
#include "drivers/acpi/cpu_index.h"
#include "drivers/acpi/entries.h"
#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"

struct srat {
    struct platform *machine;
    struct cpu_index index;
    uint32_t node_mask; // of the numbers' bits that mean something
    size_t room;        // for memory
    unsigned too_high, impossible;
    uint32_t too_high_node;
};

static bool is_usable(struct srat *srat, uint32_t flags, uint32_t node)
{
    if (!(flags & SRAT_ENABLED))
        return false;
    if (node < PLATFORM_NO_NODE)
        return true;
    if (!srat->too_high++)
        srat->too_high_node = node;
    return false;
}

static void put_cpu(struct srat *srat, uint32_t apic_id, uint32_t flags, uint32_t node)
{
    node &= srat->node_mask;
    struct platform_cpu *cpu = cpu_index_find(&srat->index, apic_id);
    if (cpu && cpu->node == PLATFORM_NO_NODE && is_usable(srat, flags, node))
        cpu->node = node;
}

// The number's upper three bytes stand apart.
static void read_lapic(const uint8_t *entry, void *context)
{
    put_cpu(context, entry[3], acpi_get32(entry + 4), entry[2] | (acpi_get32(entry + 8) & ~0xffu));
}

static void read_x2apic(const uint8_t *entry, void *context)
{
    put_cpu(context, acpi_get32(entry + 8), acpi_get32(entry + 12), acpi_get32(entry + 4));
}

static void read_memory(const uint8_t *entry, void *context)
{
    struct srat *srat = context;
    struct platform *machine = srat->machine;
    uint64_t length = acpi_get64(entry + 16);
    struct platform_memory_node memory = {
        .start = acpi_get64(entry + 8),
        .node = acpi_get32(entry + 2) & srat->node_mask,
    };
    if (!length || !is_usable(srat, acpi_get32(entry + 28), memory.node))
        return;
    if (__builtin_add_overflow(memory.start, length, &memory.end)) {
        if (!srat->impossible++) // one line for all
            log_warn("acpi: SRAT: memory at 0x%lx of 0x%lx bytes", memory.start, length);
    } else if (machine->memory_node_count < srat->room)
        machine->memory_nodes[machine->memory_node_count++] = memory;
}

static const struct acpi_entry_reader readers[] = {
    [SRAT_LAPIC] = {16, read_lapic},
    [SRAT_MEMORY] = {40, read_memory},
    [SRAT_X2APIC] = {24, read_x2apic},
};

static bool make_room(struct srat *srat, const struct acpi_header *table)
{
    struct platform *machine = srat->machine;
    if (!cpu_index_init(&srat->index, machine, machine->cpu_count))
        return false;
    for (unsigned i = 0; i < machine->cpu_count; i++)
        cpu_index_add(&srat->index, i);
    srat->room = acpi_entries_count(table, SRAT_ENTRIES, SRAT_MEMORY, SRAT_MEMORY);
    machine->memory_nodes =
        srat->room ? kcalloc(srat->room, sizeof(machine->memory_nodes[0])) : NULL;
    if (srat->room && !machine->memory_nodes) {
        log_warn("acpi: SRAT: no memory for %zu ranges", srat->room);
        srat->room = 0;
    }
    return true;
}

bool srat_read(const struct acpi_header *table, struct platform *machine)
{
    // In the first revision a node's number was one byte, and those above it could be anything.
    struct srat srat = {.machine = machine, .node_mask = table->revision < 2 ? 0xff : UINT32_MAX};
    if (table->length < SRAT_ENTRIES || !make_room(&srat, table)) {
        log_warn("acpi: an SRAT of %u bytes", table->length);
        return false;
    }
    acpi_entries_read(table, SRAT_ENTRIES, readers, ARRAY_SIZE(readers), &srat);
    cpu_index_fini(&srat.index);
    machine->memory_nodes = array_if_any(machine->memory_nodes, machine->memory_node_count);
    if (srat.too_high)
        log_warn("acpi: SRAT: %u entries are of nodes above %d, such as %u: ignored", srat.too_high,
                 PLATFORM_NO_NODE - 1, srat.too_high_node);
    return true;
}
