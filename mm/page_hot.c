// Hot words: how a processor comes to the word that it hands out pages from, and parts with it.
//
// Invariant: the bits of a hot word that are in its owner's mask are set in the block's field, and
// not in the block's count. A block holds one hot word at most, and its state names the owner. So
// what a page is can be told from the outside: clear in the field, or set in the owner's mask, it
// is free.
//
// Words are taken in that order: in the same block, in broken blocks of the lowest tree that no
// other processor has chosen, of any tree; only then out of whole blocks, in trees in use before
// those that aren't. So what is broken fills up, from the bottom, and what is whole stays so.

#include "mm/page_priv.h"

// --- The word ------------------------------------------------------------------------------------

// An interrupted change can't be seen: interrupts are off. The order of the stores is for
// hot_free() on other processors.
static void word_enter(struct page_cpu *cpu, uint64_t *word, paddr_t start, uint64_t free)
{
    __atomic_store_n(&cpu->changes, cpu->changes + 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->free, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->word, word, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->free, free, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->changes, cpu->changes + 1, __ATOMIC_SEQ_CST);
    cpu->start = start;
    cpu->room = word ? WORD_PAGES : 0;
}

uint64_t hot_free(unsigned id, const uint64_t *word)
{
    const struct page_cpu *cpu = __atomic_load_n(&pages.cpus[id], __ATOMIC_ACQUIRE);
    uint32_t changes;
    uint64_t free;
    const uint64_t *current;
    if (!cpu)
        return 0;
    do {
        changes = __atomic_load_n(&cpu->changes, __ATOMIC_SEQ_CST);
        free = __atomic_load_n(&cpu->free, __ATOMIC_SEQ_CST);
        current = __atomic_load_n(&cpu->word, __ATOMIC_SEQ_CST);
    } while (free && (changes & 1 || changes != __atomic_load_n(&cpu->changes, __ATOMIC_SEQ_CST)));
    return current == word ? free : 0;
}

// Takes what is free in a word of a block from whose count `count` pages have been taken before.
static bool word_claim(struct page_cpu *cpu, struct tree *tree, unsigned block, uint64_t *word,
                       unsigned count)
{
    uint64_t free = ~__atomic_fetch_or(word, UINT64_MAX, __ATOMIC_SEQ_CST), surplus = free;
    unsigned found = bit_count(free);
    if (found > count) { // some are for others who have counted down
        for (unsigned i = 0; i < count; i++)
            surplus &= surplus - 1;
        __atomic_fetch_and(word, ~surplus, __ATOMIC_SEQ_CST);
        free &= ~surplus;
    } else if (found < count) {
        block_count_up(tree, block, count - found);
    }
    if (found != count)
        note_return(cpu);
    if (!free)
        return false;
    paddr_t start = tree_start(tree) + (paddr_t)(word - tree->field) * WORD_SIZE;
    word_enter(cpu, word, start, free);
    return true;
}

// --- The block -----------------------------------------------------------------------------------

static void block_disown(struct tree *tree, unsigned block)
{
    uint32_t old =
        __atomic_fetch_and(&tree->block[block], ~(uint32_t)BLOCK_OWNER, __ATOMIC_SEQ_CST);
    if (block_class(old) != block_class(old & ~(uint32_t)BLOCK_OWNER))
        block_publish(tree, block);
}

