// Memory above KMALLOC_CLASS_MAX: runs of pages within an arena up to its size, and from there on
// the page allocator's, which stand in a table. Those begin at a multiple of ARENA_SIZE, where an
// arena has its descriptors: so an address alone tells the two apart.

#include "mm/failpoint.h"
#include "mm/slab_priv.h"

enum { BUCKETS = 64 };

struct large {
    struct large *next;
    void *memory;
    size_t size; // asked for
    uintptr_t caller;
};

_Static_assert(sizeof(struct large) == LARGE_RECORD_SIZE, "what its cache is made for");

static struct lock large_lock;
static struct large *buckets[BUCKETS];

// Of both kinds.
static struct {
    uint64_t count, pages, failed;
} total;

static void account(uint64_t allocations, uint64_t their_pages)
{
    __atomic_fetch_add(&total.count, allocations, __ATOMIC_RELAXED);
    __atomic_fetch_add(&total.pages, their_pages, __ATOMIC_RELAXED);
}

static size_t pages_for(size_t size)
{
    size_t zone = SLAB_DEBUG ? LARGE_ZONE : 0;
    return (size + zone + PAGE_SIZE - 1) / PAGE_SIZE;
}

// --- Within an arena -----------------------------------------------------------------------------

static void *run_alloc(size_t size, uintptr_t caller)
{
    struct slab *run = arena_take(pages_for(size), SLAB_RUNS);
    if (!run)
        return NULL;
    run->run.size = size;
    run->run.caller = caller;
    return slab_start(run);
}

bool run_free(void *memory, uintptr_t caller)
{
    struct slab *run = slab_of(memory);
    if (slab_start(run) != memory)
        return false;
    if (SLAB_DEBUG)
        debug_take_large(memory, run->run.size, run->pages * PAGE_SIZE, run->run.caller, caller);
    account(-1ull, -(uint64_t)run->pages);
    arena_put(run);
    return true;
}

size_t run_size(const void *memory)
{
    const struct slab *run = slab_of(memory);
    if (slab_start(run) != memory)
        return 0;
    return SLAB_DEBUG ? run->run.size : run->pages * (size_t)PAGE_SIZE;
}

// --- Runs of the page allocator ------------------------------------------------------------------

static struct large **bucket_of(const void *memory)
{
    return &buckets[(uintptr_t)memory / ARENA_SIZE % BUCKETS];
}

static void table_insert(struct large *large)
{
    struct large **bucket = bucket_of(large->memory);
    uintptr_t state = lock_irqsave(&large_lock);
    large->next = *bucket;
    *bucket = large;
    unlock_irqrestore(&large_lock, state);
}

// The link that leads to an entry; the lock is held.
static struct large **table_find(const void *memory)
{
    struct large **link = bucket_of(memory);
    while (*link && (*link)->memory != memory)
        link = &(*link)->next;
    return link;
}

static struct large *table_remove(const void *memory)
{
    uintptr_t state = lock_irqsave(&large_lock);
    struct large **link = table_find(memory), *large = *link;
    if (large)
        *link = large->next;
    unlock_irqrestore(&large_lock, state);
    return large;
}

static void *pages_alloc(size_t size, uintptr_t caller)
{
    size_t wanted = pages_for(size);
    struct large *large = cache_take_one(&slab_caches[SLAB_LARGE_RECORDS]);
    if (!large)
        return NULL;
    paddr_t first = page_alloc_run(wanted, slab_page_flags());
    void *memory = first == NO_PAGE ? NULL : phys_to_virt(first, wanted * PAGE_SIZE);
    if (!memory) {
        if (first != NO_PAGE)
            page_free_run(first, wanted);
        cache_put_one(&slab_caches[SLAB_LARGE_RECORDS], large, caller);
        return NULL;
    }
    *large = (struct large){NULL, memory, size, caller};
    table_insert(large);
    return memory;
}

bool large_free(void *memory, uintptr_t caller)
{
    struct large *large = table_remove(memory);
    if (!large)
        return false;
    size_t its_pages = pages_for(large->size);
    if (SLAB_DEBUG)
        debug_take_large(memory, large->size, its_pages * PAGE_SIZE, large->caller, caller);
    account(-1ull, -its_pages);
    page_free_run((uintptr_t)memory - direct_map_base, its_pages);
    cache_put_one(&slab_caches[SLAB_LARGE_RECORDS], large, caller);
    return true;
}

size_t large_size(const void *memory)
{
    uintptr_t state = lock_irqsave(&large_lock);
    const struct large *large = *table_find(memory);
    size_t size = large ? large->size : 0;
    unlock_irqrestore(&large_lock, state);
    return SLAB_DEBUG ? size : pages_for(size) * PAGE_SIZE;
}

// --- Both ----------------------------------------------------------------------------------------

void *large_alloc(size_t size, uintptr_t caller)
{
    if (failpoint_hit(FAILPOINT_SLAB)) {
        __atomic_fetch_add(&total.failed, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    void *memory = NULL;
    if (size < direct_map_size) // so that nothing below overflows
        memory =
            pages_for(size) < ARENA_PAGES ? run_alloc(size, caller) : pages_alloc(size, caller);
    if (!memory) {
        slab_failed(&total.failed, size);
        return NULL;
    }
    slab_succeeded();
    account(1, pages_for(size));
    if (SLAB_DEBUG)
        debug_give_large(memory, size, pages_for(size) * PAGE_SIZE);
    return memory;
}

void large_get_stats(struct slab_stats *stats)
{
    *stats = (struct slab_stats){.name = "large"};
    stats->objects = stats->room = __atomic_load_n(&total.count, __ATOMIC_RELAXED);
    stats->pages = __atomic_load_n(&total.pages, __ATOMIC_RELAXED);
    stats->failed = __atomic_load_n(&total.failed, __ATOMIC_RELAXED);
}

void large_visit(void (*visit)(uintptr_t caller, size_t size, void *context), void *context)
{
    uintptr_t state = lock_irqsave(&large_lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct large *large = buckets[i]; large; large = large->next)
            visit(large->caller, large->size, context);
    unlock_irqrestore(&large_lock, state);
}
