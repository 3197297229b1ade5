// Processors by APIC id.

#include "drivers/acpi/cpu_index.h"
#include "mm/slab.h"

bool cpu_index_init(struct cpu_index *index, const struct platform *machine, size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    index->machine = machine;
    index->mask = (uint32_t)slots - 1;
    index->slots = kcalloc(slots, sizeof(index->slots[0]));
    return index->slots;
}

void cpu_index_fini(struct cpu_index *index)
{
    kfree(index->slots);
}

// The slot of that id, or the free one where it would be: at least half of them are free.
static uint32_t *find_slot(const struct cpu_index *index, uint32_t apic_id)
{
    uint32_t at = apic_id * 0x9e3779b1 >> 7;
    for (;; at++) {
        uint32_t *slot = &index->slots[at & index->mask];
        if (!*slot || index->machine->cpus[*slot - 1].apic_id == apic_id)
            return slot;
    }
}

void cpu_index_add(struct cpu_index *index, unsigned cpu)
{
    *find_slot(index, index->machine->cpus[cpu].apic_id) = cpu + 1;
}

struct platform_cpu *cpu_index_find(const struct cpu_index *index, uint32_t apic_id)
{
    uint32_t slot = *find_slot(index, apic_id);
    return slot ? &index->machine->cpus[slot - 1] : NULL;
}