// Makes this processor the block's owner and counts down by what a word holds, `most`, or all there
// is. Returns how much that was; 0: nothing has been done.
static unsigned block_own(struct page_cpu *cpu, struct tree *tree, unsigned block, unsigned most)
{
    uint32_t old = block_state(tree, block), new;
    unsigned count;
    do {
        count = old & BLOCK_COUNT;
        if (!count || old & BLOCK_ASIDE || (block_owner(old) && block_owner(old) != cpu->id))
            return 0;
        count = count < most ? count : most;
        new = (old - count) | (uint32_t)cpu->id << BLOCK_OWNER_SHIFT;
    } while (!__atomic_compare_exchange_n(&tree->block[block], &old, new, true, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    if (block_class(old) != block_class(new))
        block_publish(tree, block);
    return count;
}

// The lowest word with something free in it, and how much that is; pages that lie in one word with
// memory that isn't ours are left alone.
static uint64_t *word_choose(struct tree *tree, unsigned block, unsigned *free)
{
    uint64_t *field = block_field(tree, block);
    unsigned usable = __atomic_load_n(&tree->usable[block], __ATOMIC_RELAXED);
    for (unsigned i = 0; i < BLOCK_WORDS; i++)
        if (usable >> i & 1 && (*free = bit_count(~__atomic_load_n(&field[i], __ATOMIC_SEQ_CST))))
            return &field[i];
    return NULL;
}

static bool hot_claim(struct page_cpu *cpu, struct tree *tree, unsigned block)
{
    unsigned free;
    uint64_t *word = word_choose(tree, block, &free);
    paddr_t old = cpu->start;
    bool stays = cpu->word && align_down(old, BLOCK_SIZE) == block_start(tree, block);
    bool moves = cpu->word && !stays;
    unsigned count = word ? block_own(cpu, tree, block, free) : 0;
    if (!count)
        return false;
    if (!word_claim(cpu, tree, block, word, count)) {
        if (!stays)
            block_disown(tree, block);
        return false;
    }
    if (moves)
        block_disown(tree_at(old), block_at(old));
    return true;
}

// --- The tree ------------------------------------------------------------------------------------

static bool tree_reserve(struct page_cpu *cpu, struct tree *tree)
{
    uint16_t nobody = 0;
    if (cpu->tree == tree)
        return true;
    if (!__atomic_compare_exchange_n(&tree->owner, &nobody, cpu->id, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return false;
    if (cpu->tree)
        __atomic_store_n(&cpu->tree->owner, 0, __ATOMIC_SEQ_CST);
    cpu->tree = tree;
    return true;
}

static bool tree_claim(struct page_cpu *cpu, struct tree *tree, const uint64_t *mask)
{
    uint64_t blocks = __atomic_load_n(mask, __ATOMIC_SEQ_CST);
    for (; blocks; blocks &= blocks - 1)
        if (hot_claim(cpu, tree, (unsigned)__builtin_ctzll(blocks)))
            return true;
    return false;
}

static bool zone_claim_partial(struct page_cpu *cpu, const struct zone *zone, bool polite)
{
    unsigned i = zone_next(zone, TREES_PARTIAL, zone->first);
    for (; i < zone->end; i = zone_next(zone, TREES_PARTIAL, i + 1)) {
        struct tree *tree = tree_open(i);
        if (tree && (!polite || tree_reserve(cpu, tree)) && tree_claim(cpu, tree, &tree->partial))
            return true;
    }
    return false;
}

static bool zone_claim_whole(struct page_cpu *cpu, const struct zone *zone, enum tree_list list)
{
    unsigned i = zone_next(zone, list, zone->first);
    for (; i < zone->end; i = zone_next(zone, list, i + 1)) {
        struct tree *tree = tree_open(i);
        if (!tree || !tree_claim(cpu, tree, &tree->whole))
            continue;
        (void)tree_reserve(cpu, tree);
        return true;
    }
    return false;
}

static bool zone_claim(struct page_cpu *cpu, const struct zone *zone)
{
    if (zone_claim_partial(cpu, zone, true) || zone_claim_partial(cpu, zone, false))
        return true;
    for (enum tree_list list = TREES_SOME; list < TREE_LISTS; list++)
        if (zone_claim_whole(cpu, zone, list))
            return true;
    return false;
}

// --- Taking and leaving --------------------------------------------------------------------------

bool cpu_register(struct page_cpu *cpu)
{
    if (cpu->id)
        return true;
    unsigned id = __atomic_load_n(&pages.cpu_count, __ATOMIC_RELAXED);
    do {
        if (id == PAGE_CPUS)
            return false;
    } while (!__atomic_compare_exchange_n(&pages.cpu_count, &id, id + 1, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    cpu->id = (uint16_t)(id + 1);
    __atomic_store_n(&pages.cpus[id + 1], cpu, __ATOMIC_RELEASE);
    return true;
}

static bool hot_refill(struct page_cpu *cpu)
{
    struct zone zones[ZONES_MAX];
    if (!cpu_register(cpu))
        return false;
    if (cpu->word && hot_claim(cpu, tree_at(cpu->start), block_at(cpu->start)))
        return true;
    unsigned count = zones_from_flags(PAGE_ANY, zones);
    for (unsigned i = 0; i < count; i++)
        if (zone_claim(cpu, &zones[i]))
            return true;
    return false;
}

static bool hot_suits(const struct page_cpu *cpu, unsigned flags)
{
    unsigned node = flags >> 8, tree = (unsigned)(cpu->start >> TREE_SHIFT);
    if (!cpu->free || flags & PAGE_BELOW_1M)
        return false;
    if (flags & PAGE_BELOW_4G && tree >= TREES_BELOW_4G)
        return false;
    return !node || pages.nodes[tree] + 1u == node;
}

paddr_t hot_take(struct page_cpu *cpu, unsigned flags)
{
    bool any = (flags & ~(unsigned)PAGE_ZERO) == 0;
    if (any ? !cpu->free && !hot_refill(cpu) : !hot_suits(cpu, flags))
        return NO_PAGE;
    uint64_t free = cpu->free;
    __atomic_store_n(&cpu->free, free & (free - 1), __ATOMIC_RELAXED);
    return cpu->start + (paddr_t)__builtin_ctzll(free) * PAGE_SIZE;
}

bool hot_drain(struct page_cpu *cpu)
{
    uint64_t *word = cpu->word, free = cpu->free;
    if (cpu->tree)
        __atomic_store_n(&cpu->tree->owner, 0, __ATOMIC_SEQ_CST);
    cpu->tree = cpu->large = NULL;
    if (!word)
        return false;
    struct tree *tree = tree_at(cpu->start);
    unsigned block = block_at(cpu->start);
    word_enter(cpu, NULL, 0, 0);
    __atomic_fetch_and(word, ~free, __ATOMIC_SEQ_CST);
    block_count_up(tree, block, bit_count(free));
    block_disown(tree, block);
    note_return(cpu);
    return true;
}
