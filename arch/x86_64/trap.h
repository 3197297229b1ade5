// Exceptions: the frame, the handlers, and code that is allowed to fault.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

// What the entry code leaves on the stack [SDM3 7.14.2].
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct trap_frame) == 22 * 8, "as pushed by trap_entry.S");

enum { VECTORS = 256 };

// Loads the boot processor's GDT, TSS and IDT. From here on every fault has its screen.
void trap_init(void);

// The same on any other processor, whose GDT has been filled.
void trap_cpu_init(void);

// Handles an exception: true where the interrupted code may go on, false where nobody is
// responsible.
typedef bool trap_handler(struct trap_frame *frame);

// Sets the handler of one exception (NULL: none) and returns the one before. Without one, or where
// it returns false, it ends in a panic. Other vectors: arch/x86_64/vector.h.
trap_handler *trap_set_handler(uint8_t vector, trap_handler *handler);

// An instruction that may fault: where it does, execution goes on at the label behind it with
// FAULT in RDI, which the code must keep free for that. Returning there needs no IRET, so that a
// fault inside an NMI handler doesn't open the door to the next NMI.
//
//   enum status status = OK;
//   __asm__ volatile(TRAP_FIXUP("rdmsr") : "+D"(status), "=a"(low), "=d"(high) : "c"(msr));
#define TRAP_FIXUP(instruction)            \
    "661: " instruction "\n"               \
    "662:\n"                               \
    "\t.pushsection .fixup_table, \"a\"\n" \
    "\t.quad 661b, 662b\n"                 \
    "\t.popsection"

// "#PF page fault"; NULL for vectors that are no exceptions.
const char *trap_name(uint64_t vector);
