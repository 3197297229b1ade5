// Offsets and sizes of C structures for assembly. Compiled to assembly only; the Makefile turns
// each marked line into a #define of $(O)/gen/asm_offsets.h.

#include "arch/x86_64/smp_priv.h"
#include "arch/x86_64/trap.h"
#include "kernel/percpu.h"

#define DEFINE(name, value) __asm__ volatile(".ascii \"define " #name " %c0\"" : : "i"(value))

void asm_offsets(void);

void asm_offsets(void)
{
    DEFINE(PERCPU_SELF, offsetof(struct percpu, self));
    DEFINE(PERCPU_CANARY, offsetof(struct percpu, stack_canary));
    DEFINE(AP_ID, offsetof(struct ap, apic_id));
    DEFINE(AP_STATE, offsetof(struct ap, state));
    DEFINE(AP_CPU, offsetof(struct ap, cpu));
    DEFINE(AP_STACK, offsetof(struct ap, stack));
    DEFINE(AP_SIZE, sizeof(struct ap));
    DEFINE(AP_STATE_AWAITED, AP_AWAITED);
    DEFINE(AP_STATE_ARRIVED, AP_ARRIVED);
    DEFINE(AP_DATA_SLIDE, offsetof(struct ap_data, slide));
    DEFINE(AP_DATA_STACK, offsetof(struct ap_data, stack));
    DEFINE(AP_DATA_ENTRY, offsetof(struct ap_data, entry));
    DEFINE(AP_DATA_GDT, offsetof(struct ap_data, gdt_limit));
    DEFINE(AP_DATA_SIZE, sizeof(struct ap_data));
    DEFINE(FRAME_RIP, offsetof(struct trap_frame, rip));
    DEFINE(FRAME_RFLAGS, offsetof(struct trap_frame, rflags));
    DEFINE(FRAME_RSP, offsetof(struct trap_frame, rsp));
    DEFINE(FRAME_VECTOR, offsetof(struct trap_frame, vector));
}
