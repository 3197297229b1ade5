// Model-specific registers that may not exist. Any context, NMI included.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

// FAULT where the processor raises #GP: no such register, or a value that it refuses.
must_use enum status msr_read(uint32_t msr, uint64_t *value);
must_use enum status msr_write(uint32_t msr, uint64_t value);
