// The debug build of the object allocator: what would be silent damage in the release build is a
// panic that names the object and everybody concerned. Catches a red zone that isn't looked at, an
// object that is reused before who still writes to it is found out, and leaks booked on the wrong
// caller.

#define KEELSON_DEBUG 1
#include "tests/host/slab_machine.h"

static const size_t sizes[] = {1, 15, 16, 17, 63, 64, 100, 1000, 4096, 5000, 32768};

static void one_byte_too_many_is_seen(void **state)
{
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        machine_start(state);
        uint8_t *memory = kmalloc(sizes[i]);
        assert_int_equal(kmalloc_size(memory), sizes[i]);
        memset(memory, 0x55, sizes[i]);
        memory[sizes[i]] ^= 1;
        EXPECT_PANIC(kfree(memory), "behind its end");
        assert_non_null(strstr(panic_text, "kmalloc-"));
    }
}

static void one_byte_too_few_is_seen(void **state)
{
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        machine_start(state);
        uint8_t *memory = kmalloc(sizes[i]);
        memory[-1] ^= 1;
        EXPECT_PANIC(kfree(memory), "in front of its start");
    }
}

static void large_memory_has_a_red_zone_behind(void **state)
{
    static const size_t large[] = {40000, 40960, 250000, 262144, 1000000, 1048576};
    for (unsigned i = 0; i < ARRAY_SIZE(large); i++) {
        machine_start(state);
        uint8_t *memory = kmalloc(large[i]);
        memset(memory, 0x55, large[i]);
        kfree(memory);
        memory = kmalloc(large[i]);
        memory[large[i]] ^= 1;
        EXPECT_PANIC(kfree(memory), "behind its end");
    }
}

static void use_after_free_is_seen_at_the_next_allocation(void **state)
{
    (void)state;
    uint8_t *memory = kmalloc(200);
    kfree(memory);
    assert_int_equal(memory[0], POISON);
    assert_int_equal(memory[199], POISON);
    slab_drain(); // out of the quarantine: nothing has happened yet
    memory[100] = 1;
    EXPECT_PANIC(while (kmalloc(200)) continue, "after it was freed");
}

static void use_after_free_is_seen_when_the_quarantine_ends(void **state)
{
    (void)state;
    uint8_t *memory = kmalloc(200);
    kfree(memory);
    memory[7]++;
    EXPECT_PANIC(for (;;) kfree(kmalloc(16)), "after it was freed");
    assert_non_null(strstr(panic_text, "kmalloc-256"));
}

static void freed_objects_stay_in_quarantine(void **state)
{
    (void)state;
    void *memory = kmalloc(64);
    kfree(memory);
    for (unsigned i = 1; i < QUARANTINE; i++) {
        void *other = kmalloc(64);
        assert_ptr_not_equal(other, memory);
        kfree(other);
    }
    assert_int_equal(objects_in_use(), 0);
    struct slab_stats stats;
    (void)stats_find("kmalloc-64", &stats);
    assert_true(stats.cached >= QUARANTINE);
    slab_drain();
    (void)stats_find("kmalloc-64", &stats);
    assert_int_equal(stats.cached, 0);
    assert_int_equal(pages_after_reclaim(), 0);
}

static void double_frees_are_seen_at_once(void **state)
{
    (void)state;
    void *memory = kmalloc(64);
    kfree(memory);
    EXPECT_PANIC(kfree(memory), "was freed twice");
    slab_drain();
    EXPECT_PANIC(kfree(memory), "was freed twice");
    void *large = kmalloc(1000000), *run = kmalloc(100000);
    kfree(large);
    kfree(run);
    EXPECT_PANIC(kfree(large), "never allocated");
    EXPECT_PANIC(kfree(run), "never allocated");
    struct slab_cache *cache = slab_create("mine", 40, 0, NULL);
    void *object = slab_alloc(cache);
    slab_free(cache, object);
    EXPECT_PANIC(slab_free(cache, object), "mine");
}

static void wrong_addresses_are_seen_at_once(void **state)
{
    (void)state;
    static uint64_t foreign[4];
    uint8_t *memory = kmalloc(200), *run = kmalloc(100000);
    struct slab_cache *one = slab_create("one", 40, 0, NULL),
                      *two = slab_create("two", 40, 0, NULL);
    EXPECT_PANIC(kfree(memory + 16), "never allocated");
    EXPECT_PANIC(kfree(memory - 16), "never allocated");
    EXPECT_PANIC(kfree(run + PAGE_SIZE), "never allocated");
    EXPECT_PANIC(kfree(foreign + 2), "never allocated");
    EXPECT_PANIC(kfree((void *)16), "never allocated");
    EXPECT_PANIC(slab_free(two, slab_alloc(one)), "never allocated");
    kfree(NULL);
    kfree(memory);
    kfree(run);
}

static unsigned constructed;

static void construct(void *object)
{
    *(uint64_t *)object = 0x600d;
    constructed++;
}

static void constructed_objects_keep_their_state(void **state)
{
    (void)state;
    static const size_t alignments[] = {16, 64, 256, 4096};
    for (unsigned a = 0; a < ARRAY_SIZE(alignments); a++) {
        struct slab_cache *cache = slab_create("built", 72, alignments[a], construct);
        uint64_t *object = slab_alloc(cache);
        for (unsigned i = 0; i < 3 * QUARANTINE; i++) {
            assert_true((uintptr_t)object % alignments[a] == 0);
            assert_true(*object == 0x600d || *object == 0xfeed);
            *object = 0xfeed;
            slab_free(cache, object);
            object = slab_alloc(cache);
        }
        ((uint8_t *)object)[72] = 1;
        EXPECT_PANIC(slab_free(cache, object), "behind its end");
        ((uint8_t *)object)[72] = RED;
        slab_free(cache, object);
        assert_int_equal(slab_destroy(cache), OK);
    }
}

