// How processors wait that have nothing to do.
#pragma once

// Chooses between HLT and MWAIT. Once, at start, when options are known.
void wait_init(void);
