// Caches of objects, and where their pages go. Catches memory that never goes back to the page
// allocator, an allocation that fails half-way and leaves something behind, and a start without
// memory that isn't borne.

#include "tests/host/slab_machine.h"

// --- Caches --------------------------------------------------------------------------------------

static unsigned constructed;

static void construct(void *object)
{
    *(uint64_t *)object = 0x600d;
    constructed++;
}

static void objects_are_constructed_once_and_aligned(void **state)
{
    (void)state;
    static const size_t alignments[] = {8, 16, 64, 256, 4096};
    for (unsigned a = 0; a < ARRAY_SIZE(alignments); a++) {
        for (size_t size = 8; size <= 9000; size = size * 2 + 1) {
            void *objects[100];
            constructed = 0;
            struct slab_cache *cache = slab_create("test", size, alignments[a], construct);
            assert_non_null(cache);
            for (unsigned round = 0; round < 3; round++) {
                for (unsigned i = 0; i < 100; i++) {
                    uint64_t *object = objects[i] = slab_alloc(cache);
                    assert_true((uintptr_t)object % alignments[a] == 0);
                    assert_true(*object == 0x600d || *object == 0xfeed);
                    *object = 0xfeed;
                }
                for (unsigned i = 0; i < 100; i++)
                    slab_free(cache, objects[i]);
            }
            struct slab_stats stats;
            (void)stats_find("test", &stats);
            assert_int_equal(stats.objects, 0);
            assert_true(constructed >= 100);
            assert_true(size > 100 || alignments[a] > 64 ||
                        constructed == stats.room); // no slab has gone meanwhile
            assert_int_equal(slab_destroy(cache), OK);
        }
    }
    assert_consistent();
}

static void expect_no_cache(size_t size, size_t alignment, const char *words)
{
    struct slab_cache *cache = NULL;
    EXPECT_PANIC(cache = slab_create("odd", size, alignment, NULL), words);
    (void)cache;
}

static void alignments_are_powers_of_two(void **state)
{
    (void)state;
    static const size_t wrong[] = {3, 24, 48, 4095, 6144, 8192, SIZE_MAX};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        expect_no_cache(24, wrong[i], "alignment");
    expect_no_cache(0, 8, "size");
    expect_no_cache(KMALLOC_CLASS_MAX + 1, 8, "size");
    fake_pages.fail_all = true; // nothing of it is wanted yet
    for (size_t right = 1; right <= PAGE_SIZE; right *= 2)
        assert_int_equal(slab_destroy(slab_create("even", 24, right, NULL)), OK);
}

static void a_cache_in_use_stays(void **state)
{
    (void)state;
    struct slab_cache *cache = slab_create("kept", 100, 0, NULL);
    void *object = slab_alloc(cache);
    machine_cpu = &machine_cpus[1];
    slab_free(cache, slab_alloc(cache)); // leaves some in this processor's magazine
    assert_int_equal(slab_destroy(cache), FAILED);
    assert_int_equal(log_lines[LOG_ERROR], 1);
    slab_free(cache, object);
    assert_int_equal(slab_destroy(cache), OK);
    struct slab_stats stats;
    for (unsigned i = 0; slab_get_stats(i, &stats); i++)
        assert_string_not_equal(stats.name, "kept");
    assert_consistent();
}

static void the_table_of_caches_fills_up_and_empties(void **state)
{
    (void)state;
    struct slab_cache *caches[SLAB_CACHES_MAX];
    unsigned made = 0;
    while ((caches[made] = slab_create("one", 32, 0, NULL)))
        made++;
    assert_int_equal(made, SLAB_RUNS - SLAB_FIRST_CUSTOM);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < made; i++)
            slab_free(caches[i], slab_alloc(caches[i]));
        for (unsigned i = 0; i < made; i++)
            assert_int_equal(slab_destroy(caches[i]), OK);
        for (unsigned i = 0; i < made; i++)
            assert_non_null(caches[i] = slab_create("again", 3000, 64, NULL));
    }
    for (unsigned i = 0; i < made; i++)
        assert_int_equal(slab_destroy(caches[i]), OK);
    assert_consistent();
}

// --- Memory that goes back -----------------------------------------------------------------------

