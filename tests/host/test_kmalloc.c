// Memory by its size: kmalloc() and what belongs to it. Catches memory that is smaller than it was
// asked for, overlaps other memory or isn't aligned, and contents that are lost when it grows.

#include "tests/host/slab_owners.h"

enum { BIGGEST = 40000 };

static void every_size_is_aligned_and_its_own(void **state)
{
    (void)state;
    static void *memory[BIGGEST + 1];
    for (unsigned size = 0; size <= BIGGEST; size++) {
        unsigned slot = size % 1000;
        if (size >= 1000) {
            disown(memory[size - 1000], kmalloc_size(memory[size - 1000]));
            kfree(memory[size - 1000]);
        }
        memory[size] = kmalloc(size);
        assert_non_null(memory[size]);
        size_t room = kmalloc_size(memory[size]);
        assert_true(room >= size && room >= 1);
        assert_true(size < 16 || size > KMALLOC_CLASS_MAX || room < 2 * size);
        own(memory[size], room);
        memset(memory[size], slot, room);
    }
    for (unsigned size = BIGGEST - 999; size <= BIGGEST; size++) {
        for (unsigned i = 0; i < kmalloc_size(memory[size]); i += 61)
            assert_int_equal(((uint8_t *)memory[size])[i], (uint8_t)(size % 1000));
        disown(memory[size], kmalloc_size(memory[size]));
        kfree(memory[size]);
    }
    assert_consistent();
    assert_int_equal(objects_in_use(), 0);
}

static void classes_and_their_sizes_are_inverse(void **state)
{
    (void)state;
    for (size_t size = 1; size <= KMALLOC_CLASS_MAX; size++) {
        size_t class = kmalloc_class(size);
        assert_true(class < KMALLOC_CLASSES && class_size(class) >= size);
        assert_true(class == 0 || class_size(class - 1) < size);
    }
}

static void slabs_waste_little(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KMALLOC_CLASSES; i++) {
        size_t room = slab_caches[i].pages * (size_t)PAGE_SIZE;
        assert_true(room - slab_caches[i].per_slab * slab_caches[i].size <= room / 32);
    }
}

static void large_memory_comes_and_goes(void **state)
{
    (void)state;
    unsigned at_start = pages_after_reclaim();
    static const size_t sizes[] = {
        KMALLOC_CLASS_MAX + 1, 100000, 258048, 258049, ARENA_SIZE, 1000000, 2 << 20, (5 << 20) + 1};
    void *memory[ARRAY_SIZE(sizes)];
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        memory[i] = kmalloc(sizes[i]);
        assert_non_null(memory[i]);
        assert_true(kmalloc_size(memory[i]) >= sizes[i]);
        own(memory[i], kmalloc_size(memory[i]));
        memset(memory[i], i, kmalloc_size(memory[i]));
    }
    assert_consistent();
    assert_int_equal(objects_in_use(), ARRAY_SIZE(sizes));
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_int_equal(((uint8_t *)memory[i])[sizes[i] - 1], i);
        disown(memory[i], kmalloc_size(memory[i]));
        kfree(memory[i]);
    }
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_int_equal(pages_after_reclaim(), at_start);
    assert_null(kmalloc(SIZE_MAX));
    assert_null(kmalloc(SIZE_MAX - PAGE_SIZE));
}

static void kcalloc_zeroes_and_refuses_overflow(void **state)
{
    (void)state;
    uint8_t *dirty = kmalloc(480);
    memset(dirty, 0xff, 480);
    kfree(dirty);
    uint8_t *clean = kcalloc(10, 48);
    assert_ptr_equal(clean, dirty);
    for (unsigned i = 0; i < 480; i++)
        assert_int_equal(clean[i], 0);
    kfree(clean);
    assert_null(kcalloc(SIZE_MAX / 8, 16));
    assert_null(kcalloc(1ull << 32, 1ull << 32));
    void *nothing = kcalloc(0, 16);
    assert_non_null(nothing);
    kfree(nothing);
}

static void krealloc_keeps_contents(void **state)
{
    (void)state;
    uint8_t *memory = krealloc(NULL, 10);
    for (unsigned i = 0; i < 10; i++)
        memory[i] = i;
    for (size_t size = 10; size < 600000; size = size * 5 / 4) {
        memory = krealloc(memory, size);
        assert_non_null(memory);
        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(memory[i], i);
    }
    memory = krealloc(memory, 5);
    assert_true(kmalloc_size(memory) < 64);
    assert_int_equal(memory[4], 4);
    uint8_t *same = krealloc(memory, kmalloc_size(memory));
    assert_ptr_equal(same, memory);
    assert_null(krealloc(same, SIZE_MAX));
    assert_int_equal(same[4], 4);
    kfree(same);
    assert_int_equal(objects_in_use(), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_size_is_aligned_and_its_own),
        TEST(classes_and_their_sizes_are_inverse),
        TEST(slabs_waste_little),
        TEST(large_memory_comes_and_goes),
        TEST(kcalloc_zeroes_and_refuses_overflow),
        TEST(krealloc_keeps_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
