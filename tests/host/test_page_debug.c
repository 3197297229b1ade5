// The page allocator as the debug build has it: who has taken each page is known, runs come back as
// they were got, and anything else is a panic.

#define KEELSON_DEBUG 1

#include "tests/host/page_machine.h"

static void begin(uint64_t size)
{
    machine_usual(size);
    assert_int_equal(page_init(&machine_ram, size), OK);
}

static void assert_panics(paddr_t page, size_t count)
{
    struct page_stats before = machine_stats();
    volatile bool returned = false;
    if (!setjmp(panicked)) {
        if (count == 1)
            page_free(page);
        else
            page_free_run(page, count);
        returned = true;
    }
    assert_false(returned);
    assert_int_equal(machine_stats().free, before.free);
    assert_int_equal(machine_stats().refused, before.refused + 1);
    machine_complaints = 0;
    assert_int_equal(page_check(machine_complain), 0);
}

static void wrong_frees_panic(void **state)
{
    (void)state;
    begin(64 * MIB);
    paddr_t page = taken(page_alloc(PAGE_ANY)), run = taken(page_alloc_run(100, PAGE_ANY));
    paddr_t blocks = taken(page_alloc_run(3 * BLOCK_PAGES, PAGE_ANY));
    page_free(page);
    assert_panics(page, 1);
    assert_panics(page + 1, 1);
    assert_panics(run, 99);
    assert_panics(run, 1);
    assert_panics(run + PAGE_SIZE, 99);
    assert_panics(run + PAGE_SIZE, 1);
    assert_panics(blocks, BLOCK_PAGES);
    assert_panics(blocks, 1);
    assert_panics(blocks + BLOCK_SIZE, 2 * BLOCK_PAGES);
    assert_panics(0, 1);
    assert_panics(0x200000, 1);
    assert_panics(1ull << 40, 1);
    assert_panics(run, 0);
    page_free_run(run, 100);
    assert_panics(run, 100);
    page_free_run(blocks, 3 * BLOCK_PAGES);
    assert_panics(blocks, 3 * BLOCK_PAGES);
}

// Two single pages that follow each other are no run.
static void neighbours_are_no_run(void **state)
{
    (void)state;
    begin(64 * MIB);
    paddr_t a = taken(page_alloc(PAGE_ANY)), b = taken(page_alloc(PAGE_ANY));
    assert_int_equal(b, a + PAGE_SIZE);
    assert_panics(a, 2);
    page_free(b);
    page_free(a);
}

noinline static paddr_t one_caller(size_t count)
{
    return count == 1 ? page_alloc(PAGE_ANY) : page_alloc_run(count, PAGE_ANY);
}

static bool is_caller(uintptr_t address)
{
    return address > (uintptr_t)one_caller && address < (uintptr_t)one_caller + 1000;
}

static void owners_are_known(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 1, 2, 64, 511, 512, 5 * 512};
    begin(128 * MIB);
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        size_t count = counts[i];
        paddr_t first = taken(one_caller(count));
        for (size_t k = 0; k < count; k++)
            assert_true(is_caller(page_owner(first + k * PAGE_SIZE)));
        page_free_run(first, count);
        for (size_t k = 0; k < count; k++)
            assert_int_equal(page_owner(first + k * PAGE_SIZE), 0);
    }
    assert_int_equal(page_owner(0), 0);
    assert_int_equal(page_owner(1ull << 40), 0);
    assert_int_equal(page_reserve(20 * MIB - PAGE_SIZE, 2), OK);
    assert_int_not_equal(page_owner(20 * MIB), 0);
    assert_false(is_caller(page_owner(20 * MIB)));
    page_free_run(20 * MIB - PAGE_SIZE, 2);
}

struct held {
    paddr_t first;
    size_t count;
};

static void churn(void **state)
{
    (void)state;
    static struct held held[20000];
    unsigned count = 0;
    begin(256 * MIB);
    random_seed(50);
    for (unsigned i = 0; i < 600000; i++) {
        bool more = random_below(100) < (i / 50000 % 2 ? 45 : 55);
        if (more && count < ARRAY_SIZE(held)) {
            size_t size = random_below(8) ? 1 : 1 + random_below(random_below(40) ? 64 : 1400);
            paddr_t first = one_caller(size);
            if (first != NO_PAGE)
                held[count++] = (struct held){first, size};
        } else if (count) {
            unsigned which = (unsigned)random_below(count);
            struct held run = held[which];
            held[which] = held[--count];
            assert_true(is_caller(page_owner(run.first)));
            if (run.count == 1)
                page_free(run.first);
            else
                page_free_run(run.first, run.count);
            assert_int_equal(page_owner(run.first), 0);
        }
    }
    machine_complaints = 0;
    assert_int_equal(page_check(machine_complain), 0);
    assert_int_equal(machine_stats().refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_frees_panic),
        cmocka_unit_test(neighbours_are_no_run),
        cmocka_unit_test(owners_are_known),
        cmocka_unit_test(churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
