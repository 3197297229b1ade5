// What the files of the object allocator share: arenas of pages, slabs of objects in them, caches
// of slabs, and a magazine of each cache for each processor.
//
// Invariant: a slab's bitmap has the bits of exactly the objects that are neither handed out nor in
// a magazine. No lock is held while pages are asked for: that may end in slab_reclaim(). Of locks
// at most one is held at a time.
#pragma once

#include "kernel/lock.h"
#include "lib/compiler.h"
#include "lib/types.h"
#include "mm/layout.h"
#include "mm/slab.h"

#ifdef KEELSON_DEBUG
enum { SLAB_DEBUG = 1 };
#else
enum { SLAB_DEBUG = 0 };
#endif

enum {
    ARENA_PAGES = 64,
    ARENA_SIZE = ARENA_PAGES * PAGE_SIZE,
    DESCRIPTOR_SHIFT = 6,
    SLAB_OBJECTS_MAX = 256,
    KMALLOC_ALIGNMENT = 16,
    MAGAZINE_SLOTS = 64, // a NULL, the objects, and the slot that is never kept
    LARGE_RECORD_SIZE = 32,
    LARGE_ZONE = 16, // debug build: red, behind large memory
};

// Indexes of caches: first kmalloc's classes, then our own, then those of slab_create().
enum {
    KMALLOC_CLASSES = 22,
    SLAB_MAGAZINES = KMALLOC_CLASSES,
    SLAB_LARGE_RECORDS,
    SLAB_FIRST_CUSTOM,
    SLAB_RUNS = SLAB_CACHES_MAX - 1, // no cache: large memory within an arena
};

struct link {
    struct link *next, *prev;
};

static inline void link_init(struct link *list)
{
    list->next = list->prev = list;
}

static inline void link_insert(struct link *link, struct link *before)
{
    link->next = before;
    link->prev = before->prev;
    before->prev->next = link;
    before->prev = link;
}

