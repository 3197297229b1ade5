// The kernel's address space on several processors at once, under ThreadSanitizer: each makes
// ranges and gives its own back, while others move them about in the list. Catches a look-up
// without the lock, after which somebody else's memory is given back.

#include <sched.h>

// Threads wait for the lock's next holder, which may have no core to run on.
#define __builtin_ia32_pause() ((void)sched_yield())

#include "tests/host/vspace_machine.h"

enum { PROCESSORS = 3, ROUNDS = 1500, HELD = 16, PAGES_MAX = 6 };

static void *take(unsigned kind, size_t size)
{
    void *mapped = NULL;
    if (kind == 0)
        return vspace_alloc(size, "memory");
    if (kind == 1)
        return vspace_stack_create(size, "stack");
    return vspace_map_mmio(HOLE_START, size, MAP_UNCACHED, "device", &mapped) == OK ? mapped : NULL;
}

static void give_back(unsigned kind, void *held)
{
    if (kind == 0)
        vspace_free(held);
    else if (kind == 1)
        vspace_stack_destroy(held);
    else
        vspace_unmap_physical(held);
}

static void *processor(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument, failed = 0;
    void *held[HELD] = {NULL};
    for (unsigned round = 0; round < ROUNDS + HELD; round++) {
        unsigned i = round % HELD, kind = i % 3;
        if (held[i])
            give_back(kind, held[i]);
        held[i] =
            round < ROUNDS ? take(kind, (1 + (round + id) % PAGES_MAX) * (size_t)PAGE_SIZE) : NULL;
        failed += round < ROUNDS && !held[i];
    }
    return (void *)(uintptr_t)failed;
}

static void each_gives_its_own_back(void **state)
{
    (void)state;
    pthread_t threads[PROCESSORS];
    unsigned before = fake_pages.in_use;
    for (uintptr_t i = 0; i < PROCESSORS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, processor, (void *)i), 0);
    for (unsigned i = 0; i < PROCESSORS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_null(vspace_range(0));
    assert_in_range(fake_pages.in_use, before, before + 4); // for a longer list
    assert_right();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_gives_its_own_back, machine_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
