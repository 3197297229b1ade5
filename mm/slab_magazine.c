// Magazines: stacks of free objects in front of each cache, one for each processor, used with
// interrupts off and no lock. When one is empty or full, half of it is moved at a time, so that
// nobody who allocates and frees by turns comes here again at once: what Bonwick and Adams (2001)
// have two magazines for. Their depot of full magazines is left out: slabs hand out and take back
// whole batches under one lock, and what lay in a depot couldn't go back to the page allocator.
//
// A magazine begins closed, empty and full at the same time, without memory of its own; it is
// opened by the first allocation. slab_drain() closes it again: while a failpoint is set all
// allocations come here, and get one object at a time.

#include "mm/failpoint.h"
#include "mm/slab_priv.h"

static struct slab_cpu *slab_cpus;

static void magazine_forget(struct slab_cpu *cpu, unsigned index)
{
    cpu->base[index] = NULL;
    cpu->top[index] = cpu->last[index] = cpu->none + 1;
}

void slab_cpu_init(struct slab_cpu *cpu)
{
    for (unsigned i = 0; i < SLAB_CACHES_MAX; i++)
        magazine_forget(cpu, i);
    cpu->none[0] = NULL;
    cpu->next = __atomic_load_n(&slab_cpus, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&slab_cpus, &cpu->next, cpu, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        continue;
}

static struct slab_cpu *first_cpu(void)
{
    return __atomic_load_n(&slab_cpus, __ATOMIC_ACQUIRE);
}

// --- One magazine. Interrupts are off, or the cache's lock is held -------------------------------

static unsigned magazine_count(const struct slab_cpu *cpu, unsigned index)
{
    return cpu->base[index] ? cpu->top[index] - cpu->base[index] - 1 : 0;
}

// Objects that still fit; 0 if it is closed.
static unsigned magazine_room(const struct slab_cpu *cpu, unsigned index)
{
    return cpu->last[index] - cpu->top[index];
}

static void magazine_open(struct slab_cpu *cpu, const struct slab_cache *cache)
{
    void **base = cpu->base[cache->index];
    if (base && !failpoint_left[FAILPOINT_SLAB])
        cpu->last[cache->index] = base + 1 + cache->magazine;
}

static void magazine_close(struct slab_cpu *cpu, struct slab_cache *cache, struct slab_rest *rest)
{
    unsigned index = cache->index;
    void **base = cpu->base[index];
    if (!base)
        return;
    rest->is_late = true;
    cache_put(cache, base + 1, magazine_count(cpu, index), rest);
    cpu->top[index] = base + 1;
    cpu->last[index] = base + 1;
}

static void magazine_flush(struct slab_cpu *cpu, struct slab_cache *cache, struct slab_rest *rest)
{
    unsigned count = magazine_count(cpu, cache->index);
    count = count < cache->batch ? count : cache->batch;
    cpu->top[cache->index] -= count;
    rest->is_late = true;
    cache_put(cache, cpu->top[cache->index], count, rest);
}

// Gives this processor a magazine. Where there is no memory it goes on without.
static void magazine_create(struct slab_cache *cache)
{
    void **base = cache_take_one(&slab_caches[SLAB_MAGAZINES]);
    if (!base)
        return;
    base[0] = NULL;
    uintptr_t state = arch_irq_save();
    struct slab_cpu *cpu = &this_cpu()->slab;
    if (!cpu->base[cache->index]) {
        cpu->base[cache->index] = base;
        cpu->top[cache->index] = base + 1;
        cpu->last[cache->index] = base + 1;
        base = NULL;
    }
    arch_irq_restore(state);
    if (base) // somebody was faster, in an interrupt
        cache_put_one(&slab_caches[SLAB_MAGAZINES], base, 0);
}

// --- When it is empty ----------------------------------------------------------------------------

static void *refill(struct slab_cache *cache)
{
    void *object = NULL;
    uintptr_t state = lock_irqsave(&cache->lock);
    struct slab_cpu *cpu = &this_cpu()->slab;
    void **top = cpu->top[cache->index];
    if (!top[-1]) { // unless an interrupt has filled it just now
        magazine_open(cpu, cache);
        if (magazine_room(cpu, cache->index))
            top += cache_take(cache, top, cache->batch);
        else
            (void)cache_take(cache, &object, 1);
    }
    if (top[-1])
        object = *--top;
    cpu->top[cache->index] = top;
    unlock_irqrestore(&cache->lock, state);
    return object;
}

void *slab_pop_slowly(size_t index, uintptr_t state)
{
    struct slab_cache *cache = &slab_caches[index];
    arch_irq_restore(state);
    if (failpoint_hit(FAILPOINT_SLAB)) {
        __atomic_fetch_add(&cache->failed, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    if (!arch_own_percpu()->slab.base[index] && !failpoint_left[FAILPOINT_SLAB])
        magazine_create(cache);
    void *object;
    do
        object = refill(cache);
    while (!object && cache_grow(cache));
    if (object)
        slab_succeeded();
    else
        slab_failed(&cache->failed, cache->size);
    return object;
}

// --- When it is full -----------------------------------------------------------------------------

// False where the object has come just before.
static bool push(struct slab_cache *cache, void *object, struct slab_rest *rest)
{
    unsigned index = cache->index;
    struct slab_cpu *cpu = &this_cpu()->slab;
    void **top = cpu->top[index];
    if (top[-1] == object)
        return false;
    magazine_open(cpu, cache);
    if (!magazine_room(cpu, index) && cpu->base[index])
        magazine_flush(cpu, cache, rest);
    if (magazine_room(cpu, index))
        *cpu->top[index]++ = object;
    else
        cache_put(cache, &object, 1, rest);
    return true;
}

void slab_push_slowly(struct slab_cache *cache, void *object, uintptr_t state, uintptr_t caller)
{
    struct slab_rest rest;
    arch_irq_restore(state);
    if (cache == &slab_caches[SLAB_RUNS]) {
        if (!run_free(object, caller))
            slab_refuse(NULL, object, caller);
        return;
    }
    slab_rest_init(&rest);
    state = lock_irqsave(&cache->lock);
    bool is_taken = push(cache, object, &rest);
    unlock_irqrestore(&cache->lock, state);
    slab_rest_finish(cache, &rest, caller);
    if (!is_taken)
        slab_refuse(cache, object, caller);
}

// --- All of them ---------------------------------------------------------------------------------

static void drain(struct slab_cache *cache, bool is_for_good, uintptr_t caller)
{
    unsigned index = cache->index;
    struct slab_rest rest;
    slab_rest_init(&rest);
    uintptr_t state = lock_irqsave(&cache->lock);
    struct slab_cpu *cpu = &this_cpu()->slab;
    void **base = cpu->base[index];
    magazine_close(cpu, cache, &rest);
    if (is_for_good)
        magazine_forget(cpu, index);
    unlock_irqrestore(&cache->lock, state);
    slab_rest_finish(cache, &rest, caller);
    if (base && is_for_good)
        cache_put_one(&slab_caches[SLAB_MAGAZINES], base, 0);
}

void slab_drain(void)
{
    if (SLAB_DEBUG)
        debug_drain();
    for (unsigned i = 0; i < SLAB_CACHES_MAX; i++)
        if (arch_own_percpu()->slab.base[i])
            drain(&slab_caches[i], false, (uintptr_t)__builtin_return_address(0));
}

void magazines_destroy(void)
{
    for (unsigned i = 0; i < SLAB_CACHES_MAX; i++)
        if (arch_own_percpu()->slab.base[i])
            drain(&slab_caches[i], true, (uintptr_t)__builtin_return_address(0));
}

void magazines_close(struct slab_cache *cache, struct slab_rest *rest)
{
    for (struct slab_cpu *cpu = first_cpu(); cpu; cpu = cpu->next)
        magazine_close(cpu, cache, rest);
}

uint64_t magazines_count(const struct slab_cache *cache)
{
    uint64_t count = 0;
    for (const struct slab_cpu *cpu = first_cpu(); cpu; cpu = cpu->next) {
        unsigned cached = magazine_count(cpu, cache->index);
        count += cached < MAGAZINE_SLOTS ? cached : 0; // it may be changing right now
    }
    return count;
}

void magazines_visit(void (*visit)(struct slab_cache *cache, void **object, void *context),
                     void *context)
{
    for (struct slab_cpu *cpu = first_cpu(); cpu; cpu = cpu->next)
        for (unsigned i = 0; i < SLAB_CACHES_MAX; i++)
            for (unsigned slot = 1; slot <= magazine_count(cpu, i); slot++)
                visit(&slab_caches[i], &cpu->base[i][slot], context);
}
