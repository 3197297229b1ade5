// Runs of pages inside a block, and what gives them back: here a wrong free is told from a right
// one.

#include "mm/page_priv.h"

// So many broken blocks are searched for a run before a whole one is broken for it.
enum { RUN_TRIES = 32 };

// --- Taking --------------------------------------------------------------------------------------

static paddr_t tree_take(struct tree *tree, const uint64_t *mask, unsigned count, unsigned *tries)
{
    uint64_t blocks = __atomic_load_n(mask, __ATOMIC_SEQ_CST);
    for (; blocks && *tries; blocks &= blocks - 1) {
        unsigned block = (unsigned)__builtin_ctzll(blocks);
        if ((block_state(tree, block) & BLOCK_COUNT) < count)
            continue;
        int first = block_take(tree, block, count, 0, BLOCK_WORDS);
        if (first >= 0)
            return block_start(tree, block) + (paddr_t)first * PAGE_SIZE;
        --*tries;
    }
    return NO_PAGE;
}

static paddr_t list_take(const struct zone *zone, enum tree_list list, unsigned count,
                         unsigned tries)
{
    unsigned i = zone_next(zone, list, zone->first);
    for (; i < zone->end && tries; i = zone_next(zone, list, i + 1)) {
        struct tree *tree = tree_open(i);
        if (!tree)
            continue;
        const uint64_t *mask = list == TREES_PARTIAL ? &tree->partial : &tree->whole;
        paddr_t page = tree_take(tree, mask, count, &tries);
        if (page != NO_PAGE)
            return page;
    }
    return NO_PAGE;
}

paddr_t run_take(const struct zone *zone, unsigned count)
{
    paddr_t page = list_take(zone, TREES_PARTIAL, count, RUN_TRIES);
    for (enum tree_list list = TREES_SOME; page == NO_PAGE && list < TREE_LISTS; list++)
        page = list_take(zone, list, count, UINT32_MAX);
    return page != NO_PAGE ? page : list_take(zone, TREES_PARTIAL, count, UINT32_MAX);
}

paddr_t low_take(unsigned count, unsigned flags)
{
    enum { WORDS_BELOW_1M = 4 };
    struct tree *tree = tree_at(0);
    int first = -1;
    if (!tree || !(block_state(tree, 0) & BLOCK_ASIDE) || direct_map_size < BLOCK_SIZE)
        return NO_PAGE;
    if (!(flags & PAGE_BELOW_1M))
        first = block_take(tree, 0, count, WORDS_BELOW_1M, BLOCK_WORDS);
    if (first < 0)
        first = block_take(tree, 0, count, 0, WORDS_BELOW_1M);
    return first < 0 ? NO_PAGE : (paddr_t)first * PAGE_SIZE;
}

// The part of [*first, *first + *count) that lies in one block; moves both past it.
static unsigned piece_next(paddr_t *first, unsigned *count, unsigned *length)
{
    unsigned page = *first / PAGE_SIZE % BLOCK_PAGES;
    *length = *count < BLOCK_PAGES - page ? *count : BLOCK_PAGES - page;
    *first += (paddr_t)*length * PAGE_SIZE;
    *count -= *length;
    return page;
}

bool run_take_exact(paddr_t first, unsigned count)
{
    paddr_t at = first;
    for (unsigned left = count, length; left;) {
        paddr_t begin = at;
        struct tree *tree = tree_open((unsigned)(begin >> TREE_SHIFT));
        unsigned page = piece_next(&at, &left, &length);
        if (tree && block_take_exact(tree, block_at(begin), page, length))
            continue;
        if (begin > first)
            (void)run_give(first, (unsigned)((begin - first) / PAGE_SIZE));
        note_return(&this_cpu()->page);
        return false;
    }
    return true;
}

// --- Giving back ---------------------------------------------------------------------------------

// Pages that share a word with memory of others.
static bool are_ours(paddr_t first, unsigned count)
{
    uintptr_t irq = lock_irqsave(&pages.map_lock);
    const struct memory_range *range = memory_map_find(pages.map, first);
    bool ours = range && range->kind == MEMORY_USABLE && (range->end - first) / PAGE_SIZE >= count;
    unlock_irqrestore(&pages.map_lock, irq);
    return ours;
}

// What the state of the block says against giving pages of its word at `first` back.
static const char *word_refuse(const struct tree *tree, const uint64_t *word, paddr_t first,
                               uint64_t mask, uint32_t state)
{
    if (state & BLOCK_TAKEN)
        return "of another size";
    if (state & BLOCK_MIXED && !word_is_usable(tree, first) && !are_ours(first, bit_count(mask)))
        return "not ours";
    if (block_owner(state) && hot_free(block_owner(state), word) & mask)
        return "already free";
    return NULL;
}

static const char *no_tree(paddr_t page)
{
    unsigned index = (unsigned)(page >> TREE_SHIFT);
    return index < pages.count && tree_is_listed(TREES_FRESH, index) ? "already free" : "not ours";
}

static const char *piece_refuse(struct tree *tree, paddr_t start, unsigned first, unsigned count)
{
    uint64_t *field = block_field(tree, block_at(start));
    uint32_t state = block_state(tree, block_at(start));
    for (unsigned i = first / WORD_PAGES; i <= (first + count - 1) / WORD_PAGES; i++) {
        uint64_t mask = word_mask(first, count, i);
        paddr_t page = align_down(start, BLOCK_SIZE) + (paddr_t)i * WORD_SIZE +
                       (paddr_t)__builtin_ctzll(mask) * PAGE_SIZE;
        const char *wrong = word_refuse(tree, &field[i], page, mask, state);
        if (wrong)
            return wrong;
        if (~__atomic_load_n(&field[i], __ATOMIC_SEQ_CST) & mask)
            return "already free";
    }
    return NULL;
}

static const char *run_refuse(paddr_t at, unsigned left)
{
    if (!is_aligned(at, PAGE_SIZE))
        return "not ours";
    for (unsigned length; left;) {
        paddr_t begin = at;
        struct tree *tree = tree_at(begin);
        unsigned page = piece_next(&at, &left, &length);
        const char *wrong = tree ? piece_refuse(tree, begin, page, length) : no_tree(begin);
        if (wrong)
            return wrong;
    }
    return NULL;
}

const char *run_give(paddr_t first, unsigned count)
{
    const char *wrong = run_refuse(first, count);
    if (wrong)
        return wrong;
    for (unsigned left = count, length; left;) {
        paddr_t begin = first;
        unsigned page = piece_next(&first, &left, &length);
        if (block_give(tree_at(begin), block_at(begin), page, length) != length)
            wrong = "already free"; // by somebody else, at the same moment
    }
    return wrong;
}
