// Runs of whole blocks: 2 MiB, 1 GiB and beyond.
//
// A run is claimed from its first block to its last, all but the first marked as its tail, and
// given back from the last to the first. So the block behind a run is never a tail, which tells a
// run given back too short; and of two who give back the same run, one fails at the last block.

#include "mm/page_priv.h"

static struct tree *tree_of(size_t block, bool open)
{
    unsigned index = (unsigned)(block / TREE_BLOCKS);
    return open ? tree_open(index) : tree_at((paddr_t)index << TREE_SHIFT);
}

static uint32_t state_of(size_t block)
{
    struct tree *tree = block / TREE_BLOCKS < pages.count ? tree_of(block, false) : NULL;
    return tree ? block_state(tree, block % TREE_BLOCKS) : BLOCK_MIXED;
}

// Gives back blocks [first, first + count), the last one first. False where one isn't as it should
// be; those behind it have been given back then.
static bool run_release(size_t first, size_t count)
{
    while (count--) {
        size_t block = first + count;
        if (!block_release(tree_of(block, false), block % TREE_BLOCKS, count > 0))
            return false;
    }
    return true;
}

static bool run_claim(size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tree *tree = tree_of(first + i, true);
        if (tree && block_claim(tree, (first + i) % TREE_BLOCKS, i > 0))
            continue;
        (void)run_release(first, i);
        note_return(&this_cpu()->page);
        return false;
    }
    return true;
}

bool blocks_take_exact(paddr_t first, size_t blocks)
{
    return run_claim(first / BLOCK_SIZE, blocks);
}

static const char other_size[] = "not a run of this size";

const char *block_give_whole(paddr_t first)
{
    struct tree *tree = tree_at(first);
    unsigned block = block_at(first);
    if (!tree || !is_aligned(first, BLOCK_SIZE))
        return "not ours";
    uint32_t behind = likely(block + 1 < TREE_BLOCKS) ? block_state(tree, block + 1)
                                                      : state_of(first / BLOCK_SIZE + 1);
    if (behind & BLOCK_TAIL || !block_release(tree, block, false))
        return other_size;
    return NULL;
}

const char *blocks_give(paddr_t first, size_t blocks)
{
    size_t begin = first / BLOCK_SIZE;
    if (!is_aligned(first, BLOCK_SIZE) || blocks > (size_t)pages.count * TREE_BLOCKS)
        return "not ours";
    for (size_t i = 0; i < blocks; i++)
        if (state_of(begin + i) != (i ? BLOCK_TAKEN | BLOCK_TAIL : BLOCK_TAKEN))
            return other_size;
    if (state_of(begin + blocks) & BLOCK_TAIL)
        return other_size;
    return run_release(begin, blocks) ? NULL : other_size;
}

// --- Searching -----------------------------------------------------------------------------------

static paddr_t tree_take_blocks(struct tree *tree, unsigned count)
{
    uint64_t starts = run_starts(__atomic_load_n(&tree->whole, __ATOMIC_SEQ_CST), count);
    for (; starts; starts &= starts - 1) {
        unsigned block = (unsigned)__builtin_ctzll(starts);
        if (run_claim((size_t)tree->index * TREE_BLOCKS + block, count))
            return block_start(tree, block);
    }
    return NO_PAGE;
}

paddr_t block_take_again(struct page_cpu *cpu)
{
    struct tree *tree = cpu->large;
    uint64_t whole = tree ? __atomic_load_n(&tree->whole, __ATOMIC_SEQ_CST) : 0;
    if (!whole || !~whole) // there may be one that is in use
        return NO_PAGE;
    unsigned block = (unsigned)__builtin_ctzll(whole);
    return block_claim(tree, block, false) ? block_start(tree, block) : NO_PAGE;
}

// Not memory below 4 GiB while there is other, nor what was asked for by its node.
static bool is_worth_remembering(const struct zone *zone)
{
    bool low = zone->first < TREES_BELOW_4G;
    return !zone->node && (!low || pages.count <= TREES_BELOW_4G ||
                           direct_map_size <= TREES_BELOW_4G * (size_t)TREE_SIZE);
}

static paddr_t inside_tree(struct page_cpu *cpu, const struct zone *zone, unsigned count)
{
    for (enum tree_list list = TREES_SOME; list < TREE_LISTS; list++) {
        unsigned i = zone_next(zone, list, zone->first);
        for (; i < zone->end; i = zone_next(zone, list, i + 1)) {
            struct tree *tree = tree_open(i);
            paddr_t found = tree ? tree_take_blocks(tree, count) : NO_PAGE;
            if (found == NO_PAGE)
                continue;
            if (is_worth_remembering(zone))
                cpu->large = tree;
            return found;
        }
    }
    return NO_PAGE;
}

static bool tree_suits(const struct zone *zone, unsigned index, size_t blocks)
{
    if (zone->node && pages.nodes[index] + 1u != zone->node)
        return false;
    if (tree_is_listed(TREES_FRESH, index) || tree_is_listed(TREES_ENTIRE, index))
        return true;
    struct tree *tree = tree_at((paddr_t)index << TREE_SHIFT);
    uint64_t needed = blocks < TREE_BLOCKS ? BIT(blocks) - 1 : UINT64_MAX;
    return tree && !(~__atomic_load_n(&tree->whole, __ATOMIC_SEQ_CST) & needed);
}

// More than a tree: begins at every eighth tree, a GiB, or at every second or fourth.
static paddr_t across_trees(const struct zone *zone, size_t blocks)
{
    unsigned trees = (unsigned)((blocks + TREE_BLOCKS - 1) / TREE_BLOCKS), i;
    unsigned step = trees > 4 ? 8 : trees > 2 ? 4 : 2;
    for (unsigned first = (unsigned)align_up(zone->first, step); first + trees <= zone->end;
         first += step) {
        for (i = 0; i < trees; i++)
            if (!tree_suits(zone, first + i, blocks - (size_t)i * TREE_BLOCKS))
                break;
        if (i == trees && run_claim((size_t)first * TREE_BLOCKS, blocks))
            return (paddr_t)first << TREE_SHIFT;
    }
    return NO_PAGE;
}

paddr_t blocks_take(struct page_cpu *cpu, const struct zone *zone, size_t blocks)
{
    if (blocks > (size_t)pages.count * TREE_BLOCKS)
        return NO_PAGE;
    if (blocks > TREE_BLOCKS)
        return across_trees(zone, blocks);
    return inside_tree(cpu, zone, (unsigned)blocks);
}
