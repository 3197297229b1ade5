// Stopping all other processors: the NMI's part (arch_stop_others() of arch/arch.h is the other).
#pragma once

#include "lib/types.h"

struct trap_frame;

// Halts this processor for good where somebody has asked for it; otherwise returns false.
bool stop_on_nmi(struct trap_frame *frame);
