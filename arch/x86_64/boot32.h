// What the two files of the 32-bit entry stub share. Assembly only.
#pragma once

#include "mm/layout.h"

// clang-format off
#define PHYS(symbol) ((symbol) - KERNEL_BASE) // as linked; the slide comes on top
#define AT(symbol)   PHYS(symbol)(%ebp)       // once the slide is in EBP
