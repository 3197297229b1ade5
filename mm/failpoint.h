// Makes allocations fail on purpose: the way to see that running out of memory is an ordinary
// error everywhere.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

enum failpoint { FAILPOINT_PAGE, FAILPOINT_SLAB, FAILPOINTS };

extern uint64_t failpoint_left[FAILPOINTS]; // 0: off

// The `nth` allocation from now on fails, once; 0: none does. For pages this counts calls, for slab
// too, whether they are served from a magazine or not.
void failpoint_set(enum failpoint which, uint64_t nth);

// Allocations until the failure; 0: none is to come.
uint64_t failpoint_get(enum failpoint which);

// Sets one by its name: "page=3", "slab=0". BAD_ARGUMENT where `text` isn't of that form.
must_use enum status failpoint_set_by_name(const char *text);

// Asked by the allocators on their slow paths, which all allocations take while one is set.
static inline bool failpoint_hit(enum failpoint which)
{
    return unlikely(failpoint_left[which]) && --failpoint_left[which] == 0;
}
