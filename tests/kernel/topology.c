// The place of the processor at hand.

#include "arch/x86_64/topology.h"
#include "arch/arch.h"
#include "arch/x86_64/lapic.h"
#include "kernel/percpu.h"
#include "kernel/test.h"
#include "lib/string.h"

KTEST(topology, names_this_processor)
{
    struct topology topology;
    uintptr_t irq = arch_irq_save();
    topology_read(&topology);
    uint32_t id = lapic_cpu_id();
    arch_irq_restore(irq);
    KTEST_EQUAL(topology.apic_id, id);
}

KTEST(topology, fits_its_text)
{
    struct topology topology = {
        .package = ~0u,
        .die = ~0u,
        .module = ~0u,
        .core = ~0u,
        .thread = ~0u,
        .has_die = true,
        .has_module = true,
        .kind = CORE_KIND_PERFORMANCE,
    };
    char text[TOPOLOGY_TEXT_MAX];
    topology_format(text, &topology);
    KTEST_CHECK(string_matches(text, "package 4294967295 *, performance core"));
}
