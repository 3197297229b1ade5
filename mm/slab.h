// Objects smaller than a few pages: caches of objects of one kind, and kmalloc() for all others.
//
// Objects live in arenas of 64 pages (256 KiB, aligned): the first page describes the others, so
// that an address is enough to find an object's cache. In front of each cache every processor has a
// magazine of objects (Bonwick and Adams 2001). docs/memory.md has the whole picture.
//
// Any context but NMI and machine check, on any processor.
#pragma once

#include "kernel/percpu.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/page.h"

enum { KMALLOC_CLASS_MAX = 32 << 10 };

struct slab_cache;

// After page_init(), and needed even where that has failed: it takes no memory, and allocations
// return NULL from then on as long as there are no pages. Before it nothing may be allocated or
// given back, as magazines are read without a look at whether they exist; slab_drain(),
// slab_reclaim() and all that only looks do nothing then. Registers slab_reclaim() with the page
// allocator.
void slab_init(void);

// For a processor that is being started, before it allocates; once for each. slab_init() does it
// for its own.
void slab_cpu_init(struct slab_cpu *cpu);

// A cache of objects of `size` bytes (1 to KMALLOC_CLASS_MAX), aligned to `alignment` (a power of
// two up to PAGE_SIZE; 0: 16). `construct`, or NULL, is called once for an object's memory, not for
// each allocation: objects are given back in the state that it leaves them in. `name` is kept, not
// copied. Takes no memory yet; NULL when the table of caches is full.
must_use struct slab_cache *slab_create(const char *name, size_t size, size_t alignment,
                                        void (*construct)(void *object));

// All its objects must have been given back; where some haven't, that is logged, the cache stays,
// and FAILED is returned.
enum status slab_destroy(struct slab_cache *cache);

must_use void *slab_alloc(struct slab_cache *cache);
void slab_free(struct slab_cache *cache, void *object);

// Memory of any size, aligned to 16 bytes; a size of 0 is one of 1. Not zeroed but by kcalloc(),
// which also refuses a product that overflows. NULL when there is no memory.
must_use static inline void *kmalloc(size_t size);
must_use void *kcalloc(size_t count, size_t size);

// As the C library's: contents up to the smaller size are kept; NULL leaves the old memory as
// it is.
must_use void *krealloc(void *memory, size_t size);

// What kmalloc(), kcalloc() and krealloc() return; NULL is nothing. What isn't such memory, isn't
// its first byte, or was given back before, is refused and logged.
//
// Noticed at once, and logged with the caller, is: an address that isn't aligned to 16 bytes; one
// outside of what objects lie in; anything wrong about memory above KMALLOC_CLASS_MAX; and an
// object that was the last of its size to be given back on this processor, and hasn't been
// allocated since. An object that came back earlier, and the other addresses inside of one, are
// noticed when the magazine is flushed: who has given them back isn't known then, and they may have
// been handed out meanwhile, to two owners. In the debug build all of it is noticed at once, and a
// panic. The same goes for slab_free(), which also refuses objects of other caches at once, but
// doesn't look at alignment.
void kfree(void *memory);

// Bytes that may be used at `memory`.
size_t kmalloc_size(const void *memory);

// Gives the objects in this processor's magazines back to their caches. That is what makes a
// failpoint's count exact (mm/failpoint.h): on this processor, as others have theirs still.
void slab_drain(void);

// Gives pages back that hold no objects; returns how many. Only this processor's magazines are
// emptied for it, as others may be waiting for a lock that the caller holds: up to 62 free objects
// of each cache stay in the magazines of each of them, and so do the pages that those lie in.
size_t slab_reclaim(void);

struct slab_stats {
    const char *name;
    size_t size;      // of an object, with what the debug build adds
    uint64_t objects; // handed out
    uint64_t cached;  // in magazines
    uint64_t room;    // objects that its pages can hold
    uint64_t pages, failed;
};

// For each cache, kmalloc's own among them and large memory as the last. Returns false past the
// last `index`.
bool slab_get_stats(unsigned index, struct slab_stats *stats);

// Calls `show` for each call site that memory is still held by, most bytes first, 64 at most.
// NOT_SUPPORTED outside the debug build.
enum status slab_leaks(bool (*show)(uintptr_t caller, uint64_t objects, uint64_t bytes));

// Proves the metadata against itself, and in the debug build every red zone and poisoned byte.
// Calls `complain` for everything wrong, returns how often. Nobody may allocate meanwhile.
unsigned slab_check(mm_complain *complain);

// --- The inline half -----------------------------------------------------------------------------

#ifdef KEELSON_DEBUG
enum { KMALLOC_INLINE = 0 }; // who has called is wanted
#else
enum { KMALLOC_INLINE = 1 };
#endif

must_use void *kmalloc_any(size_t size);

// Where a magazine is empty: takes the state of interrupts, which are off, and puts it back.
must_use void *slab_pop_slowly(size_t index, uintptr_t state);

// 16, 32, 48, 64, and from there on 2^n and 1.5 * 2^n. `size` is 1 to KMALLOC_CLASS_MAX.
static inline size_t kmalloc_class(size_t size)
{
    size_t last = size - 1;
    if (last < 64)
        return last >> 4;
    size_t top = 63 ^ __builtin_clzll(last);
    return 2 * top - 10 + (last >> (top - 1));
}

// An object of the cache with this index; those of kmalloc() are the first, by class.
must_use static inline void *slab_pop(size_t index)
{
    uintptr_t state = arch_irq_save();
    void **top = arch_own_percpu()->slab.top[index];
    void *object = top[-1];
    if (unlikely(!object))
        return slab_pop_slowly(index, state);
    compiler_barrier(); // changed in place, not by way of `top`: an instruction less
    arch_own_percpu()->slab.top[index]--;
    arch_irq_restore(state);
    return object;
}

static inline void *kmalloc(size_t size)
{
    if (KMALLOC_INLINE && __builtin_constant_p(size) && size - 1 < KMALLOC_CLASS_MAX)
        return slab_pop(kmalloc_class(size));
    return kmalloc_any(size);
}
