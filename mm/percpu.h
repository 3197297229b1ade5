// What the allocators keep for each processor, as a part of its struct percpu. Only mm/ looks
// inside.
#pragma once

#include "lib/types.h"

struct tree;

// The hot word: 64 neighbouring pages, one word of a block's field, of which this processor alone
// may hand out what was free when it took the word (mm/page.h). All zero: none is taken.
struct page_cpu {
    uint64_t free;      // bit i: the word's page i is free
    uint64_t start;     // the address of the word's first page
    uint64_t room;      // its pages; 0: no word is taken
    uint64_t *word;     // in its block's field; NULL: no word is taken
    struct tree *tree;  // where others don't look for words while there is another
    struct tree *large; // where the last block was found
    uint64_t allocs, frees;
    uint32_t trying;  // odd while it may hold pages that it gives back without having had them
    uint32_t returns; // how often it has made pages free that others may have looked for
    uint32_t changes; // odd while another word is being taken: free and word don't match then
    uint16_t id;      // by which blocks and trees name this processor; 0: none yet
    bool reclaiming;
};

enum { SLAB_CACHES_MAX = 64 };

// For each object cache a magazine, a stack of free objects: `top` is one past the object that the
// next allocation gets, in front of the first one stands a NULL, and an object that would have to
// be put at `last` is one too many (mm/slab_magazine.c).
struct slab_cpu {
    void **top[SLAB_CACHES_MAX], **last[SLAB_CACHES_MAX];
    void **base[SLAB_CACHES_MAX]; // the NULL; NULL: no magazine yet, and `none` stands in
    void *none[2];                // a magazine that is empty and full
    struct slab_cpu *next;        // of all processors'
};