static void fuller_slabs_are_used_first(void **state)
{
    (void)state;
    enum { MANY = 40000 };
    static void *objects[MANY];
    unsigned kept = 0;
    for (unsigned i = 0; i < MANY; i++)
        objects[i] = kmalloc(256);
    random_seed(3);
    for (unsigned i = 0; i < MANY; i++) // nine of ten go
        if (random_below(10) == 0)
            objects[kept++] = objects[i];
        else
            kfree(objects[i]);
    unsigned before = fake_pages.in_use;
    for (unsigned n = 0; n < 200; n++) { // and the rest is exchanged, a tenth at a time
        unsigned first = random_below(kept - kept / 10);
        for (unsigned i = first; i < first + kept / 10; i++)
            kfree(objects[i]);
        for (unsigned i = first; i < first + kept / 10; i++)
            objects[i] = kmalloc(256);
    }
    assert_true(pages_after_reclaim() < before / 2);
    for (unsigned i = 0; i < kept; i++)
        kfree(objects[i]);
}

static void memory_comes_back_when_pages_run_out(void **state)
{
    (void)state;
    static void *objects[2 * FAKE_PAGES];
    unsigned n = 0;
    while ((objects[n] = kmalloc(PAGE_SIZE)))
        n++;
    assert_true(n > (FAKE_PAGES / 64 - 1) * 63 - 200); // the pool's first arena is cut
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_null(kmalloc(PAGE_SIZE));
    assert_null(kmalloc(1 << 20));
    assert_int_equal(log_lines[LOG_WARN], 1); // once
    struct slab_stats stats;
    (void)stats_find("kmalloc-4096", &stats);
    assert_int_equal(stats.failed, 2);
    assert_int_equal(stats.objects, n);
    while (n)
        kfree(objects[--n]);
    void *other = kmalloc(1 << 20); // what the cache has kept is taken back for it
    assert_non_null(other);
    kfree(other);
    while ((objects[n] = kmalloc(2048)))
        n++;
    assert_int_equal(log_lines[LOG_WARN], 2);
    while (n)
        kfree(objects[--n]);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_consistent();
}

// --- Failures ------------------------------------------------------------------------------------

// A little of everything; how many allocations have failed.
static unsigned scenario(void)
{
    enum { EACH = 40 };
    static void *memory[EACH * 6];
    unsigned missing = 0, n = 0;
    struct slab_cache *cache = slab_create("scenario", 3000, 64, construct);
    for (unsigned i = 0; i < EACH; i++) {
        memory[n++] = kmalloc(64);
        memory[n++] = kmalloc(3000);
        memory[n++] = kcalloc(3, 10000);
        memory[n++] = kmalloc(70000);
        memory[n++] = i < 4 ? kmalloc(600000) : kmalloc(20);
        void *grown = memory[n - 1] ? krealloc(memory[n - 1], 50000) : NULL;
        memory[n - 1] = grown ? grown : memory[n - 1];
        missing += !grown;
        memory[n++] = slab_alloc(cache);
    }
    for (unsigned i = 0; i < n; i++) {
        missing += !memory[i];
        if (i % 6 == 5 && memory[i])
            slab_free(cache, memory[i]);
        else
            kfree(memory[i]);
    }
    assert_int_equal(slab_destroy(cache), OK);
    return missing;
}

static void no_failing_page_allocation_leaves_anything_behind(void **state)
{
    (void)state;
    assert_int_equal(scenario(), 0);
    unsigned at_start = pages_after_reclaim();
    fake_pages.calls = 0;
    assert_int_equal(scenario(), 0);
    uint64_t calls = fake_pages.calls;
    assert_true(calls > 20);
    for (uint64_t n = 1; n <= calls; n++) {
        (void)pages_after_reclaim();
        fake_pages.calls = 0;
        fake_pages.fail_at = n;
        (void)scenario();
        fake_pages.fail_at = 0;
        assert_consistent();
        assert_int_equal(objects_in_use(), 0);
    }
    assert_int_equal(pages_after_reclaim(), at_start);
    fake_pages.fail_all = true;
    assert_true(scenario() > 0);
    fake_pages.fail_all = false;
    assert_int_equal(pages_after_reclaim(), at_start);
    assert_int_equal(log_lines[LOG_ERROR], 0);
}

