// A walk along frame pointers: [RBP] is the caller's RBP, [RBP + 8] the return address.
//
// Code is interrupted anywhere, also where its function has no frame: in a leaf that the compiler
// gives none (it doesn't begin with PUSH RBP), and in the two instructions that make one. There the
// caller is found at RSP, if what stands there follows a call.

#include "arch/arch.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/trap.h"
#include "kernel/symbol.h"
#include "mm/layout.h"

extern const char trap_dispatched[], interrupt_dispatched[]; // trap_entry.S

enum { PUSH_RBP = 0x55, CALL_NEAR = 0xe8, CALL_INDIRECT = 0xff };

static bool is_text(uintptr_t address)
{
    return address >= (uintptr_t)kernel_text_start && address < (uintptr_t)kernel_text_end;
}

static uint8_t byte_at(uintptr_t address)
{
    uint64_t value = 0;
    return arch_probe_read(address, 1, &value) == OK ? (uint8_t)value : 0;
}

// CALL rel32, or CALL r/m64: opcode FFh, /2, with up to 5 bytes behind its ModRM [SDM2 CALL].
static bool follows_call(uintptr_t address)
{
    enum { INDIRECT_MIN = 2, INDIRECT_MAX = 7, REG = 0x38, CALL_REG = 2 << 3 };
    if (!is_text(address))
        return false;
    for (unsigned size = INDIRECT_MIN; size <= INDIRECT_MAX; size++)
        if (byte_at(address - size) == CALL_INDIRECT &&
            (byte_at(address - size + 1) & REG) == CALL_REG)
            return true;
    return byte_at(address - 5) == CALL_NEAR;
}

// The caller of interrupted code that has no frame yet or never; 0 where it has one.
static uintptr_t caller_without_frame(const struct trap_frame *frame)
{
    size_t offset = 0;
    uint64_t caller = 0;
    if (symbol_find(frame->rip, &offset) && byte_at(frame->rip - offset) == PUSH_RBP && offset > 1)
        return 0;
    uintptr_t pushed = byte_at(frame->rip - offset) == PUSH_RBP && offset == 1 ? 8 : 0;
    if (arch_probe_read(frame->rsp + pushed, 8, &caller) != OK || !follows_call(caller))
        return 0;
    return caller;
}

// These report the address behind the instruction that caused them [SDM3 7.15].
static bool is_behind(uint64_t vector)
{
    return vector == VECTOR_BP || vector == VECTOR_OF;
}

// Where the entry code goes on when its C function returns: behind the frame record of that is the
// interrupted code's struct trap_frame.
static bool is_entry(uintptr_t caller)
{
    return caller == (uintptr_t)trap_dispatched || caller == (uintptr_t)interrupt_dispatched;
}

static bool read_frame(uintptr_t at, uintptr_t *rip, uintptr_t *rbp)
{
    return arch_probe_read(at + offsetof(struct trap_frame, rip), 8, rip) == OK &&
           arch_probe_read(at + offsetof(struct trap_frame, rbp), 8, rbp) == OK;
}

unsigned arch_backtrace(const struct trap_frame *frame, const void *frame_pointer,
                        uintptr_t *addresses, unsigned max)
{
    unsigned count = 0;
    uintptr_t rbp = frame ? frame->rbp : (uintptr_t)frame_pointer;
    uintptr_t caller = frame ? caller_without_frame(frame) : 0;
    if (frame && max > 0)
        addresses[count++] = frame->rip - is_behind(frame->vector);
    if (caller && count < max)
        addresses[count++] = caller - 1; // within the call: what follows may be another function
    while (count < max) {
        uintptr_t caller_rbp, rip;
        if (arch_probe_read(rbp, 8, &caller_rbp) != OK ||
            arch_probe_read(rbp + 8, 8, &caller) != OK || !is_text(caller))
            break;
        addresses[count++] = caller - 1;
        if (is_entry(caller) && count < max && read_frame(rbp + 16, &rip, &caller_rbp))
            addresses[count++] = rip;
        if (caller_rbp <= rbp)
            break;
        rbp = caller_rbp;
    }
    return count;
}
