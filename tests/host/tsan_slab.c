// The object allocator on four processors at once, under ThreadSanitizer: each allocates for its
// neighbour, which frees. Catches a magazine that another processor looks into, a slab that is
// changed without its cache's lock, and two owners of one object.

#include "tests/host/slab_machine.h"

#include <pthread.h>

enum { RING = 256, OPERATIONS = 60000, SMALL = 4000, LARGE = 300000 };

struct item {
    uint8_t *memory;
    size_t size;
    bool is_mine; // of the shared cache
};

// From one processor to the next.
static struct ring {
    unsigned written, read;
    struct item items[RING];
} rings[MACHINE_CPUS];

static struct slab_cache *shared;
static bool has_failed;

static bool ring_put(struct ring *ring, struct item item)
{
    if (ring->written - __atomic_load_n(&ring->read, __ATOMIC_ACQUIRE) == RING)
        return false;
    ring->items[ring->written % RING] = item;
    __atomic_store_n(&ring->written, ring->written + 1, __ATOMIC_RELEASE);
    return true;
}

static bool ring_get(struct ring *ring, struct item *item)
{
    if (ring->read == __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE))
        return false;
    *item = ring->items[ring->read % RING];
    __atomic_store_n(&ring->read, ring->read + 1, __ATOMIC_RELEASE);
    return true;
}

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static struct item item_make(uint64_t *random)
{
    struct item item = {.size = 1 + next_random(random) % SMALL};
    if (next_random(random) % 500 == 0)
        item.size = 1 + next_random(random) % LARGE;
    item.is_mine = next_random(random) % 4 == 0;
    if (item.is_mine)
        item.size = 200;
    item.memory = item.is_mine ? slab_alloc(shared) : kmalloc(item.size);
    if (item.memory)
        item.memory[0] = item.memory[item.size - 1] = (uint8_t)item.size;
    return item;
}

static void item_free(struct item item)
{
    if (!item.memory || item.memory[0] != (uint8_t)item.size ||
        item.memory[item.size - 1] != (uint8_t)item.size)
        __atomic_store_n(&has_failed, true, __ATOMIC_RELAXED);
    else if (item.is_mine)
        slab_free(shared, item.memory);
    else
        kfree(item.memory);
}

static void *processor(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument;
    struct ring *to = &rings[cpu], *from = &rings[(cpu + 1) % MACHINE_CPUS];
    uint64_t random = cpu + 1;
    struct item item;
    machine_cpu = &machine_cpus[cpu];
    for (unsigned n = 0; n < OPERATIONS; n++) {
        item = item_make(&random);
        if (!ring_put(to, item))
            item_free(item);
        for (unsigned i = next_random(&random) % 3; i && ring_get(from, &item); i--)
            item_free(item);
        if (n % 5000 == 0)
            (void)slab_reclaim();
        if (n % 3000 == 0)
            slab_drain();
    }
    return NULL;
}

static void objects_wander_between_processors(void **state)
{
    (void)state;
    pthread_t threads[MACHINE_CPUS];
    shared = slab_create("shared", 200, 64, NULL);
    for (uintptr_t i = 0; i < MACHINE_CPUS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, processor, (void *)i), 0);
    for (unsigned i = 0; i < MACHINE_CPUS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct item item;
    for (unsigned i = 0; i < MACHINE_CPUS; i++)
        while (ring_get(&rings[i], &item))
            item_free(item);
    assert_false(has_failed);
    assert_consistent();
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_int_equal(slab_destroy(shared), OK);
    assert_int_equal(pages_after_reclaim(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(objects_wander_between_processors, machine_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
