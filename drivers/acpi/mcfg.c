// Reads the MCFG.

#include "drivers/acpi/mcfg.h"
#include "drivers/acpi/entries.h"
#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"
#include "lib/bits.h"

enum { ECAMS_MAX = 256, BUS_SHIFT = 20 };

// Buses of one segment belong to one entry.
static bool is_free(const struct platform *machine, const struct platform_ecam *ecam)
{
    for (unsigned i = 0; i < machine->ecam_count; i++) {
        const struct platform_ecam *other = &machine->ecams[i];
        if (other->segment == ecam->segment && other->first_bus <= ecam->last_bus &&
            ecam->first_bus <= other->last_bus)
            return false;
    }
    return true;
}

static bool is_possible(const struct platform_ecam *ecam)
{
    uint64_t size = (ecam->last_bus + 1ull) << BUS_SHIFT;
    return ecam->address && is_aligned(ecam->address, BIT(BUS_SHIFT)) &&
           ecam->first_bus <= ecam->last_bus && ecam->address <= UINT64_MAX - size;
}

static void add_ecam(struct platform *machine, const uint8_t *entry, unsigned *left_out)
{
    struct platform_ecam ecam = {
        .address = acpi_get64(entry),
        .segment = acpi_get16(entry + 8),
        .first_bus = entry[10],
        .last_bus = entry[11],
    };
    if (is_possible(&ecam) && is_free(machine, &ecam))
        machine->ecams[machine->ecam_count++] = ecam;
    else if (!(*left_out)++) // one line for all
        log_warn("acpi: MCFG: segment %u, buses %u to %u at 0x%lx: left out", ecam.segment,
                 ecam.first_bus, ecam.last_bus, ecam.address);
}

bool mcfg_read(const struct acpi_header *table, struct platform *machine)
{
    unsigned left_out = 0;
    size_t count =
        table->length < MCFG_ENTRIES ? 0 : (table->length - MCFG_ENTRIES) / MCFG_ENTRY_SIZE;
    if (count > ECAMS_MAX)
        log_warn("acpi: MCFG: %zu entries: only %d are read", count, ECAMS_MAX);
    count = count > ECAMS_MAX ? ECAMS_MAX : count;
    machine->ecams = count ? kcalloc(count, sizeof(machine->ecams[0])) : NULL;
    if (count && !machine->ecams)
        log_warn("acpi: MCFG: no memory for %zu entries", count);
    for (size_t i = 0; machine->ecams && i < count; i++)
        add_ecam(machine, (const uint8_t *)table + MCFG_ENTRIES + i * MCFG_ENTRY_SIZE, &left_out);
    machine->ecams = array_if_any(machine->ecams, machine->ecam_count);
    return machine->ecam_count;
}
