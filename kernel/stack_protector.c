// What compiled code calls where a stack canary has been overwritten.

#include "kernel/panic.h"

noreturn void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
    panic("stack canary overwritten in %pS", __builtin_return_address(0));
}
