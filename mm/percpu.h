// What the allocators keep for each processor, as a part of its struct percpu. Only mm/ looks
// inside.
#pragma once

#include "lib/types.h"

// One word of a block's field, 64 neighbouring pages, of which this processor alone may hand out
// what was free when it took the word (mm/page.h).
struct page_cpu {
    uint64_t free;  // bit i: page first_frame + i is free
    uint64_t first; // frame number of bit 0; UINT64_MAX: no word is taken
    uint64_t allocs, frees;
};

enum { SLAB_CACHES_MAX = 64 };

// A magazine for each object cache: `top` is one past the object that the next allocation gets, and
// the alignment of the array that it points into tells where it is empty or full (mm/slab.h).
struct slab_cpu {
    void **top[SLAB_CACHES_MAX];
};
