// LLFree's policy (Wrenger et al., "LLFree: Scalable and Optionally-Persistent Page-Frame
// Allocation", USENIX ATC 2023), for one processor and single pages, to compare fragmentation with:
//
// Trees of 32 blocks of 512 pages. The processor reserves a tree and takes pages from it, going on
// in it where it found the last one. When the tree is used up, the next one is looked for from
// there on: one that is partly used (between a sixteenth and fifteen of them free) first, then an
// entirely free one, then any. A tree that several pages in a row have been given back to becomes
// the reserved one.
#pragma once

#include "tests/host/host.h"

enum {
    LLFREE_BLOCKS = 32,
    LLFREE_TREE = LLFREE_BLOCKS * 512,
    LLFREE_TREES_MAX = 64,
    LLFREE_LEAST = LLFREE_TREE / 16,
    LLFREE_FREES_IN_A_ROW = 4,
};

static struct {
    unsigned trees, reserved, position; // in the reserved tree
    unsigned last_freed, in_a_row;
    uint16_t block_free[LLFREE_TREES_MAX * LLFREE_BLOCKS];
    uint32_t tree_free[LLFREE_TREES_MAX];
    bool taken[LLFREE_TREES_MAX * LLFREE_TREE];
} llfree;

static void llfree_begin(unsigned trees)
{
    llfree.trees = trees;
    llfree.reserved = llfree.position = llfree.in_a_row = 0;
    for (unsigned i = 0; i < trees * LLFREE_TREE; i++)
        llfree.taken[i] = false;
    for (unsigned i = 0; i < trees * LLFREE_BLOCKS; i++)
        llfree.block_free[i] = 512;
    for (unsigned i = 0; i < trees; i++)
        llfree.tree_free[i] = LLFREE_TREE;
}

static bool llfree_reserve(unsigned least, unsigned most)
{
    for (unsigned i = 0; i < llfree.trees; i++) {
        unsigned tree = (llfree.reserved + i) % llfree.trees;
        if (llfree.tree_free[tree] < least || llfree.tree_free[tree] > most)
            continue;
        llfree.reserved = tree;
        llfree.position = 0;
        return true;
    }
    return false;
}

// The number of a page; UINT32_MAX: none is left.
static uint32_t llfree_alloc(void)
{
    if (!llfree.tree_free[llfree.reserved] &&
        !llfree_reserve(LLFREE_LEAST, LLFREE_TREE - LLFREE_LEAST) &&
        !llfree_reserve(LLFREE_TREE, LLFREE_TREE) && !llfree_reserve(1, LLFREE_TREE))
        return UINT32_MAX;
    for (unsigned i = 0; i < LLFREE_TREE;) {
        unsigned at = (llfree.position + i) % LLFREE_TREE;
        uint32_t page = llfree.reserved * LLFREE_TREE + at;
        if (!llfree.block_free[page / 512]) {
            i += 512 - at % 512;
        } else if (llfree.taken[page]) {
            i++;
        } else {
            llfree.taken[page] = true;
            llfree.block_free[page / 512]--;
            llfree.tree_free[llfree.reserved]--;
            llfree.position = at;
            return page;
        }
    }
    return UINT32_MAX;
}

static void llfree_free(uint32_t page)
{
    unsigned tree = page / LLFREE_TREE;
    llfree.taken[page] = false;
    llfree.block_free[page / 512]++;
    llfree.tree_free[tree]++;
    llfree.in_a_row = tree == llfree.last_freed ? llfree.in_a_row + 1 : 1;
    llfree.last_freed = tree;
    if (llfree.in_a_row < LLFREE_FREES_IN_A_ROW || tree == llfree.reserved)
        return;
    llfree.reserved = tree;
    llfree.position = 0;
}

static unsigned llfree_blocks(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < llfree.trees * LLFREE_BLOCKS; i++)
        count += llfree.block_free[i] == 512;
    return count;
}
