// Finds processors by their APIC id, at the same cost however many there are: a hash table with
// open addressing.
#pragma once

#include "kernel/platform.h"
#include "lib/compiler.h"

struct cpu_index {
    const struct platform *machine;
    uint32_t *slots; // index of a processor + 1; 0: free
    uint32_t mask;
};

// Room for `count` processors of the platform; the index is empty. False where memory is short.
must_use bool cpu_index_init(struct cpu_index *index, const struct platform *machine, size_t count);
void cpu_index_fini(struct cpu_index *index);

// Adds a processor of the platform's, by its place in the array.
void cpu_index_add(struct cpu_index *index, unsigned cpu);

// NULL where there is none with that id.
struct platform_cpu *cpu_index_find(const struct cpu_index *index, uint32_t apic_id);
