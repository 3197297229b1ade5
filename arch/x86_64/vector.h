// Interrupt vectors above the exceptions: each processor has its own table of who gets which.
//
//   0x00 - 0x1f  exceptions (arch/x86_64/trap.h)
//   0x20 - 0x2f  the pair of 8259: what it raises while all of it is masked, and its lines where
//                there is no I/O APIC
//   0x30 - 0xef  given out, for each processor apart
//   0xf0 - 0xff  the kernel's own, the same on all processors
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

enum {
    VECTOR_PIC = 0x20,
    VECTOR_FIRST = 0x30,
    VECTOR_LAST = 0xef,
    VECTOR_TIMER = 0xf0,
    VECTOR_CALL = 0xf1, // remote calls
    VECTOR_APIC_ERROR = 0xfe,
    VECTOR_SPURIOUS = 0xff, // of the local APIC: its lower four bits are ones on all processors
};

// Runs with interrupts off, on the processor's own stack, and acknowledges the interrupt itself
// (lapic_eoi()) where it is the local APIC's.
typedef void vector_function(void *context);

// What a processor has for one vector, from 0x20 on.
struct vector_slot {
    vector_function *run; // NULL: nobody expects it, which is logged
    void *context;
    const char *name;
    uint64_t count; // how often it has come
};

enum { VECTOR_SLOTS = 256 - VECTOR_PIC };

// Takes a free vector of processor `cpu`, of those that are given out. NOT_FOUND: no such
// processor; NO_MEMORY: none is free. Any context but NMI.
must_use enum status vector_alloc(uint32_t cpu, vector_function *run, void *context,
                                  const char *name, uint8_t *vector);

// Gives it back. It must not come any more.
void vector_free(uint32_t cpu, uint8_t vector);

// The kernel's own ones and those of the 8259: sets them for processors that start later, too.
// Start-up only.
void vector_set(uint8_t vector, vector_function *run, void *context, const char *name);

// Gives an area that isn't in use yet what vector_set() has set for all.
struct percpu;
void vectors_inherit(struct percpu *cpu);

// For showing: NULL where there is no such processor.
const struct vector_slot *vector_get(uint32_t cpu, uint8_t vector);
