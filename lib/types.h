// Scalars that carry a unit or an address space in their name.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t; // host-physical address
