// kmalloc() and kfree(): which cache, or which of the other two ways, a piece of memory comes from.
//
// Every address is looked up in what would be its arena's descriptors. What lies there may be
// anybody's, the large memory itself or a guest's, or nothing at all (arch_read_or_base()), so only
// a tag is believed: none of its 64 bits can be known to who doesn't know slab_secret, and no copy
// of it lies where a multiple of ARENA_SIZE would make it be read for another address.

#include "lib/string.h"
#include "mm/failpoint.h"
#include "mm/slab_priv.h"

noinline static void *allocate_unusual(size_t size, uintptr_t caller)
{
    if (size)
        return large_alloc(size, caller);
    void *object = slab_pop(0);
    return SLAB_DEBUG && object ? debug_give(&slab_caches[0], object, 1, caller) : object;
}

static inline void *allocate(size_t size, uintptr_t caller)
{
    if (unlikely(size - 1 >= KMALLOC_CLASS_MAX))
        return allocate_unusual(size, caller);
    size_t class = kmalloc_class(size);
    void *object = slab_pop(class);
    if (SLAB_DEBUG && object)
        return debug_give(&slab_caches[class], object, size, caller);
    return object;
}

void *kmalloc_any(size_t size)
{
    return allocate(size, (uintptr_t)__builtin_return_address(0));
}

void *kcalloc(size_t count, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(count, size, &all))
        return NULL;
    void *memory = allocate(all, (uintptr_t)__builtin_return_address(0));
    return memory ? memset(memory, 0, all) : NULL;
}

static bool is_object(uint64_t index)
{
    return index < SLAB_CACHES_MAX && slab_caches[index].name;
}

noinline void kfree_elsewhere(void *memory, uintptr_t caller)
{
    if (!memory)
        return;
    if ((uintptr_t)memory % ARENA_SIZE || !large_free(memory, caller))
        slab_refuse(NULL, memory, caller);
}

void kfree(void *memory)
{
    if (SLAB_DEBUG) {
        debug_free(memory, (uintptr_t)__builtin_return_address(0));
        return;
    }
    uint64_t index = slab_index_of_aligned(memory);
    if (likely(index < SLAB_CACHES_MAX)) {
        slab_push(index, memory);
        return;
    }
    kfree_elsewhere(memory, (uintptr_t)__builtin_return_address(0));
}

size_t kmalloc_size(const void *memory)
{
    if ((uintptr_t)memory % ARENA_SIZE == 0)
        return memory ? large_size(memory) : 0;
    uint64_t index = slab_index_of(memory);
    if (index == SLAB_RUNS)
        return run_size(memory);
    if (!is_object(index))
        return 0;
    return SLAB_DEBUG ? debug_size(&slab_caches[index], memory) : slab_caches[index].size;
}

void *krealloc(void *memory, size_t size)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    if (!memory)
        return allocate(size, caller);
    size_t room = kmalloc_size(memory);
    if (!room) {
        slab_refuse(NULL, memory, caller);
        return NULL;
    }
    if (!SLAB_DEBUG && size <= room && (size > room / 2 || room == 16))
        return memory; // the debug build moves it, so that old addresses are found out
    void *moved = allocate(size, caller);
    if (!moved)
        return size <= room ? memory : NULL;
    memcpy(moved, memory, size < room ? size : room);
    kfree(memory);
    return moved;
}