// Every public call counts once, whatever it does inside, and the one that is named fails.
static void failpoints_count_calls(void **state)
{
    (void)state;
    struct slab_cache *cache = slab_create("counted", 100, 0, NULL);
    for (unsigned i = 0; i < 2; i++) { // with magazines that are full and in use
        void *warm[3] = {kmalloc(64), slab_alloc(cache), kmalloc(100000)};
        kfree(warm[0]);
        slab_free(cache, warm[1]);
        kfree(warm[2]);
    }
    for (unsigned fails = 1; fails <= 8; fails++) {
        slab_drain();
        failpoint_set(FAILPOINT_SLAB, fails);
        void *memory[6];
        memory[0] = kmalloc(64);
        memory[1] = kcalloc(2, 32);
        memory[2] = slab_alloc(cache);
        memory[3] = kmalloc(500000);
        memory[4] = kmalloc(100000);
        memory[5] = krealloc(NULL, 64);
        if (memory[5])
            memory[5] = krealloc(memory[5], 50); // stays where it is: not an allocation
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(memory[i] == NULL, i + 1 == fails);
        assert_int_equal(failpoint_get(FAILPOINT_SLAB), fails <= 6 ? 0 : fails - 6);
        kfree(memory[0]);
        void *next = kmalloc(64); // and frees don't make a stock that goes uncounted
        assert_int_equal(next == NULL, fails == 7);
        assert_int_equal(failpoint_get(FAILPOINT_SLAB), fails == 8);
        failpoint_set(FAILPOINT_SLAB, 0);
        kfree(next);
        for (unsigned i = 1; i < 6; i++)
            if (i == 2 && memory[i])
                slab_free(cache, memory[i]);
            else
                kfree(memory[i]);
    }
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_ERROR] + log_lines[LOG_WARN], 0);
    assert_int_equal(slab_destroy(cache), OK);
}

// --- Without memory ------------------------------------------------------------------------------

static bool show_leak(uintptr_t caller, uint64_t objects, uint64_t bytes)
{
    (void)caller;
    fail_msg("%lu objects, %lu bytes", objects, bytes);
    return false;
}

static void looking_before_the_start_is_harmless(void **state)
{
    struct slab_stats stats;
    (void)machine_off(state);
    assert_consistent();
    slab_drain();
    assert_int_equal(slab_reclaim(), 0);
    assert_true(slab_get_stats(0, &stats)); // large memory
    assert_int_equal(stats.objects, 0);
    assert_false(slab_get_stats(1, &stats));
    (void)slab_leaks(show_leak);
    failpoint_set(FAILPOINT_SLAB, 1);
    failpoint_set(FAILPOINT_SLAB, 0);
}

static void without_pages_everything_fails_cleanly(void **state)
{
    (void)machine_off(state);
    fake_pages.fail_all = true;
    slab_init();
    slab_cpu_init(&machine_cpus[1].slab);
    struct slab_cache *cache = slab_create("none", 100, 0, NULL);
    for (unsigned i = 0; i < 2; i++) {
        machine_cpu = &machine_cpus[i];
        assert_null(kmalloc(0));
        assert_null(kmalloc(64));
        assert_null(kmalloc_any(32768));
        assert_null(kmalloc(100000));
        assert_null(kmalloc(10 << 20));
        assert_null(kcalloc(10, 10));
        assert_null(krealloc(NULL, 10));
        assert_null(slab_alloc(cache));
        kfree(NULL);
        slab_drain();
        assert_int_equal(slab_reclaim(), 0);
        assert_consistent();
    }
    assert_int_equal(slab_destroy(cache), OK);
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    fake_pages.fail_all = false; // some are given later
    kfree(kmalloc(64));
    assert_consistent();
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_are_constructed_once_and_aligned),
        TEST(alignments_are_powers_of_two),
        TEST(a_cache_in_use_stays),
        TEST(the_table_of_caches_fills_up_and_empties),
        TEST(fuller_slabs_are_used_first),
        TEST(memory_comes_back_when_pages_run_out),
        TEST(no_failing_page_allocation_leaves_anything_behind),
        TEST(failpoints_count_calls),
        TEST(looking_before_the_start_is_harmless),
        TEST(without_pages_everything_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
