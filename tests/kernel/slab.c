// The object allocator on the machine itself. A wrong one hands out memory twice, keeps pages that
// hold nothing, or faults on an address that it should refuse.

#include "mm/slab.h"
#include "kernel/log.h"
#include "kernel/test.h"
#include "lib/string.h"
#include "mm/failpoint.h"
#include "mm/layout.h"

static uint64_t free_pages(void)
{
    struct page_stats stats;
    (void)slab_reclaim();
    page_drain();
    page_get_stats(&stats);
    return stats.free;
}

static bool is_filled(const uint8_t *memory, size_t size, uint8_t byte)
{
    while (size && *memory == byte)
        memory++, size--;
    return !size;
}

KTEST(slab, sizes_are_aligned_and_apart)
{
    enum { COUNT = 300 };
    static uint8_t *memory[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        memory[i] = kmalloc(i * i);
        KTEST_CHECK(memory[i] != NULL);
        KTEST_EQUAL((uintptr_t)memory[i] % 16, 0);
        KTEST_CHECK(kmalloc_size(memory[i]) >= i * i);
        memset(memory[i], (int)i, i * i);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        KTEST_CHECK(is_filled(memory[i], i * i, (uint8_t)i));
        kfree(memory[i]);
    }
}

KTEST(slab, constant_sizes_take_the_same_way)
{
    void *memory[] = {kmalloc(1), kmalloc(64), kmalloc(65), kmalloc(32768), kmalloc(32769)};
    static const size_t sizes[] = {1, 64, 65, 32768, 32769};
    for (unsigned i = 0; i < ARRAY_SIZE(memory); i++) {
        KTEST_CHECK(memory[i] != NULL);
        size_t room = kmalloc_size(memory[i]);
        KTEST_CHECK(room >= sizes[i]);
        void *again = kmalloc_any(sizes[i]);
        KTEST_EQUAL(kmalloc_size(again), room);
        kfree(again);
        kfree(memory[i]);
    }
}

KTEST(slab, pages_go_back)
{
    enum { COUNT = 2000 };
    static void *memory[COUNT];
    uint64_t before = free_pages();
    for (unsigned i = 0; i < COUNT; i++) {
        memory[i] = kmalloc(i % 7 ? i : i * 300);
        KTEST_CHECK(memory[i] != NULL);
    }
    for (unsigned i = 0; i < COUNT; i++)
        kfree(memory[(i * 7919ul) % COUNT]);
    KTEST_EQUAL(free_pages(), before);
}

static unsigned constructed;

static void construct(void *object)
{
    *(uint64_t *)object = 0x600d;
    constructed++;
}

KTEST(slab, caches_come_and_go)
{
    constructed = 0;
    struct slab_cache *cache = slab_create("ktest", 200, 256, construct);
    KTEST_CHECK(cache != NULL);
    uint64_t *object = slab_alloc(cache);
    KTEST_CHECK(object != NULL);
    KTEST_EQUAL((uintptr_t)object % 256, 0);
    KTEST_EQUAL(*object, 0x600d);
    unsigned once = constructed;
    slab_free(cache, object);
    object = slab_alloc(cache);
    KTEST_EQUAL(constructed, once);
    slab_free(cache, object);
    KTEST_EQUAL(slab_destroy(cache), OK);
}

KTEST(slab, resized_memory_keeps_its_contents)
{
    uint8_t *memory = kmalloc(100);
    KTEST_CHECK(memory != NULL);
    memset(memory, 0x5a, 100);
    memory = krealloc(memory, 500000);
    KTEST_CHECK(memory && is_filled(memory, 100, 0x5a));
    memory = krealloc(memory, 50);
    KTEST_CHECK(memory && is_filled(memory, 50, 0x5a));
    kfree(memory);
    KTEST_CHECK(kcalloc(SIZE_MAX / 2, 3) == NULL);
}

