// What the allocators keep for each processor, as a part of its struct percpu. Only mm/ looks
// inside.
#pragma once

#include "lib/types.h"

struct tree;

// The hot word: 64 neighbouring pages, one word of a block's field, of which this processor alone
// may hand out what was free when it took the word (mm/page.h). All zero: none is taken.
struct page_cpu {
    uint64_t free;      // bit i: the word's page i is free
    uint64_t before;    // address of the byte below the word's first page
    uint64_t *word;     // in its block's field; NULL: no word is taken
    struct tree *tree;  // where others don't look for words while there is another
    struct tree *large; // where the last block was found
    uint64_t allocs, frees;
    uint32_t changes; // odd while another word is being taken: free and word don't match then
    uint16_t id;      // by which blocks and trees name this processor; 0: none yet
    bool reclaiming;
};

enum { SLAB_CACHES_MAX = 64 };

// A magazine for each object cache: `top` is one past the object that the next allocation gets, and
// the alignment of the array that it points into tells where it is empty or full (mm/slab.h).
struct slab_cpu {
    void **top[SLAB_CACHES_MAX];
};
