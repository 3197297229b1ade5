// Exceptions: the IDT, and what happens with each of the first 32 vectors.

#include "arch/x86_64/trap.h"
#include "arch/x86_64/gdt.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/stack.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "lib/status.h"

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

_Static_assert(sizeof(struct gate) == 16, "[SDM3 7.14.1]");

struct fixup {
    uintptr_t fault, resume;
};

extern const struct fixup fixup_table_start[], fixup_table_end[]; // linker.ld
extern const char trap_stubs[];                                   // trap_entry.S

enum { STUB_SIZE = 16, INTERRUPT_GATE = 0x8e };

static struct gate idt[VECTORS];
static trap_handler *handlers[VECTOR_EXCEPTIONS];

static void set_gate(unsigned vector, enum interrupt_stack ist)
{
    uintptr_t stub = (uintptr_t)trap_stubs + vector * STUB_SIZE;
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)stub,
        .selector = SELECTOR_CODE64,
        .ist = (uint8_t)ist,
        .type = INTERRUPT_GATE,
        .offset_middle = (uint16_t)(stub >> 16),
        .offset_high = (uint32_t)(stub >> 32),
    };
}

void trap_cpu_init(void)
{
    gdt_load();
    struct {
        uint16_t limit;
        uint64_t base;
    } packed pointer = {sizeof(idt) - 1, (uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

static uintptr_t stack_top(enum boot_stack_name name)
{
    return (uintptr_t)&boot_stack[name] + STACK_TOP;
}

void trap_init(void)
{
    const uintptr_t tops[IST_COUNT] = {
        [IST_DF] = stack_top(BOOT_STACK_DF),
        [IST_NMI] = stack_top(BOOT_STACK_NMI),
        [IST_MC] = stack_top(BOOT_STACK_MC),
    };
    for (unsigned vector = 0; vector < VECTORS; vector++)
        set_gate(vector, IST_NONE);
    set_gate(VECTOR_DF, IST_DF);
    set_gate(VECTOR_NMI, IST_NMI);
    set_gate(VECTOR_MC, IST_MC);
    gdt_fill(this_cpu(), tops);
    trap_cpu_init();
}

trap_handler *trap_set_handler(uint8_t vector, trap_handler *handler)
{
    ASSERT(vector < VECTOR_EXCEPTIONS);
    trap_handler *before = handlers[vector];
    handlers[vector] = handler;
    return before;
}

const char *trap_name(uint64_t vector)
{
    static const char *const names[VECTOR_EXCEPTIONS] = {
        "#DE divide error",
        "#DB debug exception",
        "non-maskable interrupt",
        "#BP breakpoint",
        "#OF overflow",
        "#BR bound range exceeded",
        "#UD invalid opcode",
        "#NM device not available",
        "#DF double fault",
        "coprocessor segment overrun",
        "#TS invalid TSS",
        "#NP segment not present",
        "#SS stack fault",
        "#GP general protection",
        "#PF page fault",
        "exception 15",
        "#MF floating-point error",
        "#AC alignment check",
        "#MC machine check",
        "#XM SIMD error",
        "#VE virtualization exception",
        "#CP control protection",
        [28] = "#HV hypervisor injection",
        [29] = "#VC VMM communication",
        [30] = "#SX security exception",
    };
    return vector < VECTOR_EXCEPTIONS ? names[vector] : NULL;
}

static bool apply_fixup(struct trap_frame *frame)
{
    switch (frame->vector) {
    case VECTOR_UD:
    case VECTOR_SS: // a non-canonical address by way of RSP or RBP
    case VECTOR_GP:
    case VECTOR_PF:
    case VECTOR_AC:
        break;
    default:
        return false;
    }
    for (const struct fixup *fixup = fixup_table_start; fixup != fixup_table_end; fixup++) {
        if (fixup->fault != frame->rip)
            continue;
        frame->rip = fixup->resume;
        frame->rdi = (uint64_t)FAULT;
        return true;
    }
    return false;
}

// A page fault on a guard page can't push its frame: the processor makes a double fault of it.
noreturn static void die(const struct trap_frame *frame)
{
    const char *name = trap_name(frame->vector);
    const char *stack = NULL;
    if (frame->vector == VECTOR_DF || frame->vector == VECTOR_PF)
        stack = stack_guard_find(read_cr2());
    if (stack)
        panic_with_frame(frame, "stack overflow: the %s stack has run into its guard page", stack);
    panic_with_frame(frame, "%s", name ? name : "reserved exception");
}

// Whether an NMI's handler has been interrupted: IRET would let the next NMI in, onto its stack.
static bool is_in_nmi(const struct trap_frame *frame)
{
    uintptr_t top = this_cpu()->arch.tss.ist[IST_NMI - 1];
    return top - frame->rsp < STACK_SIZE;
}

// Called by trap_entry.S for exceptions. Returns true where the interrupted code is to be resumed
// without IRET.
bool trap_dispatch(struct trap_frame *frame);

bool trap_dispatch(struct trap_frame *frame)
{
    if (apply_fixup(frame))
        return true;
    struct percpu *cpu = this_cpu();
    const struct trap_frame *outer = cpu->interrupted;
    if (frame->vector == VECTOR_NMI || frame->vector == VECTOR_MC)
        cpu->interrupted =
            frame; // what they log is shown later: they may have interrupted a console
    trap_handler *handler = handlers[frame->vector];
    if (!handler || !handler(frame))
        die(frame);
    cpu->interrupted = outer;
    return is_in_nmi(frame);
}
