// Figures about caches, and proofs that their metadata fits together. How many objects are handed
// out is what slabs have given away less what lies in magazines: the fast paths count nothing.

#include "lib/bits.h"
#include "mm/slab_priv.h"

static void cache_get_stats(struct slab_cache *cache, struct slab_stats *stats)
{
    uintptr_t state = lock_irqsave(&cache->lock);
    uint64_t room = cache->slabs * cache->per_slab, out = room - cache->free;
    uint64_t cached = magazines_count(cache) + cache->parked;
    *stats = (struct slab_stats){
        .name = cache->name,
        .size = cache->stride,
        .objects = out > cached ? out - cached : 0,
        .cached = cached,
        .room = room,
        .pages = cache->slabs * cache->pages,
        .failed = __atomic_load_n(&cache->failed, __ATOMIC_RELAXED),
    };
    unlock_irqrestore(&cache->lock, state);
}

bool slab_get_stats(unsigned index, struct slab_stats *stats)
{
    for (unsigned i = 0; i < SLAB_RUNS; i++) {
        if (!__atomic_load_n(&slab_caches[i].name, __ATOMIC_ACQUIRE))
            continue;
        if (index-- == 0) {
            cache_get_stats(&slab_caches[i], stats);
            return true;
        }
    }
    if (index)
        return false;
    large_get_stats(stats);
    return true;
}

// --- Checks --------------------------------------------------------------------------------------

struct check {
    mm_complain *complain;
    unsigned wrong;
    uint64_t slabs[SLAB_CACHES_MAX], free[SLAB_CACHES_MAX];
};

static void check_slab(struct slab *slab, void *context)
{
    struct check *check = context;
    if ((slab->tag ^ slab_secret) == SLAB_RUNS)
        return;
    const struct slab_cache *cache = slab_cache_of(slab);
    if (!cache) {
        check->complain("slab: %p has the tag of no cache", (void *)slab);
        check->wrong++;
        return;
    }
    unsigned count = 0, beyond = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(slab->free); i++) {
        int inside = cache->per_slab - (int)i * 64;
        uint64_t valid = inside >= 64 ? ~0ull : inside > 0 ? BIT(inside) - 1 : 0;
        count += bit_count(slab->free[i]);
        beyond |= (slab->free[i] & ~valid) != 0;
    }
    check->slabs[cache->index]++;
    check->free[cache->index] += count;
    if (!beyond && count == slab_free_count(slab))
        return;
    check->complain("slab: %s: slab %p has %u objects free, its bitmap %u", cache->name,
                    (void *)slab, slab_free_count(slab), count);
    check->wrong++;
}

static unsigned list_length(const struct link *list)
{
    unsigned length = 0;
    for (const struct link *link = list->next; link != list; link = link->next)
        length++;
    return length;
}

static void check_cache(const struct slab_cache *cache, struct check *check)
{
    uint64_t slabs = check->slabs[cache->index], free = check->free[cache->index];
    if (cache->slabs == slabs && cache->free == free &&
        cache->empties == list_length(&cache->empty))
        return;
    check->complain("slab: %s counts %lu slabs, %lu objects free, %u slabs empty; "
                    "there are %lu, %lu and %u",
                    cache->name, cache->slabs, cache->free, cache->empties, slabs, free,
                    list_length(&cache->empty));
    check->wrong++;
}

// Turns an address in a magazine into one where no object is, and back.
static void toggle_wrong(void **object)
{
    *object = (void *)~(uintptr_t)*object;
}

// Objects in magazines get their bits for a moment, so that one that lies there twice is seen. One
// that is wrong stays as it is, and is toggled meanwhile.
static void mark_cached(struct slab_cache *cache, void **object, void *context)
{
    struct check *check = context;
    if (slab_index_of(*object) == cache->index) {
        struct slab *slab = slab_of(*object);
        unsigned bit = slab_bit(cache, slab, *object);
        if (bit < cache->per_slab && !arch_bit_set(slab->free, bit))
            return;
    }
    check->complain("slab: %s: %p in a magazine is free already, or no object", cache->name,
                    *object);
    check->wrong++;
    toggle_wrong(object);
}

static void unmark_cached(struct slab_cache *cache, void **object, void *context)
{
    (void)context;
    if (slab_index_of(*object) != cache->index) {
        toggle_wrong(object);
        return;
    }
    struct slab *slab = slab_of(*object);
    unsigned bit = slab_bit(cache, slab, *object);
    slab->free[bit / 64] &= ~BIT(bit % 64);
}

unsigned slab_check(mm_complain *complain)
{
    static struct check check; // too large for a stack, and only one may run
    check = (struct check){.complain = complain};
    check.wrong = arena_check(complain);
    if (check.wrong)
        return check.wrong; // the rest would follow wrong links
    arena_visit(check_slab, &check);
    for (unsigned i = 0; i < SLAB_RUNS; i++)
        if (slab_caches[i].name)
            check_cache(&slab_caches[i], &check);
    magazines_visit(mark_cached, &check);
    magazines_visit(unmark_cached, &check);
    if (SLAB_DEBUG)
        check.wrong += debug_check(complain);
    return check.wrong;
}

#ifndef KEELSON_DEBUG
enum status slab_leaks(bool (*show)(uintptr_t caller, uint64_t objects, uint64_t bytes))
{
    (void)show;
    return NOT_SUPPORTED;
}
#endif
