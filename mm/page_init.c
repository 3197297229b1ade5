// How the page allocator comes to its memory: at boot, and when more is given to it.
//
// The tables and the storage for trees are one piece of memory, entered in the map as the kernel's.
// Only trees that aren't entirely free are set up at boot; of the others it isn't even read where
// they are, and that may be out of reach as yet.

#include "arch/arch.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "mm/page_priv.h"

#define LOW_END 0x100000 // nothing of ours lies below: processors start there

struct plan {
    unsigned trees, slots; // entries of the tables; trees with memory in them
    size_t list_size, tables, size;
};

// What may be ours later: page_donate().
static bool may_become_usable(enum memory_kind kind)
{
    return kind == MEMORY_USABLE || kind == MEMORY_RECLAIM || kind >= MEMORY_BOOT_INFO;
}

static struct plan plan_make(const struct memory_map *map, unsigned trees_max)
{
    struct plan plan = {0};
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        uint64_t first = range->start >> TREE_SHIFT, end = ((range->end - 1) >> TREE_SHIFT) + 1;
        first = first > plan.trees ? first : plan.trees;
        end = end < trees_max ? end : trees_max;
        if (!may_become_usable(range->kind) || first >= end)
            continue;
        plan.slots += (unsigned)(end - first);
        plan.trees = (unsigned)end;
    }
    plan.list_size = (plan.trees + 63) / 64 * sizeof(uint64_t);
    plan.tables = plan.trees * (sizeof(struct tree *) + 1) + TREE_LISTS * plan.list_size;
    plan.tables = align_up(plan.tables, _Alignof(struct tree));
    plan.size = plan.tables + plan.slots * sizeof(struct tree);
    return plan;
}

// --- Where the metadata goes ---------------------------------------------------------------------

// Whole blocks of the range that a piece of it would break.
static uint64_t blocks_broken(const struct memory_range *range, paddr_t start, size_t size)
{
    paddr_t first = align_down(start, BLOCK_SIZE), end = align_up(start + size, BLOCK_SIZE);
    if (first < range->start)
        first += BLOCK_SIZE;
    if (end > range->end && end > first)
        end -= BLOCK_SIZE;
    return (end - first) / BLOCK_SIZE;
}

struct place {
    paddr_t start; // 0: none yet
    uint64_t broken;
};

static void place_offer(struct place *best, const struct memory_range *range, paddr_t start,
                        size_t size)
{
    uint64_t broken = blocks_broken(range, start, size);
    if (!best->start || broken < best->broken || (broken == best->broken && start > best->start))
        *best = (struct place){start, broken};
}

// At the bottom or the top of a range that can be accessed: the fewest blocks broken, then the
// highest. 0 where there is no room.
static paddr_t place_find(const struct memory_map *map, size_t size, paddr_t reach)
{
    struct place best = {0};
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        paddr_t start = range->start > LOW_END ? range->start : LOW_END;
        paddr_t end = range->end < reach ? range->end : align_down(reach, PAGE_SIZE);
        if (range->kind != MEMORY_USABLE || start >= end || end - start < size)
            continue;
        place_offer(&best, range, start, size);
        place_offer(&best, range, align_down(end - size, PAGE_SIZE), size);
    }
    return best.start;
}

// Where there is no room for the metadata of all memory, its upper end is given up, an eighth at a
// time.
static paddr_t place_make(struct memory_map *map, paddr_t reach, struct plan *plan)
{
    unsigned limit = TREES_MAX;
    for (;;) {
        *plan = plan_make(map, limit);
        paddr_t start = place_find(map, plan->size, reach);
        if (start && limit < TREES_MAX)
            log_warn("page: no room for all metadata: memory above 0x%lx isn't used",
                     (paddr_t)limit << TREE_SHIFT);
        if (start || plan->trees <= 1)
            return start;
        limit = plan->trees - (plan->trees + 7) / 8;
        memory_map_limit(map, (paddr_t)limit << TREE_SHIFT);
    }
}

