// Caches of slabs: which objects of a slab are free says a bitmap in its descriptor, so nothing is
// ever written into a free object, and an object that comes back twice is known.
//
// Objects are taken from the fuller slabs, so that the others become empty; some of those are kept,
// and the rest go back to their arenas.

#include "lib/bits.h"
#include "mm/slab_priv.h"

enum {
    EMPTIES_MAX = 4,                 // slabs without objects that a cache keeps
    MAGAZINE_BYTES = 256 << 10,      // that may lie in a magazine,
    MAGAZINE_BYTES_LARGE = 64 << 10, // and of objects larger than a page;
    MAGAZINE_LEAST = 4,              // but that many objects in any case
    MAGAZINE_MOST = MAGAZINE_SLOTS - 2,
    OBJECTS_WANTED = 9, // in a slab; and of pages as many, which an arena has room for 7 times
    PAGES_WANTED = 9,
};

struct slab_cache slab_caches[SLAB_CACHES_MAX];
uint64_t slab_secret;

static unsigned objects_in(const struct slab_cache *cache, unsigned pages)
{
    unsigned count = pages * PAGE_SIZE / cache->stride;
    return count < SLAB_OBJECTS_MAX ? count : SLAB_OBJECTS_MAX;
}

// Whether slabs of `pages` pages are better than those of fewer: enough objects, then less waste.
static bool is_better(const struct slab_cache *cache, unsigned pages)
{
    unsigned before = objects_in(cache, cache->pages), now = objects_in(cache, pages);
    if (now < OBJECTS_WANTED || before < OBJECTS_WANTED)
        return now * cache->pages >= before * pages || now >= OBJECTS_WANTED;
    return now * cache->pages > before * pages;
}

static void choose_pages(struct slab_cache *cache)
{
    cache->pages = (cache->stride + PAGE_SIZE - 1) / PAGE_SIZE;
    for (unsigned pages = cache->pages + 1; pages <= PAGES_WANTED; pages++)
        if (cache->index == SLAB_MAGAZINES || is_better(cache, pages))
            cache->pages = pages; // magazines stay: all in one place
    cache->per_slab = objects_in(cache, cache->pages);
    cache->half = cache->per_slab >= 16 ? cache->per_slab / 2 : 0;
}

static void choose_magazine(struct slab_cache *cache)
{
    bool is_large = cache->stride > PAGE_SIZE;
    unsigned count = (is_large ? MAGAZINE_BYTES_LARGE : MAGAZINE_BYTES) / cache->stride;
    count = count > MAGAZINE_LEAST ? count : MAGAZINE_LEAST;
    cache->magazine = count < MAGAZINE_MOST ? count : MAGAZINE_MOST;
    cache->batch = cache->magazine / 2;
}

void cache_setup(unsigned index, const char *name, size_t size, size_t alignment,
                 void (*construct)(void *object))
{
    struct slab_cache *cache = &slab_caches[index];
    *cache = (struct slab_cache){.index = index, .size = size, .construct = construct};
    link_init(&cache->usable);
    link_init(&cache->empty);
    cache->is_plain = index == SLAB_MAGAZINES || index == SLAB_LARGE_RECORDS;
    size_t stride = align_up(size, alignment);
    cache->stride = stride < 16 ? 16 : stride;
    if (SLAB_DEBUG && !cache->is_plain)
        debug_lay_out(cache, alignment);
    cache->reciprocal = ((1ull << 32) + cache->stride - 1) / cache->stride;
    choose_pages(cache);
    if (!cache->is_plain)
        choose_magazine(cache);
    __atomic_store_n(&cache->name, name, __ATOMIC_RELEASE);
}

// --- Objects -------------------------------------------------------------------------------------

// With `count` objects free, when will it change lists?
static inline void slab_set_due(const struct slab_cache *cache, struct slab *slab, unsigned count)
{
    slab->due = !count ? 1 : count < cache->half ? cache->half : cache->per_slab;
    slab->left = slab->due - count;
}

// `count` of the objects that are free, and at least one is wanted.
static inline void **slab_take(const struct slab_cache *cache, struct slab *slab, void **to,
                               unsigned count)
{
    uint64_t stride = cache->stride, free;
    char *start = slab_start(slab);
    void **end = to + count;
    for (uint64_t *word = slab->free; to < end; *word++ = free, start += 64 * stride) {
        free = *word;
        if (!free)
            continue;
        do {
            *to++ = start + (unsigned)__builtin_ctzll(free) * stride;
            free &= free - 1;
        } while (free && to < end);
    }
    return to;
}

// A slab with free objects, in the list of those that are used.
static struct slab *cache_usable_slab(struct slab_cache *cache)
{
    struct link *link = cache->usable.next;
    if (link != &cache->usable)
        return slab_from_link(link);
    link = cache->empty.next;
    if (link == &cache->empty)
        return NULL;
    link_remove(link);
    cache->empties--;
    link_insert(link, &cache->usable);
    return slab_from_link(link);
}

unsigned cache_take(struct slab_cache *cache, void **to, unsigned count)
{
    void **next = to, **end = to + count;
    while (next < end) {
        struct slab *slab = cache_usable_slab(cache);
        if (!slab)
            break;
        unsigned free = slab_free_count(slab), taken = end - next;
        if (taken >= free) {
            taken = free;
            link_remove(&slab->link);
        }
        next = slab_take(cache, slab, next, taken);
        slab_set_due(cache, slab, free - taken);
    }
    cache->free -= next - to;
    return next - to;
}

