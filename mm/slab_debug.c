// The debug build's view of an object: its slot in the slab has a red zone in front and behind, and
// at its end a record of who has allocated and who has freed it. Free objects are filled with
// poison; before one can be allocated again it waits in a quarantine, so that who still writes to
// it is found out. What is wrong is a panic that names everybody concerned.
//
//   | red zone | the object, as large as its class | red zone | record |
//   slot       + front            (red behind what was asked for)     + stride

#include "kernel/lock.h"
#include "kernel/panic.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab_priv.h"

#ifdef KEELSON_DEBUG

enum {
    RED = 0xbb,
    POISON = 0x6b,
    ZONE = 16, // at least, behind; in front where the alignment isn't larger than FRONT_MAX
    FRONT_MAX = 64,
    QUARANTINE = 256,
    SITES = 64,
};

#define LIVE  0x6c6976656c697665ull
#define FREED 0x6465616464656164ull

struct record {
    uint64_t state; // LIVE or FREED, ^ its own address
    uint64_t size;  // asked for
    uintptr_t allocated_by, freed_by;
};

static struct lock quarantine_lock;
static struct {
    struct slab_cache *cache;
    void *slot;
} quarantine[QUARANTINE];
static unsigned quarantine_next; // the oldest, and where the next one goes

void debug_lay_out(struct slab_cache *cache, size_t alignment)
{
    size_t step = alignment > 16 ? alignment : 16;
    cache->front = alignment <= FRONT_MAX ? step : 0;
    cache->stride = align_up(cache->front + cache->size + ZONE + sizeof(struct record), step);
}

static struct record *record_of(const struct slab_cache *cache, const void *slot)
{
    return (struct record *)((char *)slot + cache->stride) - 1;
}

static bool record_is(const struct record *record, uint64_t state)
{
    return record->state == (state ^ (uintptr_t)record);
}

static void record_set(struct record *record, uint64_t state)
{
    record->state = state ^ (uintptr_t)record;
}

// Whether [from, to) is filled with `byte`.
static bool is_filled(const void *from, const void *to, uint8_t byte)
{
    for (const uint8_t *at = from; at < (const uint8_t *)to; at++)
        if (*at != byte)
            return false;
    return true;
}

static void fill(void *from, void *to, uint8_t byte)
{
    memset(from, byte, (char *)to - (char *)from);
}

noreturn static void accuse(const struct slab_cache *cache, const void *slot, const char *what,
                            uintptr_t caller)
{
    const struct record *record = record_of(cache, slot);
    panic("slab: %s: %p (%lu bytes) %s; allocated by %pS, freed by %pS, found by %pS", cache->name,
          (void *)((char *)slot + cache->front), record->size, what, (void *)record->allocated_by,
          (void *)record->freed_by, (void *)caller);
}

// --- What may be wrong with an object; NULL: nothing ---------------------------------------------

static const char *fault_of_live(const struct slab_cache *cache, char *slot)
{
    const struct record *record = record_of(cache, slot);
    if (!is_filled(slot, slot + cache->front, RED))
        return "was written to in front of its start";
    if (record->size > cache->size || !is_filled(slot + cache->front + record->size, record, RED))
        return "was written to behind its end";
    return NULL;
}

static const char *fault_of_freed(const struct slab_cache *cache, char *slot)
{
    const struct record *record = record_of(cache, slot);
    char *object = slot + cache->front;
    if (!record_is(record, FREED) || !is_filled(slot, object, RED) ||
        !is_filled(object + cache->size, record, RED))
        return "was written to around it after it was freed";
    if (!cache->construct && !is_filled(object, object + cache->size, POISON))
        return "was written to after it was freed";
    return NULL;
}

static void verify_freed(const struct slab_cache *cache, void *slot, uintptr_t caller)
{
    const char *fault = fault_of_freed(cache, slot);
    if (fault)
        accuse(cache, slot, fault, caller);
}

// --- From slot to object and back ----------------------------------------------------------------

void debug_fill(struct slab_cache *cache, void *slot)
{
    char *object = (char *)slot + cache->front;
    struct record *record = record_of(cache, slot);
    fill(slot, record, RED);
    if (!cache->construct)
        fill(object, object + cache->size, POISON);
    *record = (struct record){.size = 0};
    record_set(record, FREED);
}

void *debug_give(struct slab_cache *cache, void *slot, size_t size, uintptr_t caller)
{
    verify_freed(cache, slot, caller);
    char *object = (char *)slot + cache->front;
    struct record *record = record_of(cache, slot);
    fill(object + size, object + cache->size, RED);
    record->size = size;
    record->allocated_by = caller;
    record->freed_by = 0;
    record_set(record, LIVE);
    return object;
}

// In exchange for the oldest one, which may be none.
static void *quarantine_swap(struct slab_cache **cache, void *slot)
{
    uintptr_t state = lock_irqsave(&quarantine_lock);
    struct slab_cache *old_cache = quarantine[quarantine_next].cache;
    void *old = quarantine[quarantine_next].slot;
    quarantine[quarantine_next].cache = *cache;
    quarantine[quarantine_next].slot = slot;
    quarantine_next = (quarantine_next + 1) % QUARANTINE;
    if (slot)
        (*cache)->parked++;
    if (old)
        old_cache->parked--;
    *cache = old_cache;
    unlock_irqrestore(&quarantine_lock, state);
    return old;
}

static void quarantine_pass(struct slab_cache *cache, void *slot, uintptr_t caller)
{
    void *old = quarantine_swap(&cache, slot);
    if (!old)
        return;
    verify_freed(cache, old, caller);
    slab_push(cache->index, old);
}