// Each block has the address of the one before it.
static void **exhaust(size_t size)
{
    void **last = NULL;
    for (void **block; (block = kmalloc(size)); last = block)
        *block = last;
    return last;
}

KTEST(slab, runs_out_and_recovers)
{
    uint64_t before = free_pages();
    static const size_t sizes[] = {2 << 20, 100000, 4096};
    void **last[ARRAY_SIZE(sizes)];
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        last[i] = exhaust(sizes[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        while (last[i]) {
            void **block = last[i];
            last[i] = *block;
            kfree(block);
        }
    }
    KTEST_EQUAL(free_pages(), before);
}

KTEST(slab, failpoints_name_the_call_that_fails)
{
    void *memory[5];
    slab_drain();
    failpoint_set(FAILPOINT_SLAB, 3);
    for (unsigned i = 0; i < ARRAY_SIZE(memory); i++)
        memory[i] = kmalloc(64);
    uint64_t left = failpoint_get(FAILPOINT_SLAB);
    failpoint_set(FAILPOINT_SLAB, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(memory); i++)
        kfree(memory[i]);
    KTEST_EQUAL(left, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(memory); i++)
        KTEST_EQUAL(memory[i] == NULL, i == 2);
}

#ifndef KEELSON_DEBUG // there it is a panic

static unsigned refusals;

static bool count_line(void *context, const char *line, size_t length)
{
    (void)context;
    (void)length;
    for (; *line; line++)
        if (string_starts_with(line, "slab: kfree: "))
            refusals++;
    return true;
}

static unsigned logged_refusals(void)
{
    refusals = 0;
    log_replay(LOG_ERROR, count_line, NULL);
    return refusals;
}

KTEST(slab, addresses_from_anywhere_are_refused)
{
    char *live = kmalloc(100);
    KTEST_CHECK(live != NULL);
    void *wrong[] = {
        kernel_data_start + 8,                          // the kernel's image
        (void *)16,                                     // not mapped
        (void *)0xdeadbeef00000010,                     // not canonical
        (void *)(direct_map_base + direct_map_size),    // behind the direct map
        (char *)((uintptr_t)live & -(256ul << 10)) + 8, // the arena's descriptors
        live + 1,                                       // the middle
        live + 100,
    };
    unsigned before = logged_refusals();
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        kfree(wrong[i]); // NOLINT(clang-analyzer-unix.Malloc)
    KTEST_EQUAL(logged_refusals(), before + ARRAY_SIZE(wrong));
    kfree(live);
    kfree(live); // NOLINT(clang-analyzer-unix.Malloc)
    void *one = kmalloc(100), *two = kmalloc(100);
    kfree(one);
    kfree(two);
    KTEST_CHECK(one != two);
}

#else

static uint64_t leaked_here;

static bool count_leak(uintptr_t caller, uint64_t objects, uint64_t bytes)
{
    (void)caller;
    if (bytes == 77 * objects)
        leaked_here += objects;
    return true;
}

KTEST(slab, leaks_are_listed)
{
    void *memory[7];
    for (unsigned i = 0; i < ARRAY_SIZE(memory); i++)
        memory[i] = kmalloc(77);
    leaked_here = 0;
    KTEST_EQUAL(slab_leaks(count_leak), OK);
    for (unsigned i = 0; i < ARRAY_SIZE(memory); i++)
        kfree(memory[i]);
    KTEST_EQUAL(leaked_here, 7);
}

#endif

static void complain(const char *format, ...)
{
    log_error("%s", format);
}

KTEST(slab, metadata_fits_together)
{
    void *memory[3] = {kmalloc(10), kmalloc(3000), kmalloc(300000)};
    unsigned wrong = slab_check(complain);
    for (unsigned i = 0; i < ARRAY_SIZE(memory); i++)
        kfree(memory[i]);
    KTEST_EQUAL(wrong, 0);
    KTEST_EQUAL(slab_check(complain), 0);
}
