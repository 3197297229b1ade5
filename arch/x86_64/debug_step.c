// Single steps, and the debug registers [SDM3 18.2] [APM2 13.1].

#include "arch/arch.h"
#include "arch/x86_64/debug_priv.h"
#include "arch/x86_64/registers.h"
#include "lib/bits.h"
#include "lib/status.h"

enum {
    OP_NOP = 0x90, // behind OP_REP: PAUSE
    OP_PUSHF = 0x9c,
    OP_POPF = 0x9d,
    OP_IRET = 0xcf,
    OP_REP = 0xf3,
    OP_HLT = 0xf4,
    OP_CLI = 0xfa,
    OP_STI = 0xfb,
};

#define RFLAGS_POPPED \
    0x3c4cd7 // what POPF takes over here, IF apart: all but TF, VM, RF and what is fixed
#define RFLAGS_FIXED BIT(1)

static struct debug_slot slots[DEBUG_SLOTS];

// --- Steps ---------------------------------------------------------------------------------------

static uint8_t opcode_at(uint64_t rip)
{
    uint64_t byte = 0;
    return arch_probe_read(rip, 1, &byte) == OK ? (uint8_t)byte : 0;
}

// A step has TF set, IF cleared, and where STI and the like are stepped over, processors don't
// agree on when it ends. Who is to halt until an interrupt comes may as well have had it.
bool debug_step_emulate(struct trap_frame *frame)
{
    uint64_t flags = frame->rflags;
    switch (opcode_at(frame->rip)) {
    case OP_CLI:
        flags &= ~RFLAGS_IF;
        break;
    case OP_STI:
        flags |= RFLAGS_IF;
        break;
    case OP_HLT:
        break;
    case OP_REP: // some emulators don't end a step behind PAUSE
        if (opcode_at(frame->rip + 1) != OP_NOP)
            return false;
        frame->rip++;
        break;
    case OP_POPF:
        if (arch_probe_read(frame->rsp, 8, &flags) != OK)
            return false;
        frame->rsp += 8;
        flags = (flags & (RFLAGS_POPPED | RFLAGS_IF)) | RFLAGS_FIXED;
        break;
    default:
        return false;
    }
    frame->rflags = flags;
    frame->rip++;
    return true;
}

// Interrupts would lead the step into their handlers, so they wait.
void debug_step_begin(struct debug_cpu *own, struct trap_frame *frame)
{
    own->is_stepping = true;
    own->flags = frame->rflags;
    own->opcode = opcode_at(frame->rip);
    frame->rflags = (frame->rflags | RFLAGS_TF) & ~RFLAGS_IF;
}

// What it has pushed shows what isn't so but for the step. (It can't be emulated: the frame lies
// where it would push.)
static void mend_pushed_flags(const struct debug_cpu *own, const struct trap_frame *frame)
{
    uint64_t pushed;
    const uint64_t ours = RFLAGS_TF | RFLAGS_IF;
    if (arch_probe_read(frame->rsp, 8, &pushed) == OK)
        (void)!arch_probe_write(frame->rsp, 8, (pushed & ~ours) | (own->flags & ours));
}

void debug_step_end(struct debug_cpu *own, struct trap_frame *frame, bool is_done)
{
    if (!own->is_stepping)
        return;
    own->is_stepping = false;
    frame->rflags &= ~RFLAGS_TF;
    if (is_done && own->opcode == OP_PUSHF)
        mend_pushed_flags(own, frame);
    if (!is_done || own->opcode != OP_IRET) // that has brought flags along
        frame->rflags |= own->flags & RFLAGS_IF;
}

// --- Debug registers -----------------------------------------------------------------------------

#define READ_DR(n)                                              \
    ({                                                          \
        uint64_t value_;                                        \
        __asm__ volatile("movq %%dr" #n ", %0" : "=r"(value_)); \
        value_;                                                 \
    })
#define WRITE_DR(n, value) \
    __asm__ volatile("movq %0, %%dr" #n : : "r"((uint64_t)(value)) : "memory")

void debug_points_disable(void)
{
    WRITE_DR(7, DR7_FIXED);
}

void debug_points_enable(void)
{
    static const uint8_t size_bits[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    uint64_t control = DR7_FIXED;
    for (unsigned i = 0; i < DEBUG_SLOTS; i++) {
        const struct debug_slot *slot = &slots[i];
        if (slot->is_used)
            control |= DR7_GLOBAL(i) | DR7_CONDITION(i, slot->kind | size_bits[slot->size] << 2);
    }
    if (control == DR7_FIXED)
        return;
    WRITE_DR(0, slots[0].address);
    WRITE_DR(1, slots[1].address);
    WRITE_DR(2, slots[2].address);
    WRITE_DR(3, slots[3].address);
    WRITE_DR(7, control);
}

// Conditions are noted also where they aren't enabled.
bool debug_cause(const struct debug_cpu *own, struct debug_stop *stop)
{
    uint64_t status = READ_DR(6), control = READ_DR(7);
    WRITE_DR(6, DR6_FIXED);
    stop->reason = DEBUG_STEPPED;
    for (unsigned i = 0; i < DEBUG_SLOTS; i++) {
        if (!(status & DR6_HIT(i)) || !(control & DR7_GLOBAL(i)))
            continue;
        stop->reason = DEBUG_HARDWARE;
        stop->slot = i;
        return true;
    }
    return status & DR6_STEP && own->is_stepping;
}

enum status debug_watch(enum debug_kind kind, uintptr_t address, unsigned size)
{
    bool is_size = size == 1 || size == 2 || size == 4 || size == 8;
    if (!is_size || !is_aligned(address, size) || (kind == DEBUG_ON_EXECUTION && size != 1))
        return BAD_ARGUMENT;
    for (unsigned i = 0; i < DEBUG_SLOTS; i++) {
        if (slots[i].is_used)
            continue;
        slots[i] = (struct debug_slot){true, kind, address, size};
        return OK;
    }
    return NO_MEMORY;
}

enum status debug_unwatch(enum debug_kind kind, uintptr_t address, unsigned size)
{
    for (unsigned i = 0; i < DEBUG_SLOTS; i++) {
        struct debug_slot *slot = &slots[i];
        if (!slot->is_used || slot->kind != kind || slot->address != address || slot->size != size)
            continue;
        slot->is_used = false;
        return OK;
    }
    return NOT_FOUND;
}

const struct debug_slot *debug_slot(unsigned slot)
{
    return &slots[slot];
}

void debug_forget_slots(void)
{
    for (unsigned i = 0; i < DEBUG_SLOTS; i++)
        slots[i].is_used = false;
}
