// Two processors that deliver one line, and a third that adds handlers to it and takes them away,
// under ThreadSanitizer. Catches a handler that still runs when irq_remove() has returned, that
// runs on two processors at once, or that is called without having been added.

#include "tests/host/host.h"

#include <pthread.h>
#include <sched.h>

#include "arch/arch.h"
#define arch_pause sched_yield // tickets are served in order, and the threads share processors

#include "tests/host/irq_machine.h"

enum { GSI = FIRST_GSI + 3, ROUNDS = 2000, STALE = 0xdead };

static bool is_over;

struct short_lived {
    struct irq_handler handler; // first
    unsigned calls;             // nobody's but the handler's, while it is there
    bool was_called;
};

static bool count_calls(struct irq_handler *handler)
{
    struct short_lived *device = (struct short_lived *)handler;
    if (device->calls >= STALE)
        abort();
    device->calls++;
    __atomic_store_n(&device->was_called, true, __ATOMIC_RELAXED);
    return true;
}

static void *deliver(void *line)
{
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED))
        irq_deliver(line);
    return NULL;
}

static void removed_is_over(void **state)
{
    struct device stays = DEVICE("stays");
    pthread_t processors[2];
    unsigned calls = 0;
    (void)state;
    machine_reset();
    assert_int_equal(irq_add(GSI, false, false, &stays.handler), OK);
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&processors[i], NULL, deliver, find_line(GSI));
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct short_lived device = {.handler = {.name = "short", .handle = count_calls}};
        assert_int_equal(irq_add(GSI, false, false, &device.handler), OK);
        while (i % 100 == 0 && !__atomic_load_n(&device.was_called, __ATOMIC_RELAXED))
            sched_yield();
        assert_int_equal(irq_remove(GSI, &device.handler), OK);
        calls += device.calls;
        device.calls = STALE;
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(processors[i], NULL);
    assert_true(calls >= ROUNDS / 100);
    assert_int_equal(find_line(GSI)->count, stays.calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(removed_is_over)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forget_lines();
    return failed;
}
