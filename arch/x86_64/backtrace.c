// A walk along frame pointers: [RBP] is the caller's RBP, [RBP + 8] the return address.

#include "arch/arch.h"
#include "arch/x86_64/trap.h"
#include "mm/layout.h"

static bool is_text(uintptr_t address)
{
    return address >= (uintptr_t)kernel_text_start && address < (uintptr_t)kernel_text_end;
}

unsigned arch_backtrace(const struct trap_frame *frame, uintptr_t *addresses, unsigned max)
{
    unsigned count = 0;
    uintptr_t rbp = frame ? frame->rbp : (uintptr_t)__builtin_frame_address(0);
    if (frame && max > 0)
        addresses[count++] = frame->rip;
    while (count < max) {
        uint64_t caller_rbp, caller;
        if (arch_probe_read(rbp, 8, &caller_rbp) != OK ||
            arch_probe_read(rbp + 8, 8, &caller) != OK || !is_text(caller))
            break;
        addresses[count++] = caller - 1; // within the call: what follows may be another function
        if (caller_rbp <= rbp)
            break;
        rbp = caller_rbp;
    }
    return count;
}
