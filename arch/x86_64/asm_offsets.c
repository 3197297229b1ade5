// Offsets and sizes of C structures for assembly. Compiled to assembly only; the Makefile turns
// each marked line into a #define of $(O)/gen/asm_offsets.h.

#include "arch/x86_64/trap.h"
#include "kernel/percpu.h"

#define DEFINE(name, value) __asm__ volatile(".ascii \"define " #name " %c0\"" : : "i"(value))

void asm_offsets(void);

void asm_offsets(void)
{
    DEFINE(PERCPU_SELF, offsetof(struct percpu, self));
    DEFINE(PERCPU_CANARY, offsetof(struct percpu, stack_canary));
    DEFINE(FRAME_RIP, offsetof(struct trap_frame, rip));
    DEFINE(FRAME_RFLAGS, offsetof(struct trap_frame, rflags));
    DEFINE(FRAME_RSP, offsetof(struct trap_frame, rsp));
    DEFINE(FRAME_VECTOR, offsetof(struct trap_frame, vector));
}
