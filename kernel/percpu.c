// The boot processor's area: it exists before anything can be allocated.

#include "kernel/percpu.h"

struct percpu boot_percpu; // self, canary and GS base are set by the entry stub
