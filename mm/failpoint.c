// Counters of allocations that are to fail. While one is set, no allocation is served from a hot
// word or a magazine, so that the count is exact and the fast paths needn't look.

#include "mm/failpoint.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/slab.h"

uint64_t failpoint_left[FAILPOINTS];

void failpoint_set(enum failpoint which, uint64_t nth)
{
    failpoint_left[which] = nth;
    if (which == FAILPOINT_PAGE)
        page_drain();
    else
        slab_drain();
}

uint64_t failpoint_get(enum failpoint which)
{
    return failpoint_left[which];
}

enum status failpoint_set_by_name(const char *text)
{
    static const char *const names[FAILPOINTS] = {"page=", "slab="};
    uint64_t nth;
    for (unsigned i = 0; i < FAILPOINTS; i++) {
        if (!string_starts_with(text, names[i]) || !parse_u64(text + strlen(names[i]), &nth))
            continue;
        failpoint_set((enum failpoint)i, nth);
        return OK;
    }
    return BAD_ARGUMENT;
}
