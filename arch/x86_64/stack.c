// The boot processor's stacks, and whose guard page it is.

#include "arch/x86_64/stack.h"
#include "arch/arch.h"
#include "mm/vspace.h"

__attribute__((section(".bss.stacks"))) struct guarded_stack boot_stack[BOOT_STACKS];

_Static_assert(sizeof(struct guarded_stack) == STACK_TOP, "what assembly takes it for");

const char *arch_boot_guard(uintptr_t address)
{
    static const char *const names[BOOT_STACKS] = {"boot", "double-fault", "NMI", "machine-check"};
    for (unsigned i = 0; i < BOOT_STACKS; i++)
        if (address - (uintptr_t)boot_stack[i].guard < PAGE_SIZE)
            return names[i];
    return address - (uintptr_t)boot_stack_above < PAGE_SIZE ? names[BOOT_STACKS - 1] : NULL;
}

const char *stack_guard_find(uintptr_t address)
{
    const char *name = arch_boot_guard(address);
    bool is_guard;
    const struct vspace_range *range = name ? NULL : vspace_find(address, &is_guard);
    return range && is_guard && range->kind == VSPACE_STACK ? range->name : name;
}
