// Trees: how they come to be, on which lists they are, and in which order they are looked through.
//
// Invariant: a tree's place on the lists follows from its masks, and these from its blocks' states;
// whoever changes what is below corrects what is above, and looks again whether it still holds.

#include "lib/string.h"
#include "mm/page_priv.h"

struct page_world pages;

void tree_list(enum tree_list list, unsigned index, bool listed)
{
    uint64_t *word = &pages.lists[list][index / 64], bit = BIT(index % 64);
    if (tree_is_listed(list, index) == listed)
        return;
    if (listed)
        __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
}

// --- Set-up --------------------------------------------------------------------------------------

static struct tree *slot_take(unsigned index)
{
    unsigned slot = __atomic_fetch_add(&pages.slots_used, 1, __ATOMIC_RELAXED);
    if (slot >= pages.slot_count) {
        __atomic_fetch_sub(&pages.slots_used, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    struct tree *tree = &pages.slots[slot];
    tree->index = index;
    tree->owner = 0;
    memset(tree->record, 0, sizeof(tree->record));
    return tree;
}

// In words of 64 bits and eight at a time: this is most of what the first use of a tree costs.
static void tree_fill(struct tree *tree, uint64_t field, uint32_t state, uint64_t usable)
{
    uint64_t states = (uint64_t)state << 32 | state;
    for (uint64_t *word = tree->field; word < tree->field + TREE_WORDS; word += 8) {
        word[0] = word[1] = word[2] = word[3] = field;
        word[4] = word[5] = word[6] = word[7] = field;
    }
    for (unsigned i = 0; i < TREE_BLOCKS; i += 2)
        *(uint64_t *)&tree->block[i] = states;
    for (unsigned i = 0; i < TREE_BLOCKS; i += 8)
        *(uint64_t *)&tree->usable[i] = usable;
}

struct tree *tree_create(unsigned index)
{
    struct tree *tree = slot_take(index);
    if (!tree)
        return NULL;
    tree_fill(tree, UINT64_MAX, BLOCK_MIXED, 0);
    tree->partial = tree->whole = 0;
    if (index == 0)
        tree->block[0] |= BLOCK_ASIDE;
    __atomic_store_n(&pages.trees[index], tree, __ATOMIC_RELEASE);
    return tree;
}

// Whoever takes a tree off the list of fresh ones sets it up; for others it isn't there meanwhile.
noinline static struct tree *tree_set_up(unsigned index)
{
    struct tree *tree = NULL;
    uint64_t bit = BIT(index % 64);
    if (__atomic_fetch_and(&pages.lists[TREES_FRESH][index / 64], ~bit, __ATOMIC_SEQ_CST) & bit)
        tree = slot_take(index); // there is one for each
    if (tree) {
        tree_fill(tree, 0, BLOCK_WHOLE, UINT64_MAX);
        tree->partial = 0;
        tree->whole = UINT64_MAX;
        __atomic_store_n(&pages.trees[index], tree, __ATOMIC_RELEASE);
        tree_list(TREES_ENTIRE, index, true);
        note_return(&this_cpu()->page);
    }
    return tree;
}

struct tree *tree_open(unsigned index)
{
    struct tree *tree = tree_at((paddr_t)index << TREE_SHIFT);
    if (tree || index >= pages.count || !tree_is_listed(TREES_FRESH, index))
        return tree;
    return tree_set_up(index);
}

// --- Memory --------------------------------------------------------------------------------------

static bool is_ours(paddr_t start, size_t size)
{
    const struct memory_range *range = memory_map_find(pages.map, start);
    return range && range->kind == MEMORY_USABLE && range->end - start >= size;
}

static uint8_t usable_words(paddr_t block)
{
    if (is_ours(block, BLOCK_SIZE))
        return UINT8_MAX;
    unsigned words = 0;
    for (unsigned i = 0; i < BLOCK_WORDS; i++)
        words |= (unsigned)is_ours(block + (paddr_t)i * WORD_SIZE, WORD_SIZE) << i;
    return (uint8_t)words;
}

static void block_add(struct tree *tree, unsigned block, unsigned first, unsigned count)
{
    uint8_t usable = usable_words(block_start(tree, block));
    __atomic_store_n(&tree->usable[block], usable, __ATOMIC_RELAXED);
    if (count < BLOCK_PAGES)
        (void)block_give(tree, block, first, count);
    if (usable != UINT8_MAX)
        return;
    if (count < BLOCK_PAGES) {
        __atomic_fetch_and(&tree->block[block], ~(uint32_t)BLOCK_MIXED, __ATOMIC_SEQ_CST);
    } else { // nobody looks into it
        uint64_t *field = block_field(tree, block);
        for (unsigned i = 0; i < BLOCK_WORDS; i++)
            field[i] = 0;
        __atomic_store_n(&tree->block[block], BLOCK_WHOLE, __ATOMIC_SEQ_CST);
    }
    block_publish(tree, block);
}

// The part of [start, end) that lies in start's block: its first page there, and how many.
static unsigned piece(paddr_t start, paddr_t end, unsigned *count)
{
    paddr_t stop = align_down(start, BLOCK_SIZE) + BLOCK_SIZE;
    *count = (unsigned)(((stop < end ? stop : end) - start) / PAGE_SIZE);
    return start / PAGE_SIZE % BLOCK_PAGES;
}

void tree_add(struct tree *tree, paddr_t start, paddr_t end)
{
    for (unsigned count; start < end; start += count * PAGE_SIZE) {
        unsigned first = piece(start, end, &count);
        block_add(tree, block_at(start), first, count);
    }
}

bool tree_remove(struct tree *tree, paddr_t start, paddr_t end)
{
    paddr_t at = start;
    for (unsigned count; at < end; at += count * PAGE_SIZE) {
        unsigned first = piece(at, end, &count);
        if (!block_take_exact(tree, block_at(at), first, count))
            break;
    }
    if (at >= end)
        return true;
    for (unsigned count; start < at; start += count * PAGE_SIZE) {
        unsigned first = piece(start, at, &count);
        (void)block_give(tree, block_at(start), first, count);
    }
    return false;
}

void tree_recount(struct tree *tree, paddr_t start, paddr_t end)
{
    for (start = align_down(start, BLOCK_SIZE); start < end; start += BLOCK_SIZE) {
        unsigned block = block_at(start);
        __atomic_store_n(&tree->usable[block], usable_words(start), __ATOMIC_RELAXED);
        __atomic_fetch_or(&tree->block[block], BLOCK_MIXED, __ATOMIC_SEQ_CST);
    }
}

// --- Where to look -------------------------------------------------------------------------------

// Memory that the direct map doesn't reach yet is nobody's use.
static unsigned trees_in_reach(void)
{
    uintptr_t trees = direct_map_size >> TREE_SHIFT;
    trees += !is_aligned(direct_map_size, TREE_SIZE);
    return trees < pages.count ? (unsigned)trees : pages.count;
}

unsigned zones_from_flags(unsigned flags, struct zone zones[ZONES_MAX])
{
    unsigned count = 0, node = flags >> 8, reach = trees_in_reach();
    for (;; node = 0) {
        if (reach > TREES_BELOW_4G && !(flags & PAGE_BELOW_4G))
            zones[count++] = (struct zone){TREES_BELOW_4G, reach, node};
        zones[count++] = (struct zone){0, reach < TREES_BELOW_4G ? reach : TREES_BELOW_4G, node};
        if (!node)
            return count;
    }
}

static unsigned list_next(const uint64_t *list, unsigned from, unsigned end)
{
    while (from < end) {
        uint64_t bits = __atomic_load_n(&list[from / 64], __ATOMIC_SEQ_CST) >> from % 64;
        if (bits) {
            from += (unsigned)__builtin_ctzll(bits);
            return from < end ? from : end;
        }
        from = (from | 63) + 1;
    }
    return end;
}

unsigned zone_next(const struct zone *zone, enum tree_list list, unsigned from)
{
    for (;; from++) {
        from = list_next(pages.lists[list], from, zone->end);
        if (from >= zone->end || !zone->node || pages.nodes[from] + 1u == zone->node)
            return from;
    }
}
