// The table of object caches, and what concerns all of them.

#include "kernel/log.h"
#include "kernel/panic.h"
#include "lib/bits.h"
#include "mm/slab_priv.h"

static struct lock table_lock; // for who has which entry

static const char *const class_names[KMALLOC_CLASSES] = {
    "kmalloc-16",    "kmalloc-32",    "kmalloc-48",   "kmalloc-64",    "kmalloc-96",
    "kmalloc-128",   "kmalloc-192",   "kmalloc-256",  "kmalloc-384",   "kmalloc-512",
    "kmalloc-768",   "kmalloc-1024",  "kmalloc-1536", "kmalloc-2048",  "kmalloc-3072",
    "kmalloc-4096",  "kmalloc-6144",  "kmalloc-8192", "kmalloc-12288", "kmalloc-16384",
    "kmalloc-24576", "kmalloc-32768",
};

// The inverse of kmalloc_class().
static size_t class_size(unsigned class)
{
    if (class < 4)
        return (class + 1) * 16ul;
    return (3ul + class % 2) << (class / 2 + 3);
}

void slab_init(void)
{
    slab_secret = (this_cpu()->stack_canary ^ arch_ticks()) * 0x9e3779b97f4a7c15 | BIT(63);
    arena_init();
    for (unsigned i = 0; i < KMALLOC_CLASSES; i++)
        cache_setup(i, class_names[i], class_size(i), 16, NULL);
    cache_setup(SLAB_MAGAZINES, "magazines", MAGAZINE_SLOTS * sizeof(void *), 64, NULL);
    cache_setup(SLAB_LARGE_RECORDS, "large records", LARGE_RECORD_SIZE, 16, NULL);
    slab_cpu_init(&this_cpu()->slab);
    page_set_reclaim(slab_reclaim);
}

// --- Caches of one kind of object ----------------------------------------------------------------

struct slab_cache *slab_create(const char *name, size_t size, size_t alignment,
                               void (*construct)(void *object))
{
    alignment = alignment ? alignment : 16;
    ASSERT(size > 0 && size <= KMALLOC_CLASS_MAX);
    ASSERT((alignment & (alignment - 1)) == 0 && alignment <= PAGE_SIZE);
    struct slab_cache *cache = NULL;
    uintptr_t state = lock_irqsave(&table_lock);
    for (unsigned i = SLAB_FIRST_CUSTOM; i < SLAB_RUNS && !cache; i++)
        if (!slab_caches[i].name)
            cache = &slab_caches[i];
    if (cache)
        cache_setup(cache - slab_caches, name, size, alignment, construct);
    unlock_irqrestore(&table_lock, state);
    return cache;
}

enum status slab_destroy(struct slab_cache *cache)
{
    struct slab_rest rest;
    slab_rest_init(&rest);
    if (SLAB_DEBUG)
        debug_drain();
    uintptr_t state = lock_irqsave(&cache->lock);
    magazines_close(cache, &rest);
    uint64_t held = cache->slabs * cache->per_slab - cache->free;
    if (!held)
        cache_shrink(cache, &rest);
    unlock_irqrestore(&cache->lock, state);
    slab_rest_finish(cache, &rest, (uintptr_t)__builtin_return_address(0));
    if (held) {
        log_error("slab: %s: can't go, %lu objects are in use", cache->name, held);
        return FAILED;
    }
    __atomic_store_n(&cache->name, NULL, __ATOMIC_RELEASE);
    return OK;
}

void *slab_alloc(struct slab_cache *cache)
{
    void *object = slab_pop(cache->index);
    if (SLAB_DEBUG && object)
        return debug_give(cache, object, cache->size, (uintptr_t)__builtin_return_address(0));
    return object;
}

void slab_free(struct slab_cache *cache, void *object)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    if (unlikely(slab_index_of(object) != cache->index))
        slab_refuse(cache, object, caller);
    else if (SLAB_DEBUG)
        debug_take(cache, object, caller);
    else
        slab_push(cache->index, object);
}

size_t slab_reclaim(void)
{
    if (SLAB_DEBUG)
        debug_drain();
    magazines_destroy();
    for (unsigned i = 0; i < SLAB_RUNS; i++) {
        struct slab_cache *cache = &slab_caches[i];
        if (!__atomic_load_n(&cache->name, __ATOMIC_ACQUIRE))
            continue;
        struct slab_rest rest;
        slab_rest_init(&rest);
        uintptr_t state = lock_irqsave(&cache->lock);
        cache_shrink(cache, &rest);
        unlock_irqrestore(&cache->lock, state);
        slab_rest_finish(cache, &rest, 0);
    }
    return arena_reclaim();
}

// --- What goes wrong -----------------------------------------------------------------------------

static bool is_exhausted; // and it has been said

void slab_failed(uint64_t *count, size_t size)
{
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    if (!__atomic_exchange_n(&is_exhausted, true, __ATOMIC_RELAXED))
        log_warn("slab: no memory for %lu bytes", size);
}

void slab_succeeded(void)
{
    if (unlikely(__atomic_load_n(&is_exhausted, __ATOMIC_RELAXED)))
        __atomic_store_n(&is_exhausted, false, __ATOMIC_RELAXED);
}

void slab_refuse(const struct slab_cache *cache, const void *memory, uintptr_t caller)
{
    static const char text[] = "slab: %s: %p was given back twice or never allocated (by %pS)";
    const char *name = cache ? cache->name : "kfree";
    if (SLAB_DEBUG)
        panic(text, name, memory, (void *)caller);
    log_error(text, name, memory, (void *)caller);
}

void slab_refuse_late(const struct slab_cache *cache, const void *last, unsigned count,
                      uintptr_t finder)
{
    static const char text[] = "slab: %s: refused %u given back twice or never allocated, %p the "
                               "last (found while flushing, by %pS)";
    if (SLAB_DEBUG)
        panic(text, cache->name, count, last, (void *)finder);
    log_error(text, cache->name, count, last, (void *)finder);
}
