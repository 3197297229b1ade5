// Blocks: pages are taken and given back here, by changes of a state and then of bits.

#include "mm/page_priv.h"

// --- Classes -------------------------------------------------------------------------------------

void tree_publish(struct tree *tree)
{
    bool partial;
    enum tree_list class;
    do {
        partial = __atomic_load_n(&tree->partial, __ATOMIC_SEQ_CST) != 0;
        class = tree_class(__atomic_load_n(&tree->whole, __ATOMIC_SEQ_CST));
        tree_list(TREES_PARTIAL, tree->index, partial);
        tree_list(TREES_SOME, tree->index, class == TREES_SOME);
        tree_list(TREES_ENTIRE, tree->index, class == TREES_ENTIRE);
    } while (partial != (__atomic_load_n(&tree->partial, __ATOMIC_SEQ_CST) != 0) ||
             class != tree_class(__atomic_load_n(&tree->whole, __ATOMIC_SEQ_CST)));
}

void block_publish(struct tree *tree, unsigned block)
{
    enum block_class class;
    do {
        class = block_class(block_state(tree, block));
        mask_put(tree, &tree->partial, block, class == BLOCK_IS_PARTIAL);
        mask_put(tree, &tree->whole, block, class == BLOCK_IS_WHOLE);
    } while (class != block_class(block_state(tree, block)));
}

// --- States --------------------------------------------------------------------------------------

bool block_count_down(struct tree *tree, unsigned block, unsigned count)
{
    uint32_t old = block_state(tree, block);
    do {
        if ((old & BLOCK_COUNT) < count)
            return false;
    } while (!__atomic_compare_exchange_n(&tree->block[block], &old, old - count, true,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if (block_class(old) != block_class(old - count))
        block_publish(tree, block);
    return true;
}

// --- Bits ----------------------------------------------------------------------------------------

uint64_t run_starts(uint64_t free, unsigned count)
{
    static const uint64_t aligned[] = {
        UINT64_MAX,
        0x5555555555555555,
        0x1111111111111111,
        0x0101010101010101,
        0x0001000100010001,
        0x0000000100000001,
        1,
    };
    unsigned order = 0;
    for (unsigned length = 1; free && length < count; order++) {
        unsigned step = length < count - length ? length : count - length;
        free &= free >> step; // now ones begin runs of length + step
        length += step;
    }
    return free & aligned[order]; // none is as good in any order
}

static bool word_take(uint64_t *word, uint64_t mask)
{
    uint64_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    do {
        if (old & mask)
            return false;
    } while (!__atomic_compare_exchange_n(word, &old, old | mask, true, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return true;
}

static bool words_take(uint64_t *field, unsigned first, unsigned count)
{
    unsigned begin = first / WORD_PAGES, end = (first + count - 1) / WORD_PAGES + 1, i;
    for (i = begin; i < end; i++)
        if (!word_take(&field[i], word_mask(first, count, i)))
            break;
    if (i == end)
        return true;
    while (i-- > begin)
        __atomic_fetch_and(&field[i], ~word_mask(first, count, i), __ATOMIC_SEQ_CST);
    note_return(&this_cpu()->page);
    return false;
}

// Less than a word, or all of one.
static int word_find(uint64_t *word, unsigned count)
{
    for (;;) {
        uint64_t starts = run_starts(~__atomic_load_n(word, __ATOMIC_SEQ_CST), count);
        if (!starts)
            return -1;
        unsigned first = (unsigned)__builtin_ctzll(starts);
        if (word_take(word, BITS(count - 1, 0) << first))
            return (int)first;
    }
}

static int field_find(uint64_t *field, unsigned count, unsigned low, unsigned high)
{
    unsigned step = count > 4 * WORD_PAGES ? 8 : count > 2 * WORD_PAGES ? 4 : 2;
    if (count <= WORD_PAGES) {
        for (unsigned i = low; i < high; i++) {
            int first = word_find(&field[i], count);
            if (first >= 0)
                return (int)(i * WORD_PAGES) + first;
        }
        return -1;
    }
    for (unsigned i = low; i + step <= high; i += step)
        if (words_take(field, i * WORD_PAGES, count))
            return (int)(i * WORD_PAGES);
    return -1;
}

// For pages that were counted down and not found.
static void block_count_back(struct tree *tree, unsigned block, unsigned count)
{
    block_count_up(tree, block, count);
    note_return(&this_cpu()->page);
}

int block_take(struct tree *tree, unsigned block, unsigned count, unsigned low, unsigned high)
{
    if (!block_count_down(tree, block, count))
        return -1;
    int first = field_find(block_field(tree, block), count, low, high);
    if (first < 0)
        block_count_back(tree, block, count);
    return first;
}

bool block_take_exact(struct tree *tree, unsigned block, unsigned first, unsigned count)
{
    if (!block_count_down(tree, block, count))
        return false;
    if (words_take(block_field(tree, block), first, count))
        return true;
    block_count_back(tree, block, count);
    return false;
}

unsigned block_give(struct tree *tree, unsigned block, unsigned first, unsigned count)
{
    uint64_t *field = block_field(tree, block);
    unsigned given = 0;
    for (unsigned i = first / WORD_PAGES; i <= (first + count - 1) / WORD_PAGES; i++) {
        uint64_t mask = word_mask(first, count, i);
        given += bit_count(__atomic_fetch_and(&field[i], ~mask, __ATOMIC_SEQ_CST) & mask);
    }
    block_count_up(tree, block, given);
    return given;
}