static void cache_retire(struct slab_cache *cache, struct slab *slab, struct slab_rest *rest)
{
    if (cache->empties < EMPTIES_MAX) {
        cache->empties++;
        link_insert(&slab->link, cache->empty.next);
        return;
    }
    cache->slabs--;
    cache->free -= cache->per_slab;
    link_insert(&slab->link, &rest->empty);
}

// After an object has come back that makes a difference to where the slab belongs.
noinline static void cache_refile(struct slab_cache *cache, struct slab *slab,
                                  struct slab_rest *rest)
{
    unsigned count = slab->due;
    if (count > 1)
        link_remove(&slab->link);
    slab_set_due(cache, slab, count);
    if (count == cache->per_slab)
        cache_retire(cache, slab, rest);
    else if (count == 1)
        link_insert(&slab->link, cache->usable.next);
    else
        link_insert(&slab->link, &cache->usable);
}

// Puts an object in use back into its slab; false where none is at `slot`. The tag is looked at
// again: an object that has come back twice may be in a slab that exists no longer.
static inline bool slab_put(void *slot, uint64_t tag, uint32_t reciprocal, unsigned per_slab,
                            struct slab **slab)
{
    struct arena *arena = arena_of(slot);
    const struct slab *page = arena_slab_at(arena, slot);
    if (unlikely(page->tag != tag))
        return false;
    unsigned first = page->first;
    *slab = arena_slab(arena, first);
    unsigned bit = slab_bit_at((uintptr_t)slot % ARENA_SIZE - first * PAGE_SIZE, reciprocal);
    return likely(bit < per_slab) && likely(!arch_bit_set((*slab)->free, bit));
}

void cache_put(struct slab_cache *cache, void *const *objects, unsigned count,
               struct slab_rest *rest)
{
    uint64_t tag = cache->index ^ slab_secret;
    uint32_t reciprocal = cache->reciprocal;
    unsigned per_slab = cache->per_slab;
    cache->free += count;
    for (void *const *end = objects + count; objects < end; objects++) {
        struct slab *slab;
        if (unlikely(!slab_put(*objects, tag, reciprocal, per_slab, &slab))) {
            cache->free--;
            rest->wrong = *objects;
            rest->wrong_num++;
        } else if (unlikely(--slab->left == 0)) {
            cache_refile(cache, slab, rest);
        }
    }
}

void slab_rest_finish(struct slab_cache *cache, struct slab_rest *rest, uintptr_t caller)
{
    while (rest->empty.next != &rest->empty) {
        struct link *link = rest->empty.next;
        link_remove(link);
        arena_put(slab_from_link(link));
    }
    if (unlikely(rest->wrong_num) && rest->is_late)
        slab_refuse_late(cache, rest->wrong, rest->wrong_num, caller);
    else if (unlikely(rest->wrong_num))
        slab_refuse(cache, rest->wrong, caller);
}

struct slab_cache *slab_cache_of(const struct slab *slab)
{
    uint64_t index = slab->tag ^ slab_secret;
    if (index >= SLAB_RUNS)
        return NULL;
    struct slab_cache *cache = &slab_caches[index];
    return cache->name && cache->pages == slab->pages ? cache : NULL;
}

// --- Slabs ---------------------------------------------------------------------------------------

static void slab_construct(struct slab_cache *cache, struct slab *slab)
{
    char *slot = slab_start(slab);
    for (unsigned i = 0; i < cache->per_slab; i++, slot += cache->stride) {
        if (SLAB_DEBUG && !cache->is_plain)
            debug_fill(cache, slot);
        if (cache->construct)
            cache->construct(slot + (SLAB_DEBUG ? cache->front : 0));
    }
}

bool cache_grow(struct slab_cache *cache)
{
    struct slab *slab = arena_take(cache->pages, cache->index);
    if (!slab)
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(slab->free); i++) {
        int rest = cache->per_slab - (int)i * 64;
        slab->free[i] = rest >= 64 ? ~0ull : rest > 0 ? BIT(rest) - 1 : 0;
    }
    slab_set_due(cache, slab, cache->per_slab);
    if (SLAB_DEBUG || cache->construct)
        slab_construct(cache, slab);
    uintptr_t state = lock_irqsave(&cache->lock);
    link_insert(&slab->link, &cache->empty);
    cache->empties++;
    cache->slabs++;
    cache->free += cache->per_slab;
    unlock_irqrestore(&cache->lock, state);
    return true;
}

void cache_shrink(struct slab_cache *cache, struct slab_rest *rest)
{
    while (cache->empty.next != &cache->empty) {
        struct link *link = cache->empty.next;
        link_remove(link);
        link_insert(link, &rest->empty);
        cache->empties--;
        cache->slabs--;
        cache->free -= cache->per_slab;
    }
}

void *cache_take_one(struct slab_cache *cache)
{
    void *slot;
    unsigned taken;
    do {
        uintptr_t state = lock_irqsave(&cache->lock);
        taken = cache_take(cache, &slot, 1);
        unlock_irqrestore(&cache->lock, state);
    } while (!taken && cache_grow(cache));
    return taken ? slot : NULL;
}

void cache_put_one(struct slab_cache *cache, void *object, uintptr_t caller)
{
    struct slab_rest rest;
    slab_rest_init(&rest);
    uintptr_t state = lock_irqsave(&cache->lock);
    cache_put(cache, &object, 1, &rest);
    unlock_irqrestore(&cache->lock, state);
    slab_rest_finish(cache, &rest, caller);
}
