// The boot processor's area: it exists before anything can be allocated.

#include "kernel/percpu.h"

struct percpu boot_percpu; // self, canary and GS base are set by the entry stub

unsigned percpu_count(void)
{
    return 1;
}

struct percpu *percpu_get(uint32_t cpu)
{
    return cpu == 0 ? &boot_percpu : NULL;
}
