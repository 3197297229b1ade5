// The GDT and the task-state segment, which holds the stacks for the faults that need their own.
#pragma once

enum interrupt_stack { IST_NONE, IST_DF, IST_NMI, IST_MC }; // as IDT gates count them

void gdt_init(void);
