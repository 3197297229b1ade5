// What the page allocator can tell of itself: totals, pictures, and whether it is sound.

#include "mm/page_priv.h"

// --- Totals --------------------------------------------------------------------------------------

static bool is_entire(unsigned index)
{
    return tree_is_listed(TREES_FRESH, index) || tree_is_listed(TREES_ENTIRE, index);
}

static void tree_add_stats(unsigned index, struct page_stats *stats)
{
    const struct tree *tree = tree_at((paddr_t)index << TREE_SHIFT);
    if (is_entire(index)) {
        stats->free += TREE_PAGES;
        stats->free_blocks += TREE_BLOCKS;
        return;
    }
    for (unsigned i = 0; tree && i < TREE_BLOCKS; i++) {
        uint32_t state = block_state(tree, i);
        stats->free += state & BLOCK_COUNT;
        stats->free_blocks += block_class(state) == BLOCK_IS_WHOLE;
    }
}

static void add_zeroed(struct page_stats *stats)
{
    bool has_unfinished;
    unsigned count = page_zero_count(&has_unfinished);
    stats->zeroed = count;
    stats->free_blocks += count + has_unfinished;
    stats->free += (uint64_t)(count + has_unfinished) * BLOCK_PAGES;
}

void page_get_stats(struct page_stats *stats)
{
    uintptr_t state = page_zero_lock();
    *stats = (struct page_stats){
        .total = pages.total,
        .metadata = pages.reserve_end - pages.reserve_start,
        .failed = pages.failed,
        .refused = pages.refused,
    };
    unsigned entire = 0;
    for (unsigned i = 0; i < pages.count; i++) {
        tree_add_stats(i, stats);
        entire = i % 8 == 0 ? is_entire(i) : entire + is_entire(i);
        stats->free_gigs += entire == 8;
    }
    for (unsigned id = 1; id <= pages.cpu_count; id++) {
        const struct page_cpu *cpu = pages.cpus[id];
        stats->free += bit_count(cpu->free);
        stats->allocs += cpu->allocs;
        stats->frees += cpu->frees;
    }
    add_zeroed(stats);
    page_zero_unlock(state);
}

// --- Pictures ------------------------------------------------------------------------------------

static uint64_t free_in_words(struct tree *tree, paddr_t start, paddr_t end)
{
    unsigned first = start / PAGE_SIZE % BLOCK_PAGES, count = (unsigned)((end - start) / PAGE_SIZE);
    unsigned block = block_at(start), owner = block_owner(block_state(tree, block)), found = 0;
    const uint64_t *field = block_field(tree, block);
    for (unsigned i = first / WORD_PAGES; i <= (first + count - 1) / WORD_PAGES; i++) {
        uint64_t hot = owner ? hot_free(owner, &field[i]) : 0;
        found += bit_count((~field[i] | hot) & word_mask(first, count, i));
    }
    return (uint64_t)found * PAGE_SIZE;
}

static uint64_t free_in_block(paddr_t start, paddr_t end)
{
    struct tree *tree = tree_at(start);
    if (!tree)
        return 0;
    uint32_t state = block_state(tree, block_at(start));
    if (state & BLOCK_TAKEN)
        return state & BLOCK_READY ? end - start : 0;
    return free_in_words(tree, start, end);
}

static uint64_t free_in_tree(paddr_t start, paddr_t end)
{
    uint64_t found = 0;
    if (is_entire((unsigned)(start >> TREE_SHIFT)))
        return end - start;
    while (start < end) {
        paddr_t stop = align_down(start, BLOCK_SIZE) + BLOCK_SIZE;
        stop = stop < end ? stop : end;
        found += free_in_block(start, stop);
        start = stop;
    }
    return found;
}

uint64_t page_free_bytes(paddr_t start, paddr_t end)
{
    uint64_t found = 0;
    paddr_t limit = (paddr_t)pages.count << TREE_SHIFT;
    start = align_up(start, PAGE_SIZE);
    end = align_down(end < limit ? end : limit, PAGE_SIZE);
    while (start < end) {
        paddr_t stop = align_down(start, TREE_SIZE) + TREE_SIZE;
        stop = stop < end ? stop : end;
        found += free_in_tree(start, stop);
        start = stop;
    }
    return found;
}

// --- Soundness -----------------------------------------------------------------------------------

struct check {
    mm_complain *complain;
    unsigned found;
};

#define COMPLAIN(check, ...) ((check)->found++, (check)->complain("page: " __VA_ARGS__))

static bool is_usable(paddr_t page)
{
    const struct memory_range *range = memory_map_find(pages.map, page);
    return range && range->kind == MEMORY_USABLE;
}

// Free pages must be our memory, and those free in a hot word taken in the field.
static void check_words(struct check *check, struct tree *tree, unsigned block, uint32_t state)
{
    uint64_t *field = block_field(tree, block);
    unsigned clear = 0, expected = state & BLOCK_COUNT;
    for (unsigned i = 0; i < BLOCK_PAGES; i++) {
        paddr_t page = block_start(tree, block) + (paddr_t)i * PAGE_SIZE;
        bool taken = field[i / WORD_PAGES] & page_bit(page);
        uint64_t hot = block_owner(state) ? hot_free(block_owner(state), &field[i / 64]) : 0;
        clear += !taken;
        if (state & BLOCK_MIXED && !taken && !is_usable(page))
            COMPLAIN(check, "page 0x%lx is free and not ours", page);
        if (!taken && hot & page_bit(page))
            COMPLAIN(check, "page 0x%lx is free twice", page);
    }
    if (clear != (state & BLOCK_TAKEN ? BLOCK_PAGES : expected))
        COMPLAIN(check, "block 0x%lx counts %u free pages and has %u", block_start(tree, block),
                 expected, clear);
}

