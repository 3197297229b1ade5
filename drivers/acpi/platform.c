// Fills `platform`: of each table the first one that makes sense.

#include "drivers/acpi/platform.h"
#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"
#include "mm/page.h"

// In the order in which they need each other.
static const struct {
    char signature[5];
    acpi_reader *read;
} readers[] = {
    {"FACP", fadt_read}, {"APIC", madt_read}, {"SRAT", srat_read}, {"HPET", hpet_read},
    {"MCFG", mcfg_read}, {"SPCR", spcr_read}, {"DBG2", dbg2_read},
};

static void read_first(const char signature[4], acpi_reader *read)
{
    const struct acpi_header *table;
    for (unsigned i = 0; (table = acpi_find(signature, i)); i++)
        if (read(table, &platform))
            return;
}

static void tell_nodes(void)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < platform.memory_node_count; i++) {
        const struct platform_memory_node *memory = &platform.memory_nodes[i];
        page_set_node(memory->start, memory->end, memory->node);
        bytes += memory->end - memory->start;
    }
    if (platform.memory_node_count)
        log_info("acpi: %u ranges of memory in nodes, %lu MiB", platform.memory_node_count,
                 bytes >> 20);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static void tell_processors(void)
{
    unsigned enabled = 0, others;
    for (unsigned i = 0; i < platform.cpu_count; i++)
        enabled += platform.cpus[i].is_enabled;
    others = platform.cpu_count - enabled;
    if (!platform.has_madt)
        log_info("acpi: no MADT");
    else if (others)
        log_info("acpi: %u processor%s, %u not enabled, %u I/O APIC%s", enabled, plural(enabled),
                 others, platform.ioapic_count, plural(platform.ioapic_count));
    else
        log_info("acpi: %u processor%s, %u I/O APIC%s", enabled, plural(enabled),
                 platform.ioapic_count, plural(platform.ioapic_count));
}

static void tell_timers(void)
{
    const struct platform_pm_timer *pm = &platform.pm_timer;
    if (platform.hpet.address)
        log_info("acpi: HPET at 0x%lx", platform.hpet.address);
    if (pm->address)
        log_info("acpi: PM timer of %d bits at %s 0x%lx", pm->is_32_bit ? 32 : 24,
                 pm->is_mmio ? "memory" : "port", pm->address);
}

static void tell_buses(void)
{
    for (unsigned i = 0; i < platform.ecam_count; i++)
        log_info("acpi: PCI segment %u, buses %u to %u at 0x%lx", platform.ecams[i].segment,
                 platform.ecams[i].first_bus, platform.ecams[i].last_bus,
                 platform.ecams[i].address);
}

static void tell_uarts(void)
{
    for (unsigned i = 0; i < platform.uart_count; i++)
        log_info("acpi: UART for %s at %s 0x%lx, stride %u",
                 platform.uarts[i].is_console ? "a console" : "debuggers",
                 platform.uarts[i].is_mmio ? "memory" : "port", platform.uarts[i].address,
                 platform.uarts[i].stride);
}

void acpi_platform_init(void)
{
    platform.has_acpi = acpi_table_count();
    if (!platform.has_acpi)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(readers); i++)
        read_first(readers[i].signature, readers[i].read);
    tell_processors();
    tell_timers();
    tell_buses();
    tell_uarts();
    tell_nodes();
}