// --- Taking memory over --------------------------------------------------------------------------

static void tables_set(const struct plan *plan, paddr_t start, char *memory)
{
    pages.reserve_start = start;
    pages.reserve_end = start + plan->size;
    pages.trees = (struct tree **)memory;
    memory = (char *)&pages.trees[plan->trees];
    for (unsigned i = 0; i < TREE_LISTS; i++, memory += plan->list_size)
        pages.lists[i] = (uint64_t *)memory;
    pages.nodes = (uint8_t *)memory;
    pages.slots = (struct tree *)((char *)pages.trees + plan->tables);
    pages.slot_count = plan->slots;
    for (uint64_t *word = (uint64_t *)pages.trees; word < (uint64_t *)pages.slots; word++)
        *word = 0;
    pages.count = plan->trees;
}

// A part of one tree.
static void part_add(paddr_t start, paddr_t end)
{
    if (start >= end)
        return;
    struct tree *tree = tree_at(start);
    if (!tree)
        tree = tree_create((unsigned)(start >> TREE_SHIFT));
    if (tree)
        tree_add(tree, start, end);
}

// Trees [first, end) that aren't set up, entirely.
static void fresh_add(unsigned first, unsigned end)
{
    for (; first < end; first = (first | 63) + 1) {
        unsigned last = end - 1 < (first | 63) ? end - 1 : first | 63;
        __atomic_fetch_or(&pages.lists[TREES_FRESH][first / 64], BITS(last % 64, first % 64),
                          __ATOMIC_SEQ_CST);
    }
}

// Trees [first, end), entirely. Only those that have been withheld are set up.
static void entire_add(unsigned first, unsigned end)
{
    while (first < end) {
        unsigned stop = first;
        while (stop < end && !pages.trees[stop])
            stop++;
        fresh_add(first, stop);
        if (stop < end)
            part_add((paddr_t)stop << TREE_SHIFT, (paddr_t)(stop + 1) << TREE_SHIFT);
        first = stop + 1;
    }
}

static void range_add(paddr_t start, paddr_t end)
{
    paddr_t first = align_up(start, TREE_SIZE), last = align_down(end, TREE_SIZE);
    __atomic_fetch_add(&pages.total, (end - start) / PAGE_SIZE, __ATOMIC_RELAXED);
    if (first > last) {
        part_add(start, end);
        return;
    }
    part_add(start, first);
    entire_add((unsigned)(first >> TREE_SHIFT), (unsigned)(last >> TREE_SHIFT));
    part_add(last, end);
}

static void map_prepare(struct memory_map *map)
{
    const struct memory_range *lowest = memory_map_find(map, 0);
    memory_map_limit(map, (paddr_t)TREES_MAX << TREE_SHIFT);
    if (lowest && lowest->kind == MEMORY_USABLE)
        memory_map_add(map, 0, PAGE_SIZE, MEMORY_RESERVED, UINT64_MAX);
}

enum status page_init(struct memory_map *map, paddr_t reach)
{
    struct plan plan;
    pages = (struct page_world){.map = map};
    this_cpu()->page = (struct page_cpu){0};
    map_prepare(map);
    paddr_t start = place_make(map, reach, &plan);
    char *memory = start ? phys_to_virt(start, plan.size) : NULL;
    if (!memory) {
        log_error("page: there is no room for %zu bytes of metadata", plan.size);
        return NO_MEMORY;
    }
    memory_map_add(map, start, plan.size, MEMORY_KERNEL, UINT64_MAX);
    tables_set(&plan, start, memory);
    for (unsigned i = 0; i < map->count; i++)
        if (map->ranges[i].kind == MEMORY_USABLE)
            range_add(map->ranges[i].start, map->ranges[i].end);
    log_debug("page: %lu MiB in %u trees, %lu KiB of metadata", pages.total >> 8, plan.slots,
              plan.size >> 10);
    return OK;
}

// --- Later ---------------------------------------------------------------------------------------

