// What the release build does about frees that are wrong, and about damage. Catches frees that are
// believed although they are wrong, and a check that is blind or makes things worse.

#include "tests/host/slab_machine.h"

static void expect_refused(void *memory)
{
    unsigned before = log_lines[LOG_ERROR];
    kfree(memory);
    slab_drain();
    if (log_lines[LOG_ERROR] != before + 1)
        fail_msg("%p was believed", memory);
    assert_consistent();
}

static void wrong_frees_are_refused(void **state)
{
    (void)state;
    static uint64_t foreign[4];
    char *live = kmalloc(100), *freed = kmalloc(100), *other = kmalloc(100), *page = kmalloc(4096);
    char *run = kmalloc(100000), *large = kmalloc(500000);
    kfree(freed);
    slab_drain();
    expect_refused(freed);                                   // twice
    expect_refused(live + 16);                               // the middle
    expect_refused(live + 8);                                //
    expect_refused(page + 2048);                             //
    expect_refused(run + 4096);                              // of large memory
    expect_refused(run + 16);                                //
    expect_refused(large + 4096);                            //
    expect_refused(large + ARENA_SIZE);                      //
    expect_refused(foreign + 2);                             // not ours
    expect_refused((void *)0xdeadbeefdeadbee0);              // nobody's
    expect_refused((void *)48);                              //
    expect_refused(arena_of(live));                          // the arena's own page
    expect_refused((char *)arena_of(live) + 64);             //
    expect_refused((char *)arena_of(live) + 63 * PAGE_SIZE); // free
    expect_refused((char *)direct_map_base + direct_map_size - PAGE_SIZE);
    kfree(run);
    expect_refused(run);
    kfree(large);
    expect_refused(large);
    unsigned before = log_lines[LOG_ERROR];
    kfree(NULL);
    assert_int_equal(log_lines[LOG_ERROR], before);
    kfree(live);
    kfree(other);
    kfree(page);
    assert_int_equal(kmalloc_size(foreign + 2), 0);
    assert_int_equal(kmalloc_size(run), 0);
    assert_null(krealloc(foreign + 2, 32));
    assert_int_equal(objects_in_use(), 0);
}

// Memory that looks like an arena to who doesn't know the secret.
static void forged_descriptors_are_not_believed(void **state)
{
    (void)state;
    uint8_t *guest = kmalloc(ARENA_SIZE);
    void *object = kmalloc(64);
    memcpy(guest, arena_of(object), PAGE_SIZE); // even a copy: its owner can't read this
    memset(guest, 0, 64);
    for (unsigned i = 1; i < ARENA_PAGES; i++)
        ((struct slab *)guest)[i].tag ^= slab_secret; // what it looks like without
    expect_refused(guest + PAGE_SIZE);
    kfree(object);
    kfree(guest);
    assert_int_equal(objects_in_use(), 0);
}

static void objects_of_another_cache_are_refused(void **state)
{
    (void)state;
    struct slab_cache *one = slab_create("one", 64, 0, NULL);
    struct slab_cache *two = slab_create("two", 64, 0, NULL);
    void *object = slab_alloc(one);
    slab_free(two, object);
    assert_int_equal(log_lines[LOG_ERROR], 1);
    slab_free(one, object);
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_int_equal(slab_destroy(one), OK);
    assert_int_equal(slab_destroy(two), OK);
}

static void assert_logged(unsigned lines, const char *words)
{
    assert_int_equal(log_lines[LOG_ERROR], lines);
    if (!strstr(log_last, words))
        fail_msg("\"%s\" is not in \"%s\"", words, log_last);
}

// Whatever state the magazine is in: it fills up with what follows.
static void a_second_free_in_a_row_is_refused_at_once(void **state)
{
    enum { COUNT = 300 };
    (void)state;
    void *objects[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        objects[i] = kmalloc(64);
    for (unsigned i = 0; i < COUNT; i++) {
        kfree(objects[i]);
        kfree(objects[i]);
        assert_logged(i + 1, "(by ");
    }
    void *one = kmalloc(64), *two = kmalloc(64);
    assert_ptr_not_equal(one, two);
    kfree(one);
    kfree(two);
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], COUNT);
    assert_int_equal(objects_in_use(), 0);
}