void debug_drain(void)
{
    for (unsigned i = 0; i < QUARANTINE; i++)
        quarantine_pass(NULL, NULL, (uintptr_t)__builtin_return_address(0));
}

static bool is_slot(const struct slab_cache *cache, const void *slot)
{
    return !cache->is_plain && slab_index_of(slot) == cache->index &&
           slab_bit(cache, slab_of(slot), slot) < cache->per_slab;
}

void debug_take(struct slab_cache *cache, void *object, uintptr_t caller)
{
    char *slot = (char *)object - cache->front;
    if (!is_slot(cache, slot))
        slab_refuse(cache, object, caller);
    struct record *record = record_of(cache, slot);
    if (record_is(record, FREED))
        accuse(cache, slot, "was freed twice", caller);
    if (!record_is(record, LIVE))
        accuse(cache, slot, "has lost its record: was written to far behind its end", caller);
    const char *fault = fault_of_live(cache, slot);
    if (fault)
        accuse(cache, slot, fault, caller);
    fill((char *)object + record->size, (char *)object + cache->size, RED);
    if (!cache->construct)
        fill(object, (char *)object + cache->size, POISON);
    record->freed_by = caller;
    record_set(record, FREED);
    quarantine_pass(cache, slot, caller);
}

void debug_free(void *memory, uintptr_t caller)
{
    uint64_t index = slab_index_of(memory);
    if (index < SLAB_RUNS)
        debug_take(&slab_caches[index], memory, caller);
    else if (index > SLAB_RUNS)
        kfree_elsewhere(memory, caller);
    else if (!run_free(memory, caller))
        slab_refuse(NULL, memory, caller);
}

size_t debug_size(const struct slab_cache *cache, const void *object)
{
    const char *slot = (const char *)object - cache->front;
    return is_slot(cache, slot) ? record_of(cache, slot)->size : 0;
}

// --- Large memory --------------------------------------------------------------------------------

void debug_give_large(void *memory, size_t size, size_t room)
{
    fill((char *)memory + size, (char *)memory + room, RED);
}

void debug_take_large(const void *memory, size_t size, size_t room, uintptr_t from,
                      uintptr_t caller)
{
    if (is_filled((const char *)memory + size, (const char *)memory + room, RED))
        return;
    panic("slab: large: %p (%lu bytes) was written to behind its end; allocated by %pS, found "
          "by %pS",
          memory, size, (void *)from, (void *)caller);
}

// --- All objects ---------------------------------------------------------------------------------

// Calls `visit` for every object of a slab that has left it.
static void visit_objects(struct slab *slab, void *context,
                          void (*visit)(struct slab_cache *cache, char *slot, void *context))
{
    struct slab_cache *cache = slab_cache_of(slab);
    if (!cache || cache->is_plain)
        return;
    char *slot = slab_start(slab);
    for (unsigned i = 0; i < cache->per_slab; i++, slot += cache->stride)
        visit(cache, slot, context);
}

struct site {
    uintptr_t caller;
    uint64_t objects, bytes;
};

struct sites {
    unsigned count;
    struct site site[SITES];
};

// The last one stands for all that find no room.
static void count_site(uintptr_t caller, size_t size, void *context)
{
    struct sites *sites = context;
    unsigned i = 0;
    while (i < sites->count && sites->site[i].caller != caller)
        i++;
    if (i == SITES) {
        i--;
        sites->site[i].caller = 0;
    } else if (i == sites->count) {
        sites->site[sites->count++] = (struct site){.caller = caller};
    }
    sites->site[i].objects++;
    sites->site[i].bytes += size;
}

static void count_object(struct slab_cache *cache, char *slot, void *context)
{
    const struct record *record = record_of(cache, slot);
    if (record_is(record, LIVE))
        count_site(record->allocated_by, record->size, context);
}

static void count_slab(struct slab *slab, void *context)
{
    if ((slab->tag ^ slab_secret) == SLAB_RUNS)
        count_site(slab->run.caller, slab->run.size, context);
    else
        visit_objects(slab, context, count_object);
}

enum status slab_leaks(bool (*show)(uintptr_t caller, uint64_t objects, uint64_t bytes))
{
    struct sites sites = {.count = 0};
    arena_visit(count_slab, &sites);
    large_visit(count_site, &sites);
    while (sites.count) {
        struct site *most = sites.site;
        for (struct site *site = most + 1; site < sites.site + sites.count; site++)
            if (site->bytes > most->bytes)
                most = site;
        if (!show(most->caller, most->objects, most->bytes))
            break;
        *most = sites.site[--sites.count];
    }
    return OK;
}

struct debug_check {
    mm_complain *complain;
    unsigned wrong;
};

static void check_object(struct slab_cache *cache, char *slot, void *context)
{
    struct debug_check *check = context;
    const struct record *record = record_of(cache, slot);
    const char *fault =
        record_is(record, LIVE) ? fault_of_live(cache, slot) : fault_of_freed(cache, slot);
    if (!fault)
        return;
    check->complain("slab: %s: %p (%lu bytes) %s; allocated by %pS, freed by %pS", cache->name,
                    (void *)(slot + cache->front), record->size, fault,
                    (void *)record->allocated_by, (void *)record->freed_by);
    check->wrong++;
}

static void check_slab_objects(struct slab *slab, void *context)
{
    visit_objects(slab, context, check_object);
}

unsigned debug_check(mm_complain *complain)
{
    struct debug_check check = {.complain = complain};
    arena_visit(check_slab_objects, &check);
    return check.wrong;
}

#endif
