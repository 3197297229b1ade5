// Each processor's GDT and task-state segment, which holds the stacks for the faults that need
// their own.
#pragma once

#include "lib/types.h"

enum interrupt_stack { IST_NONE, IST_DF, IST_NMI, IST_MC, IST_COUNT }; // as IDT gates count them

struct percpu;

// `tops`: of the stacks, by their numbers.
void gdt_fill(struct percpu *cpu, const uintptr_t tops[IST_COUNT]);

// On the processor whose they are, once filled.
void gdt_load(void);
