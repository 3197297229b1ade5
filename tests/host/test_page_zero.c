// The pool of zeroed blocks, against what it promises. Catches blocks that aren't zeros, memory
// that counts as used while nobody has it, that isn't given back when it is wanted, or that
// somebody can give back by mistake.

#include "tests/host/page_machine.h"

static uint64_t now_ns;

static void begin(uint64_t size)
{
    machine_usual(size);
    memset(&pool, 0, sizeof(pool));
    now_ns = 5 * REST_NS;
    assert_int_equal(page_init(&machine_ram, size), OK);
}

static void expect_same_free(const struct page_stats *before)
{
    struct page_stats now = machine_stats();
    assert_int_equal(now.free, before->free);
    assert_int_equal(now.free_blocks, before->free_blocks);
    assert_int_equal(page_free_bytes(0, UINT64_MAX), now.free * PAGE_SIZE);
}

// Until it has nothing more to do. Returns what was free before, and still is.
static struct page_stats fill(void)
{
    struct page_stats before = machine_stats();
    page_zero_enable();
    (void)page_zero_step(now_ns);
    now_ns += REST_NS; // memory may have run out before
    while (page_zero_step(now_ns))
        expect_same_free(&before);
    return before;
}

static void soil(paddr_t block)
{
    memset(phys_to_virt(block, BLOCK_SIZE), 0xa5, BLOCK_SIZE);
}

static bool is_zero(paddr_t block)
{
    const uint64_t *words = phys_to_virt(block, BLOCK_SIZE);
    uint64_t all = 0;
    for (size_t i = 0; i < BLOCK_SIZE / sizeof(*words); i++)
        all |= words[i];
    return !all;
}

// All blocks there are, soiled and given back.
static void soil_all(void)
{
    static paddr_t blocks[1024];
    unsigned count = 0;
    while ((blocks[count] = page_alloc_run(BLOCK_PAGES, PAGE_ANY)) != NO_PAGE)
        soil(blocks[count++]);
    while (count)
        page_free_run(blocks[--count], BLOCK_PAGES);
}

static void nothing_happens_unasked(void **state)
{
    (void)state;
    begin(256 * MIB);
    assert_false(page_zero_step(now_ns));
    assert_int_equal(machine_stats().zeroed, 0);
}

static void blocks_are_zeros_and_free_until_they_are_taken(void **state)
{
    (void)state;
    begin(256 * MIB);
    soil_all();
    struct page_stats before = fill();
    struct page_stats full = machine_stats();
    assert_in_range(full.zeroed, 2, before.free_blocks / SHARE);
    assert_false(page_zero_step(now_ns));
    for (unsigned i = 0; i < full.zeroed + 2; i++) { // and then such as are zeroed at once
        paddr_t block = taken(page_alloc_run(BLOCK_PAGES, PAGE_ZERO));
        assert_true(is_zero(block));
        soil(block);
        page_free_run(block, BLOCK_PAGES);
        expect_same_free(&before);
    }
    assert_int_equal(machine_stats().zeroed, 0);
    assert_int_equal(machine_stats().allocs, full.allocs + full.zeroed + 2);
    assert_sound();
}

// Whatever isn't asked for zeros, or for a certain place, doesn't take them away.
static void others_leave_it_alone(void **state)
{
    (void)state;
    begin(256 * MIB);
    (void)fill();
    uint64_t zeroed = machine_stats().zeroed;
    page_free_run(taken(page_alloc_run(BLOCK_PAGES, PAGE_ANY)), BLOCK_PAGES);
    page_free(taken(page_alloc(PAGE_ZERO)));
    page_free_run(taken(page_alloc_run(BLOCK_PAGES, PAGE_ZERO | PAGE_BELOW_4G)), BLOCK_PAGES);
    assert_int_equal(machine_stats().zeroed, zeroed);
}

static void memory_that_runs_out_takes_it_back(void **state)
{
    (void)state;
    begin(256 * MIB);
    for (unsigned extra = 0; extra < 2; extra++) { // a block is in the making, or none
        struct page_stats before = fill();
        if (extra) {
            page_free_run(taken(page_alloc_run(BLOCK_PAGES, PAGE_ZERO)), BLOCK_PAGES);
            assert_true(page_zero_step(now_ns));
        }
        unsigned count = 0;
        static paddr_t blocks[1024];
        while ((blocks[count] = page_alloc_run(BLOCK_PAGES, PAGE_ANY)) != NO_PAGE)
            count++;
        assert_int_equal(count, before.free_blocks);
        assert_false(page_zero_step(now_ns)); // not at once again
        while (count)
            page_free_run(blocks[--count], BLOCK_PAGES);
        assert_false(page_zero_step(now_ns));
        now_ns += REST_NS;
        assert_true(page_zero_step(now_ns));
        assert_sound();
    }
}

static void who_wants_a_certain_block_gets_it(void **state)
{
    (void)state;
    begin(256 * MIB);
    struct page_stats before = fill();
    paddr_t block = pool.blocks[0];
    assert_int_equal(page_reserve(block, BLOCK_PAGES), OK);
    page_free_run(block, BLOCK_PAGES);
    expect_same_free(&before);
}

static void nobody_gives_back_what_is_in_it(void **state)
{
    (void)state;
    begin(256 * MIB);
    struct page_stats before = fill();
    paddr_t block = pool.blocks[0];
    unsigned errors = log_lines[LOG_ERROR];
    page_free_run(block, BLOCK_PAGES);
    page_free(block);
    page_free_run(block + PAGE_SIZE, 4);
    assert_int_equal(log_lines[LOG_ERROR], errors + 3);
    expect_same_free(&before);
}

static void a_small_machine_keeps_none(void **state)
{
    (void)state;
    begin(32 * MIB);
    page_zero_enable();
    assert_false(page_zero_step(now_ns));
    begin(4 * GIB);
    page_zero_enable();
    struct page_stats before = machine_stats();
    while (page_zero_step(now_ns))
        ;
    expect_same_free(&before);
    assert_int_equal(machine_stats().zeroed, BLOCKS_MAX); // nor a large one ever more
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_unasked),
        cmocka_unit_test(blocks_are_zeros_and_free_until_they_are_taken),
        cmocka_unit_test(others_leave_it_alone),
        cmocka_unit_test(memory_that_runs_out_takes_it_back),
        cmocka_unit_test(who_wants_a_certain_block_gets_it),
        cmocka_unit_test(nobody_gives_back_what_is_in_it),
        cmocka_unit_test(a_small_machine_keeps_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
