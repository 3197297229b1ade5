// Whether whole blocks stay obtainable under single pages that come and go, beside LLFree's policy
// on the same trace. An allocator that takes pages from wherever they were freed last leaves one
// page in every block, and no block whole.

#include "tests/host/page_machine.h"

#include "tests/host/llfree_model.h"

enum { TREES = 16, PAGES = TREES * LLFREE_TREE, ROUNDS = 100 }; // 1 GiB

static uint64_t ours[PAGES]; // pages held, in the same order as those of the model
static uint32_t theirs[PAGES];
static unsigned count;

static bool both_alloc(void)
{
    if (count == PAGES)
        return false;
    ours[count] = page_alloc(PAGE_ANY);
    theirs[count] = llfree_alloc();
    if (ours[count] == NO_PAGE || theirs[count] == UINT32_MAX)
        return false;
    count++;
    return true;
}

static void both_free(unsigned which)
{
    page_free(ours[which]);
    llfree_free(theirs[which]);
    count--;
    ours[which] = ours[count];
    theirs[which] = theirs[count];
}

// A GiB and a place for the metadata.
static void begin(void)
{
    machine_begin(2 * GIB);
    machine_add(MIB, MIB + 11 * PAGE_SIZE, MEMORY_USABLE);
    machine_add(GIB, 2 * GIB, MEMORY_USABLE);
    assert_int_equal(page_init(&machine_ram, 2 * GIB), OK);
    assert_int_equal(machine_stats().free_blocks, PAGES / 512);
    llfree_begin(TREES);
    count = 0;
    random_seed(60);
}

static unsigned our_blocks(void)
{
    unsigned blocks = 0;
    page_drain();
    while (page_alloc_run(BLOCK_PAGES, PAGE_ANY) != NO_PAGE)
        blocks++;
    return blocks;
}

// In every round a random tenth is given back, and as much is taken again.
static void churn_and_compare(const char *what)
{
    unsigned least = PAGES / 512 - (count + 511) / 512;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned live = count, part = count / 10;
        while (count > live - part)
            both_free((unsigned)random_below(count));
        while (count < live)
            assert_true(both_alloc());
    }
    unsigned we = our_blocks(), they = llfree_blocks();
    printf("# %s: %u of %u possible blocks of 2 MiB can be had, LLFree's policy keeps %u\n", what,
           we, least, they);
    assert_true(we >= they);
    assert_true(we >= least * 9 / 10);
}

static void half_of_a_full_machine(void **state)
{
    (void)state;
    begin();
    while (both_alloc())
        ;
    while (count > PAGES / 2)
        both_free((unsigned)random_below(count));
    churn_and_compare("half of a full machine");
}

static void half_of_an_empty_machine(void **state)
{
    (void)state;
    begin();
    while (count < PAGES / 2)
        assert_true(both_alloc());
    churn_and_compare("half of an empty machine");
}

static void most_of_a_machine(void **state)
{
    (void)state;
    begin();
    while (both_alloc())
        ;
    while (count > PAGES * 8ull / 10)
        both_free((unsigned)random_below(count));
    churn_and_compare("four fifths of a full machine");
}

// GiBs too: what is in use stays together.
static void gigs_stay_whole(void **state)
{
    (void)state;
    static uint64_t held[3 * PAGES];
    machine_usual(16 * GIB);
    assert_int_equal(page_init(&machine_ram, 16 * GIB), OK);
    random_seed(61);
    for (count = 0; count < ARRAY_SIZE(held); count++)
        held[count] = page_alloc(PAGE_ANY);
    for (unsigned i = 0; i < 20 * PAGES; i++) {
        unsigned which = (unsigned)random_below(count);
        page_free(held[which]);
        held[which] = random_below(100) ? page_alloc(PAGE_ANY) : page_alloc_run(1, PAGE_BELOW_4G);
        assert_int_not_equal(held[which], NO_PAGE);
    }
    page_drain();
    struct page_stats stats = machine_stats();
    printf("# 3 GiB in single pages: %lu of 16 GiBs are whole\n", (unsigned long)stats.free_gigs);
    assert_true(stats.free_gigs >= 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_a_full_machine),
        cmocka_unit_test(half_of_an_empty_machine),
        cmocka_unit_test(most_of_a_machine),
        cmocka_unit_test(gigs_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
