// What portable code may ask of the processor. The inline half is the architecture's own.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

#include "arch/x86_64/arch_inline.h"
// Provides:
//   void arch_pause(void)                      a breath inside a polling loop
//   uint64_t arch_ticks(void)                  the raw clock; kernel/clock.h makes time of it
//   uintptr_t arch_irq_save(void)              interrupts off; returns the state before
//   void arch_irq_restore(uintptr_t state)     that state again
//   struct percpu *arch_percpu(void)           this processor's own area

struct trap_frame; // registers of interrupted code; its layout is the architecture's

// Resets the machine by means of the processor alone (a triple fault). Any context.
noreturn void arch_reset(void);

// Stops this processor for good, interrupts off. Any context.
noreturn void arch_halt(void);

// Accesses that may fault: FAULT is returned instead, and nothing is changed. `size` is 1, 2, 4 or
// 8 bytes; the access is a single one of that size. Safe in any context, NMI included.
must_use enum status arch_probe_read(uintptr_t address, unsigned size, uint64_t *value);
must_use enum status arch_probe_write(uintptr_t address, unsigned size, uint64_t value);

// One past the highest physical address that this processor can form.
paddr_t arch_physical_limit(void);

// Walks a stack by its frame pointers: from interrupted code, or, where `frame` is NULL, from the
// caller of the function that `frame_pointer` (__builtin_frame_address(0)) belongs to. Every read
// is probed and every step goes up, so a broken stack only ends the walk. Fills `addresses` with
// addresses inside the instructions that call, innermost first, and returns how many.
unsigned arch_backtrace(const struct trap_frame *frame, const void *frame_pointer,
                        uintptr_t *addresses, unsigned max);

// Registers, the error code's meaning and, for a page fault, the walk through the page tables, for
// the panic screen: lines of at most 79 characters to `print`. `frame` NULL: only what can be read
// now. Allocates nothing and takes no lock.
typedef void arch_printer(const char *format, ...) printf_like(1, 2);
void arch_print_frame(const struct trap_frame *frame, arch_printer *print);

// The way of one virtual address through the page tables, on at most two lines.
void arch_print_walk(uintptr_t address, arch_printer *print);
