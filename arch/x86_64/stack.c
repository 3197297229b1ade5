// The boot processor's stacks.

#include "arch/x86_64/stack.h"

struct guarded_stack boot_stack[BOOT_STACKS];

_Static_assert(sizeof(struct guarded_stack) == STACK_TOP, "what assembly takes it for");

const char *stack_guard_find(uintptr_t address)
{
    static const char *const names[BOOT_STACKS] = {"boot", "double-fault", "NMI", "machine-check"};
    for (unsigned i = 0; i < BOOT_STACKS; i++)
        if (address - (uintptr_t)boot_stack[i].guard < PAGE_SIZE)
            return names[i];
    return NULL;
}
