// What the parts of the debugging mechanism share: debug.c stops processors and sends them on,
// debug_step.c knows steps and the debug registers, debug_memory.c memory and what is written into
// it.
#pragma once

#include "arch/x86_64/debug.h"
#include "arch/x86_64/trap.h"

// --- debug_step.c --------------------------------------------------------------------------------

// Does an instruction that is about interrupts itself; false: it isn't one of these.
must_use bool debug_step_emulate(struct trap_frame *frame);

// With the frame that is about to be returned to: one instruction, without interrupts.
void debug_step_begin(struct debug_cpu *own, struct trap_frame *frame);

// It has been done, or, where `is_done` is false, something else came before.
void debug_step_end(struct debug_cpu *own, struct trap_frame *frame, bool is_done);

// This processor's hardware break- and watchpoints, off and on.
void debug_points_disable(void);
void debug_points_enable(void);

// What has caused this debug exception: DEBUG_HARDWARE with its slot, DEBUG_STEPPED, or false.
must_use bool debug_cause(const struct debug_cpu *own, struct debug_stop *stop);

// --- debug_memory.c ------------------------------------------------------------------------------

// The page by way of which what is read-only is written. Start-up only.
must_use enum status debug_memory_init(void);

// Puts all software breakpoints into memory, and takes them out.
void debug_breakpoints_in(void);
void debug_breakpoints_out(void);

// Whether there is one at that address in memory, and out with it.
must_use bool debug_has_breakpoint(uintptr_t address);
void debug_breakpoint_out(uintptr_t address);

void debug_forget_slots(void);