static void what_is_not_aligned_is_refused_at_once(void **state)
{
    (void)state;
    char *live = kmalloc(3000), *run = kmalloc(100000);
    kfree(live + 8);
    assert_logged(1, "(by ");
    kfree(run + 8);
    assert_logged(2, "(by ");
    assert_int_equal(objects_in_use(), 2);
    kfree(live);
    kfree(run);
    assert_int_equal(log_lines[LOG_ERROR], 2);
}

// The flush has found them, but who has freed them isn't known any more.
static void late_refusals_are_counted_and_accuse_nobody(void **state)
{
    (void)state;
    void *one = kmalloc(64), *two = kmalloc(64), *three = kmalloc(64);
    kfree(one);
    kfree(two);
    kfree(one);
    kfree(three);
    kfree(two);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    slab_drain();
    assert_logged(1, "refused 2 ");
    assert_logged(1, "found while flushing");
    assert_int_equal(objects_in_use(), 0);
    one = kmalloc(64);
    kfree(one);
    kfree((char *)one + 32);
    (void)slab_reclaim();
    assert_logged(2, "refused 1 ");
    assert_int_equal(objects_in_use(), 0);
}

// Of two frees of one object that wait in a magazine the second is found out when it goes back,
// even where its slab is gone by then.
static void double_frees_are_found_in_magazines(void **state)
{
    (void)state;
    void *object = kmalloc(64), *other = kmalloc(64);
    kfree(object);
    kfree(other);
    kfree(object);
    complaints = 0;
    assert_true(slab_check(complain) > 0);
    machine_cpu = &machine_cpus[0];
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_int_equal(objects_in_use(), 0);
    assert_consistent();
}

// --- Checks --------------------------------------------------------------------------------------

// What is wrong in a magazine stays as wrong as it was.
static void check_changes_nothing(void **state)
{
    (void)state;
    char *object = kmalloc(64), *live = kmalloc(64), *twice = kmalloc(64);
    kfree(object);
    slab_drain();
    kfree(object);
    kfree(twice);
    kfree(live + 16);
    kfree(twice);
    for (unsigned round = 0; round < 2; round++) {
        complaints = 0;
        assert_int_equal(slab_check(complain), 3);
        assert_int_equal(complaints, 3);
    }
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_consistent();
    assert_int_equal(objects_in_use(), 1);
    kfree(live);
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_consistent();
}

static void check_finds_damage(void **state)
{
    (void)state;
    void *object = kmalloc(64), *run = kmalloc(100000);
    assert_consistent();
    struct slab *slab = slab_of(object);
    slab->left++;
    assert_true(slab_check(complain) > 0);
    slab->left--;
    slab->free[0] ^= 1;
    assert_true(slab_check(complain) > 0);
    slab->free[0] ^= 1;
    slab->tag += 7ull << 40;
    assert_true(slab_check(complain) > 0);
    slab->tag -= 7ull << 40;
    slab_caches[3].free++;
    assert_true(slab_check(complain) > 0);
    slab_caches[3].free--;
    arena_of(run)->free ^= BIT(63);
    assert_true(slab_check(complain) > 0);
    arena_of(run)->free ^= BIT(63);
    assert_consistent();
    kfree(object);
    kfree(run);
    assert_int_equal(slab_leaks(NULL), NOT_SUPPORTED);
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_frees_are_refused),
        TEST(forged_descriptors_are_not_believed),
        TEST(objects_of_another_cache_are_refused),
        TEST(a_second_free_in_a_row_is_refused_at_once),
        TEST(what_is_not_aligned_is_refused_at_once),
        TEST(late_refusals_are_counted_and_accuse_nobody),
        TEST(double_frees_are_found_in_magazines),
        TEST(check_changes_nothing),
        TEST(check_finds_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
