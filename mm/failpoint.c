// Counters of allocations that are to fail. While one is set, no allocation is served from a hot
// word or a magazine, so that the count is exact and the fast paths needn't look.

#include "mm/failpoint.h"

uint64_t failpoint_left[FAILPOINTS];

void failpoint_set(enum failpoint which, uint64_t nth)
{
    failpoint_left[which] = nth;
}

uint64_t failpoint_get(enum failpoint which)
{
    return failpoint_left[which];
}