// --- Leaks ---------------------------------------------------------------------------------------

static struct {
    uintptr_t caller;
    uint64_t objects, bytes;
} shown[100];
static unsigned shown_count;

static bool show(uintptr_t caller, uint64_t objects, uint64_t bytes)
{
    shown[shown_count].caller = caller;
    shown[shown_count].objects = objects;
    shown[shown_count++].bytes = bytes;
    return true;
}

noinline static void *leak_small(void)
{
    void *memory = kmalloc(100);
    compiler_barrier();
    return memory;
}

noinline static void *leak_large(size_t size)
{
    void *memory = kmalloc(size);
    compiler_barrier();
    return memory;
}

static void leaks_are_booked_on_their_callers(void **state)
{
    (void)state;
    void *kept[5];
    for (unsigned i = 0; i < 3; i++)
        kept[i] = leak_small();
    kept[3] = leak_large(50000);
    kept[4] = leak_large(1000000);
    kfree(kmalloc(5000));
    shown_count = 0;
    assert_int_equal(slab_leaks(show), OK);
    assert_int_equal(shown_count, 2);
    assert_int_equal(shown[0].objects, 2);
    assert_int_equal(shown[0].bytes, 1050000);
    assert_in_range(shown[0].caller, (uintptr_t)leak_large, (uintptr_t)leak_large + 200);
    assert_int_equal(shown[1].objects, 3);
    assert_int_equal(shown[1].bytes, 300);
    assert_in_range(shown[1].caller, (uintptr_t)leak_small, (uintptr_t)leak_small + 200);
    for (unsigned i = 0; i < 5; i++)
        kfree(kept[i]);
    shown_count = 0;
    assert_int_equal(slab_leaks(show), OK);
    assert_int_equal(shown_count, 0);
}

static void too_many_sites_share_the_last(void **state)
{
    (void)state;
    for (uintptr_t site = 1; site <= 80; site++)
        (void)allocate(site, site * 16);
    shown_count = 0;
    assert_int_equal(slab_leaks(show), OK);
    assert_int_equal(shown_count, SITES);
    uint64_t objects = 0;
    for (unsigned i = 0; i < shown_count; i++)
        objects += shown[i].objects;
    assert_int_equal(objects, 80);
}

// --- All of it -----------------------------------------------------------------------------------

static void toggle_tags(struct slab *slab, uint64_t bits)
{
    for (unsigned i = 0; i < slab->pages; i++)
        slab[i].tag ^= bits;
}

static void slabs_of_no_cache_are_left_out(void **state)
{
    (void)state;
    static const uint64_t damage[] = {BIT(63), BIT(40), BIT(20), 32}; // the last: an unused entry
    void *live = kmalloc(50);
    for (unsigned i = 0; i < ARRAY_SIZE(damage); i++) {
        toggle_tags(slab_of(live), damage[i]);
        assert_true(slab_check(complain) > 0);
        shown_count = 0;
        assert_int_equal(slab_leaks(show), OK);
        assert_int_equal(shown_count, 0);
        toggle_tags(slab_of(live), damage[i]);
        assert_consistent();
    }
    kfree(live);
}

static void check_sees_damage_before_anybody_frees(void **state)
{
    (void)state;
    uint8_t *live = kmalloc(50), *freed = kmalloc(60);
    kfree(freed);
    assert_consistent();
    live[50]++;
    assert_int_equal(slab_check(complain), 1);
    live[50]--;
    freed[0]++;
    assert_int_equal(slab_check(complain), 1);
    freed[0]--;
    assert_consistent();
    kfree(live);
}

static void random_operations_do_no_damage(void **state)
{
    (void)state;
    enum { SLOTS = 500, OPERATIONS = 300000 };
    static uint8_t *slots[SLOTS];
    static size_t slot_sizes[SLOTS];
    random_seed(11);
    for (unsigned n = 0; n < OPERATIONS; n++) {
        unsigned i = random_below(SLOTS);
        machine_cpu = &machine_cpus[random_below(MACHINE_CPUS)];
        if (slots[i] && random_below(8) == 0) {
            slot_sizes[i] = 1 + random_below(1 << random_below(14));
            slots[i] = krealloc(slots[i], slot_sizes[i]);
        } else if (slots[i]) {
            kfree(slots[i]);
            slots[i] = NULL;
            continue;
        } else {
            slot_sizes[i] = 1 + random_below(1 << random_below(random_below(50) ? 12 : 20));
            slots[i] = kmalloc(slot_sizes[i]);
        }
        assert_non_null(slots[i]);
        slots[i][0] = slots[i][slot_sizes[i] - 1] = 1;
        if (n % 10000 == 0)
            assert_consistent();
    }
    for (unsigned i = 0; i < SLOTS; i++)
        kfree(slots[i]);
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(pages_after_reclaim(), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_byte_too_many_is_seen),
        TEST(one_byte_too_few_is_seen),
        TEST(large_memory_has_a_red_zone_behind),
        TEST(use_after_free_is_seen_at_the_next_allocation),
        TEST(use_after_free_is_seen_when_the_quarantine_ends),
        TEST(freed_objects_stay_in_quarantine),
        TEST(double_frees_are_seen_at_once),
        TEST(wrong_addresses_are_seen_at_once),
        TEST(constructed_objects_keep_their_state),
        TEST(leaks_are_booked_on_their_callers),
        TEST(too_many_sites_share_the_last),
        TEST(check_sees_damage_before_anybody_frees),
        TEST(slabs_of_no_cache_are_left_out),
        TEST(random_operations_do_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