// Trees that page_donate() would have to set up, for which there must be storage.
static bool slots_suffice(paddr_t start, paddr_t end)
{
    unsigned needed = 0, fresh = 0;
    for (uint64_t i = start >> TREE_SHIFT; i << TREE_SHIFT < end; i++)
        needed += !tree_at(i << TREE_SHIFT);
    for (unsigned i = 0; i < pages.count; i += 64)
        fresh += bit_count(__atomic_load_n(&pages.lists[TREES_FRESH][i / 64], __ATOMIC_RELAXED));
    return pages.slots_used + fresh + needed <= pages.slot_count;
}

static enum status donate(paddr_t start, paddr_t end)
{
    if (start < pages.reserve_end && end > pages.reserve_start)
        return BAD_ARGUMENT;
    if (end > (paddr_t)pages.count << TREE_SHIFT || !slots_suffice(start, end))
        return NO_MEMORY;
    enum status status = memory_map_release(pages.map, start, end);
    if (status == OK)
        range_add(start, end);
    return status;
}

enum status page_donate(paddr_t start, paddr_t end)
{
    start = align_up(start, PAGE_SIZE);
    end = align_down(end, PAGE_SIZE);
    if (start == 0 || start >= end)
        return BAD_ARGUMENT;
    uintptr_t irq = lock_irqsave(&pages.map_lock);
    enum status status = donate(start, end);
    unlock_irqrestore(&pages.map_lock, irq);
    return status;
}

// Takes [start, end) out of its trees, from the top. False: not all of it can be had, and `*done`
// is the start of what has been taken.
static bool parts_remove(paddr_t start, paddr_t end, paddr_t *done)
{
    for (*done = end; *done > start;) {
        paddr_t first = align_down(*done - 1, TREE_SIZE);
        struct tree *tree = tree_open((unsigned)(first >> TREE_SHIFT));
        first = first > start ? first : start;
        if (!tree || !tree_remove(tree, first, *done))
            return false;
        *done = first;
    }
    return true;
}

static void parts_do(void (*change)(struct tree *tree, paddr_t start, paddr_t end), paddr_t start,
                     paddr_t end)
{
    while (start < end) {
        paddr_t stop = align_down(start, TREE_SIZE) + TREE_SIZE;
        stop = stop < end ? stop : end;
        change(tree_at(start), start, stop);
        start = stop;
    }
}

static enum status withhold(paddr_t start, paddr_t end, enum memory_kind kind)
{
    const struct memory_range *range = memory_map_find(pages.map, start);
    if (!range || range->kind != MEMORY_USABLE || range->end < end)
        return BAD_ARGUMENT;
    paddr_t done;
    bool removed = parts_remove(start, end, &done);
    enum status status = removed ? memory_map_withhold(pages.map, start, end, kind) : NOT_FOUND;
    if (status != OK) {
        parts_do(tree_add, done, end);
        return status;
    }
    parts_do(tree_recount, start, end);
    __atomic_fetch_sub(&pages.total, (end - start) / PAGE_SIZE, __ATOMIC_RELAXED);
    return OK;
}

enum status page_withhold(paddr_t start, paddr_t end, enum memory_kind kind)
{
    if (start >= end || !is_aligned(start | end, PAGE_SIZE))
        return BAD_ARGUMENT;
    page_drain();
    uintptr_t irq = lock_irqsave(&pages.map_lock);
    enum status status = withhold(start, end, kind);
    unlock_irqrestore(&pages.map_lock, irq);
    return status;
}

// A tree is the node's that has at least half of it.
void page_set_node(paddr_t start, paddr_t end, unsigned node)
{
    if (start >> TREE_SHIFT >= pages.count)
        return;
    uint64_t first = (start + TREE_SIZE / 2) >> TREE_SHIFT;
    uint64_t last = end > UINT64_MAX - TREE_SIZE ? UINT64_MAX : (end + TREE_SIZE / 2) >> TREE_SHIFT;
    for (; first < last && first < pages.count; first++)
        pages.nodes[first] = (uint8_t)node;
}