static void check_state(struct check *check, struct tree *tree, unsigned block, uint32_t state)
{
    paddr_t start = block_start(tree, block);
    bool taken = state & BLOCK_TAKEN, mixed = state & BLOCK_MIXED;
    struct tree *before = start ? tree_at(start - BLOCK_SIZE) : NULL;
    if (taken && state & ~(uint32_t)(BLOCK_TAKEN | BLOCK_TAIL))
        COMPLAIN(check, "block 0x%lx is taken and more: state 0x%x", start, state);
    if (state & BLOCK_TAIL &&
        !(before && block_state(before, block_at(start - BLOCK_SIZE)) & BLOCK_TAKEN))
        COMPLAIN(check, "block 0x%lx is the tail of nothing", start);
    if (mixed == (tree->usable[block] == UINT8_MAX))
        COMPLAIN(check, "block 0x%lx: usable words 0x%x, state 0x%x", start, tree->usable[block],
                 state);
    if (block_owner(state) > pages.cpu_count)
        COMPLAIN(check, "block 0x%lx belongs to no processor: state 0x%x", start, state);
    else if (block_owner(state)) {
        const uint64_t *word = pages.cpus[block_owner(state)]->word;
        if (!word || (size_t)(word - tree->field) / BLOCK_WORDS != block)
            COMPLAIN(check, "block 0x%lx has an owner whose word is elsewhere", start);
    }
}

static void check_masks(struct check *check, const struct tree *tree, unsigned block,
                        uint32_t state)
{
    enum block_class class = block_class(state);
    if ((tree->partial >> block & 1) != (class == BLOCK_IS_PARTIAL) ||
        (tree->whole >> block & 1) != (class == BLOCK_IS_WHOLE))
        COMPLAIN(check, "block 0x%lx is in the wrong mask: state 0x%x", block_start(tree, block),
                 state);
}

static void check_tree(struct check *check, struct tree *tree, unsigned index)
{
    enum tree_list class = tree_class(tree->whole);
    if (tree->index != index)
        COMPLAIN(check, "tree %u says it is tree %u", index, tree->index);
    for (unsigned i = 0; i < TREE_BLOCKS; i++) {
        uint32_t state = block_state(tree, i);
        check_words(check, tree, i, state);
        check_state(check, tree, i, state);
        check_masks(check, tree, i, state);
    }
    if (tree_is_listed(TREES_PARTIAL, index) != (tree->partial != 0) ||
        tree_is_listed(TREES_SOME, index) != (class == TREES_SOME) ||
        tree_is_listed(TREES_ENTIRE, index) != (class == TREES_ENTIRE) ||
        tree_is_listed(TREES_FRESH, index))
        COMPLAIN(check, "tree %u is on the wrong list", index);
    if (tree->owner && (tree->owner > pages.cpu_count || pages.cpus[tree->owner]->tree != tree))
        COMPLAIN(check, "tree %u belongs to processor %u, which doesn't know", index, tree->owner);
}

static void check_absent(struct check *check, unsigned index)
{
    paddr_t start = (paddr_t)index << TREE_SHIFT;
    const struct memory_range *range = memory_map_find(pages.map, start);
    bool all = range && range->kind == MEMORY_USABLE && range->end - start >= TREE_SIZE;
    if (tree_is_listed(TREES_FRESH, index) != all)
        COMPLAIN(check, "tree %u is%s fresh, against the map", index, all ? "n't" : "");
    for (enum tree_list list = TREES_PARTIAL; list < TREES_FRESH; list++)
        if (tree_is_listed(list, index))
            COMPLAIN(check, "tree %u isn't set up and on list %u", index, list);
}

static void check_cpu(struct check *check, unsigned id)
{
    const struct page_cpu *cpu = pages.cpus[id];
    struct tree *tree = cpu->word ? tree_at(cpu->start) : NULL;
    if (cpu->id != id)
        COMPLAIN(check, "processor %u says it is %u", id, cpu->id);
    if (cpu->room != (cpu->word ? WORD_PAGES : 0) || (!cpu->word && (cpu->free || cpu->start)))
        COMPLAIN(check, "processor %u has pages in no word", id);
    if (cpu->word &&
        (!tree || !is_aligned(cpu->start, WORD_SIZE) || word_at(tree, cpu->start) != cpu->word ||
         block_owner(block_state(tree, block_at(cpu->start))) != id))
        COMPLAIN(check, "processor %u doesn't own the block of its word", id);
}

// What is the kernel's own must never come to be handed out.
static void check_own(struct check *check, paddr_t start, paddr_t end, const char *what)
{
    for (unsigned i = 0; i < pages.map->count; i++) {
        const struct memory_range *range = &pages.map->ranges[i];
        if (range->kind == MEMORY_USABLE && range->start < end && range->end > start)
            COMPLAIN(check, "0x%lx to 0x%lx is usable and has a part of %s", range->start,
                     range->end, what);
    }
}

unsigned page_check(mm_complain *complain)
{
    struct check check = {complain, 0};
    (void)page_zero_reclaim(); // which rests for a while
    check_own(&check, kernel_image_phys(kernel_image_start),
              kernel_image_phys(kernel_boot_tables_start), "the image");
    check_own(&check, kernel_image_phys(kernel_boot_tables_end),
              kernel_image_phys(kernel_image_end), "the image");
    check_own(&check, pages.reserve_start, pages.reserve_end, "the metadata");
    for (unsigned i = 0; i < pages.count; i++) {
        struct tree *tree = tree_at((paddr_t)i << TREE_SHIFT);
        if (tree)
            check_tree(&check, tree, i);
        else
            check_absent(&check, i);
    }
    for (unsigned id = 1; id <= pages.cpu_count; id++)
        check_cpu(&check, id);
    return check.found;
}