static inline void link_remove(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

// An arena's first page consists of descriptors of its pages, 64 bytes each. Those of a slab's
// pages all have `tag` and `first`, the first one's is the slab's.
struct slab {
    uint64_t tag; // index of the cache ^ slab_secret; 0: nothing to be freed is here
    struct link link;
    union {
        uint64_t free[SLAB_OBJECTS_MAX / 64]; // bitmap
        struct {
            uint64_t size; // asked for
            uintptr_t caller;
        } run; // SLAB_RUNS
    };
    uint16_t due, left;   // when `due` objects are free, `left` from now, it changes lists
    uint8_t first, pages; // index of its first page; how many
};

// The first descriptor is the arena's own.
struct arena {
    uint64_t tag; // 0
    struct link link;
    uint64_t free;    // bitmap of pages; page 0 never is
    uint64_t longest; // what list it is on
    const struct arena *self;
    uint64_t reserved;
};

_Static_assert(sizeof(struct slab) == 1 << DESCRIPTOR_SHIFT, "kfree() computes their addresses");
_Static_assert(sizeof(struct arena) <= sizeof(struct slab), "the first descriptor");

struct slab_cache {
    struct lock lock; // for what follows here, its slabs, and closing others' magazines
    unsigned index;
    uint32_t stride;     // from one object to the next
    uint32_t reciprocal; // 2^32 / stride, rounded up
    uint16_t per_slab, half;
    uint8_t pages;      // of a slab
    uint8_t magazine;   // objects in a full magazine; 0: never has one
    uint8_t batch;      // how many are moved at a time
    bool is_plain;      // even in the debug build
    unsigned empties;   // slabs in `empty`
    struct link usable; // slabs with free objects, the fuller ones in front
    struct link empty;
    uint64_t slabs, free; // free: objects that have their bits
    uint64_t failed;
    const char *name; // NULL: none of this exists
    size_t size;      // of an object for its user
    void (*construct)(void *object);
    uint32_t front;  // debug build: from there to the object
    uint64_t parked; // debug build: objects in the quarantine
};

extern struct slab_cache slab_caches[SLAB_CACHES_MAX];

// Of every valid tag, so that no memory looks like an arena by chance or because a guest wants it
// to. Above SLAB_CACHES_MAX.
extern uint64_t slab_secret;

// Before slab_init() nothing can be followed, not even empty lists.
static inline bool slab_is_ready(void)
{
    return slab_secret != 0;
}

// The offset of a page's descriptor in its arena.
static inline uintptr_t slab_descriptor(const void *memory)
{
    return (uintptr_t)memory >> (PAGE_SHIFT - DESCRIPTOR_SHIFT) & (ARENA_PAGES - 1)
                                                                      << DESCRIPTOR_SHIFT;
}

static inline uint64_t slab_index_at(uintptr_t arena, const void *memory)
{
    return arch_read_or_base(arena, slab_descriptor(memory)) ^ slab_secret;
}

// The cache's index for an object's address; anything else, most likely at least SLAB_CACHES_MAX,
// where no object is.
static inline uint64_t slab_index_of(const void *memory)
{
    return slab_index_at((uintptr_t)memory & -(uintptr_t)ARENA_SIZE, memory);
}

// The same for what must be aligned to KMALLOC_ALIGNMENT: otherwise it is read beside the tag,
// which costs no instruction.
static inline uint64_t slab_index_of_aligned(const void *memory)
{
    uintptr_t kept = -(uintptr_t)ARENA_SIZE | (KMALLOC_ALIGNMENT - 1);
    return slab_index_at((uintptr_t)memory & kept, memory);
}

static inline struct arena *arena_of(const void *memory)
{
    return (struct arena *)((uintptr_t)memory & -(uintptr_t)ARENA_SIZE);
}

static inline struct slab *arena_slab(struct arena *arena, unsigned page)
{
    return (struct slab *)arena + page;
}

// The descriptor of the page that `memory` is in.
static inline struct slab *arena_slab_at(struct arena *arena, const void *memory)
{
    return (struct slab *)((char *)arena + slab_descriptor(memory));
}

// The slab that an address in an arena belongs to.
static inline struct slab *slab_of(const void *memory)
{
    struct arena *arena = arena_of(memory);
    return arena_slab(arena, arena_slab_at(arena, memory)->first);
}

static inline unsigned slab_free_count(const struct slab *slab)
{
    return slab->due - slab->left;
}

static inline void *slab_start(const struct slab *slab)
{
    return (char *)arena_of(slab) + slab->first * PAGE_SIZE;
}

static inline struct slab *slab_from_link(struct link *link)
{
    return (struct slab *)((char *)link - offsetof(struct slab, link));
}

// --- slab_arena.c: pages -------------------------------------------------------------------------

void arena_init(void);

// `pages` (1 to 63) that follow each other, tagged with `index`; of the rest of the descriptor only
// `pages` is set. NULL when there is no memory.
must_use struct slab *arena_take(unsigned pages, unsigned index);
void arena_put(struct slab *slab);

// Gives arenas back that nothing is in; returns how many pages.
size_t arena_reclaim(void);

// Calls `visit` for every slab and run. `visit` holds the arenas' lock.
void arena_visit(void (*visit)(struct slab *slab, void *context), void *context);
unsigned arena_check(mm_complain *complain);

// What may be asked of the page allocator: before the direct map is whole, only what it covers.
unsigned slab_page_flags(void);

// --- slab_objects.c: objects of slabs ------------------------------------------------------------

// What is left to do when a cache's lock has been released.
struct slab_rest {
    struct link empty;  // slabs to give back
    const void *wrong;  // the last object that was refused
    unsigned wrong_num; // how many
    bool is_late;       // they come from a magazine: who has given them back isn't known
};

static inline void slab_rest_init(struct slab_rest *rest)
{
    link_init(&rest->empty);
    rest->wrong_num = 0;
    rest->is_late = false;
}

void slab_rest_finish(struct slab_cache *cache, struct slab_rest *rest, uintptr_t caller);

void cache_setup(unsigned index, const char *name, size_t size, size_t alignment,
                 void (*construct)(void *object));

// The cache's lock is held. Up to `count` objects to `to`; returns how many there were.
unsigned cache_take(struct slab_cache *cache, void **to, unsigned count);

// The cache's lock is held. `count` objects back; what isn't an object in use is left out.
void cache_put(struct slab_cache *cache, void *const *objects, unsigned count,
               struct slab_rest *rest);

// One more slab. Takes the locks that it needs.
must_use bool cache_grow(struct slab_cache *cache);

// All empty slabs to `rest`; the lock is held.
void cache_shrink(struct slab_cache *cache, struct slab_rest *rest);

// NULL where none has such slabs, as large memory and what is damaged.
struct slab_cache *slab_cache_of(const struct slab *slab);

// One object by way of no magazine.
must_use void *cache_take_one(struct slab_cache *cache);
void cache_put_one(struct slab_cache *cache, void *object, uintptr_t caller);

// The bit of the object that begins at `offset` in its slab; at least that of the slab's end where
// none does.
static inline unsigned slab_bit_at(uint32_t offset, uint32_t reciprocal)
{
    uint64_t product = (uint64_t)offset * reciprocal; // 32 bits of quotient, and a fraction
    return (uint32_t)product < reciprocal ? product >> 32 : UINT32_MAX;
}

static inline unsigned slab_bit(const struct slab_cache *cache, const struct slab *slab,
                                const void *slot)
{
    return slab_bit_at((uintptr_t)slot - (uintptr_t)slab_start(slab), cache->reciprocal);
}

// --- slab_magazine.c -----------------------------------------------------------------------------

// Where a magazine is full, or its topmost object comes again; as slab_pop_slowly().
void slab_push_slowly(struct slab_cache *cache, void *object, uintptr_t state, uintptr_t caller);

static inline void slab_push(size_t index, void *object)
{
    uintptr_t state = arch_irq_save();
    void **top = arch_own_percpu()->slab.top[index];
    *top = object;
    if (unlikely(top[-1] == object) || unlikely(top == arch_own_percpu()->slab.last[index])) {
        slab_push_slowly(&slab_caches[index], object, state,
                         (uintptr_t)__builtin_return_address(0));
        return;
    }
    compiler_forget(index); // as in slab_pop()
    arch_own_percpu()->slab.top[index]++;
    arch_irq_restore(state);
}

// Gives this processor's magazines back, with what is in them.
void magazines_destroy(void);

// The cache's lock is held: takes back what all processors have in their magazines of it.
void magazines_close(struct slab_cache *cache, struct slab_rest *rest);

// Objects in all processors' magazines. Exact only while none of them uses the cache.
uint64_t magazines_count(const struct slab_cache *cache);

// Calls `visit` for every object in a magazine, with the place where its address stands.
void magazines_visit(void (*visit)(struct slab_cache *cache, void **object, void *context),
                     void *context);

// --- slab_large.c: memory above KMALLOC_CLASS_MAX ------------------------------------------------

must_use void *large_alloc(size_t size, uintptr_t caller);

// `memory` is in a run of an arena; or aligned to ARENA_SIZE. False where it isn't its first byte.
must_use bool run_free(void *memory, uintptr_t caller);
must_use bool large_free(void *memory, uintptr_t caller);

// Bytes that may be used; 0 where it is nothing that large_alloc() has returned.
size_t run_size(const void *memory);
size_t large_size(const void *memory);

void large_get_stats(struct slab_stats *stats);
void large_visit(void (*visit)(uintptr_t caller, size_t size, void *context), void *context);

// --- kmalloc.c ----------------------------------------------------------------------------------

// kfree() of what is in no arena: large memory, NULL, or wrong.
void kfree_elsewhere(void *memory, uintptr_t caller);

// --- slab.c --------------------------------------------------------------------------------------

// Says what is wrong with a free, in the log or, in the debug build, by a panic; and with `count`
// of them, of which `last` is one, that are found by `finder` when a magazine goes back.
void slab_refuse(const struct slab_cache *cache, const void *memory, uintptr_t caller);
void slab_refuse_late(const struct slab_cache *cache, const void *last, unsigned count,
                      uintptr_t finder);

// An allocation has failed, or one has succeeded again.
void slab_failed(uint64_t *count, size_t size);
void slab_succeeded(void);

// --- slab_debug.c --------------------------------------------------------------------------------
//
// Only in the debug build, that is after if (SLAB_DEBUG). Objects have red zones around them, a
// record of who has allocated and freed them behind, and are filled with poison while they are
// free.

// Where the object begins in its slot, and how large that must be.
void debug_lay_out(struct slab_cache *cache, size_t alignment);

// An object of a new slab.
void debug_fill(struct slab_cache *cache, void *slot);

// From the slot that an allocation has got to what the caller gets, and back: the latter by way of
// the quarantine.
must_use void *debug_give(struct slab_cache *cache, void *slot, size_t size, uintptr_t caller);
void debug_take(struct slab_cache *cache, void *object, uintptr_t caller);

// What kfree() is there.
void debug_free(void *memory, uintptr_t caller);

size_t debug_size(const struct slab_cache *cache, const void *object);

// Gives back what is in the quarantine.
void debug_drain(void);

// The red zone behind `size` of the `room` bytes of large memory.
void debug_give_large(void *memory, size_t size, size_t room);
void debug_take_large(const void *memory, size_t size, size_t room, uintptr_t from,
                      uintptr_t caller);

unsigned debug_check(mm_complain *complain);
