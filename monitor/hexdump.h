// Memory as bytes and as text.
#pragma once

#include "lib/status.h"
#include "monitor/memory_access.h"

// Shows `length` bytes, 16 a line, with their addresses, which are said to begin at `shown`. Ends
// early where nobody wants to see more. FAULT, and a line of its own, where a byte can't be read.
must_use enum status hexdump(const struct memory_place *place, uint64_t shown, uint64_t length);
