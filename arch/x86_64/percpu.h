// The architecture's share of struct percpu: tables that the processor itself reads, and who gets
// which of its vectors.
#pragma once

#include "arch/x86_64/debug.h"
#include "arch/x86_64/topology.h"
#include "arch/x86_64/vector.h"
#include "kernel/remote.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct tss { // [SDM3 8.7]
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; // IST 1 is ist[0]
    uint64_t reserved2;
    uint16_t reserved3, io_map_base;
} packed;

_Static_assert(sizeof(struct tss) == 104, "[SDM3 8.7]");

enum { GDT_ENTRIES = 5 };

struct arch_percpu {
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
    uint32_t apic_id;
    struct topology topology;
    struct remote_work machine_checks; // to look for errors (arch/x86_64/machine_check.c)
    bool is_look_wanted;
    bool counts_cycles; // for NMIs (arch/x86_64/pmu.c)
    uint64_t counter_nmis;
    unsigned nmis_owed; // that may come without a reason (arch/x86_64/nmi.c)
    uint64_t nmis_owed_since;
    struct debug_cpu debug;
    struct vector_slot vectors[VECTOR_SLOTS];
};
