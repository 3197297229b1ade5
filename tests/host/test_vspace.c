// mm/vspace on the real page tables and memory of the host: what is done in which order, and what a
// failure leaves behind. Catches memory that goes to somebody else while a processor may still
// write to it, tables that are lost, and an allocation that takes what it can't use.

#include "tests/host/vspace_machine.h"

static void hot_words_are_given_back_when_there_is_more_memory(void **state)
{
    (void)state;
    assert_int_equal(direct_map_size, MEMORY_END);
    assert_int_equal(drained_at, direct_map_size);
    assert_right();
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hot_words_are_given_back_when_there_is_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
