// What starting the other processors shares with the assembly that they start in.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct percpu;

// A change from AP_AWAITED is made by one atomic instruction: a processor that comes too late finds
// that nobody waits, and touches nothing.
enum ap_state { AP_AWAITED, AP_ARRIVED, AP_GIVEN_UP };

struct ap { // a processor that is being started
    uint32_t apic_id;
    uint32_t state; // enum ap_state
    struct percpu *cpu;
    uintptr_t stack; // its top
};

// What the trampoline reads, in its own page.
struct ap_data {
    uint32_t slide, stack; // of the image; the top of the page
    uint32_t entry;        // physical address of ap_start32
    uint16_t entry_selector;
    uint16_t gdt_limit;
    uint32_t gdt_base;
} packed;
