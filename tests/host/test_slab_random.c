// The object allocator against a naive reference, with random operations on several processors.
// Catches objects that overlap, contents that are lost, and memory that never goes back to the page
// allocator.

#include "tests/host/slab_owners.h"

enum { SLOTS = 3000, OPERATIONS = 10000000 };

// Its first and last word, from its address.
static void mark(void *memory, size_t size)
{
    uint8_t *bytes = memory;
    bytes[0] = (uintptr_t)memory >> 4;
    bytes[size - 1] = (uintptr_t)memory >> 4;
}

static void assert_marked(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    assert_int_equal(bytes[0], (uint8_t)((uintptr_t)memory >> 4));
    assert_int_equal(bytes[size - 1], (uint8_t)((uintptr_t)memory >> 4));
}

static void *slots[SLOTS];
static size_t slot_sizes[SLOTS];

// Small ones most of the time, as in life.
static size_t random_size(void)
{
    unsigned bits = random_below(64) ? 4 + random_below(9) : 4 + random_below(16);
    return 1 + random_below(1ull << bits);
}

static void free_slot(unsigned i)
{
    if (!slots[i])
        return;
    assert_marked(slots[i], slot_sizes[i]);
    disown(slots[i], slot_sizes[i]);
    kfree(slots[i]);
    slots[i] = NULL;
}

static void fill_slot(unsigned i)
{
    slot_sizes[i] = random_size();
    slots[i] = kmalloc(slot_sizes[i]);
    assert_non_null(slots[i]);
    own(slots[i], slot_sizes[i]);
    mark(slots[i], slot_sizes[i]);
}

static void resize_slot(unsigned i)
{
    size_t size = random_size(), kept = size < slot_sizes[i] ? size : slot_sizes[i];
    uint8_t first = *(uint8_t *)slots[i], last = ((uint8_t *)slots[i])[kept - 1];
    disown(slots[i], slot_sizes[i]);
    slots[i] = krealloc(slots[i], size);
    assert_non_null(slots[i]);
    assert_int_equal(*(uint8_t *)slots[i], first);
    assert_int_equal(((uint8_t *)slots[i])[kept - 1], last);
    slot_sizes[i] = size;
    own(slots[i], size);
    mark(slots[i], size);
}

static void random_operations_agree_with_the_reference(void **state)
{
    (void)state;
    unsigned at_start = pages_after_reclaim();
    random_seed(7);
    for (unsigned n = 0; n < OPERATIONS; n++) {
        unsigned i = random_below(n / (OPERATIONS / 8) % 2 ? SLOTS / 20 : SLOTS);
        if (n % 16 == 0)
            machine_cpu = &machine_cpus[random_below(MACHINE_CPUS)];
        if (slots[i] && random_below(16) == 0)
            resize_slot(i);
        else if (slots[i])
            free_slot(i);
        else
            fill_slot(i);
        if (n % (OPERATIONS / 100) == 0)
            assert_consistent();
        if (n % (OPERATIONS / 1000) == 0)
            (void)slab_reclaim();
    }
    for (unsigned i = 0; i < SLOTS; i++)
        free_slot(i);
    assert_consistent();
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_int_equal(pages_after_reclaim(), at_start);
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_operations_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
