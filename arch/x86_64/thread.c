// A new thread's stack: what arch_switch() takes from it, and a return address of 0, where
// backtraces end.

#include "arch/arch.h"

struct new_stack {
    uintptr_t rbp, rip; // a frame record, as arch_switch() leaves them
    uintptr_t caller;
};

// As behind a call, so that `entry` finds the stack aligned as it expects it [AMD64 ABI 3.2.2].
uintptr_t arch_thread_prepare(void *top, void (*entry)(void))
{
    struct new_stack *stack = (struct new_stack *)top - 1;
    *stack = (struct new_stack){.rip = (uintptr_t)entry};
    return (uintptr_t)stack;
}
