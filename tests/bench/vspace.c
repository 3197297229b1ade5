// What mapping costs.

#include "mm/vspace.h"
#include "kernel/bench.h"
#include "kernel/panic.h"

// A page in a range whose tables exist: its neighbour stays mapped.
BENCH(memory, map_unmap_4k)
{
    static uintptr_t range;
    static paddr_t page;
    if (!range) {
        page = page_alloc(PAGE_ANY);
        bool ready = page && vspace_reserve(2 * PAGE_SIZE, PAGE_SIZE, "bench", &range) == OK &&
                     vspace_map(range, page, PAGE_SIZE, MAP_READ) == OK;
        ASSERT(ready);
    }
    bool done = vspace_map(range + PAGE_SIZE, page, PAGE_SIZE, MAP_WRITE) == OK &&
                vspace_unmap(range + PAGE_SIZE, PAGE_SIZE) == OK;
    ASSERT(done);
}
