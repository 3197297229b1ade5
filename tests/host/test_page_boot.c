// How the page allocator takes a machine's memory over, and more of it later. A broken one needs
// more metadata than promised, touches memory out of reach, reads a TiB at boot, hands out what is
// reserved, or loses what it is given.

#include "tests/host/page_machine.h"

static uint64_t usable(void)
{
    return memory_map_total(&machine_ram, MEMORY_USABLE) / PAGE_SIZE;
}

static uint64_t whole_blocks(void)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < machine_ram.count; i++) {
        const struct memory_range *range = &machine_ram.ranges[i];
        uint64_t first = align_up(range->start, BLOCK_SIZE),
                 end = align_down(range->end, BLOCK_SIZE);
        if (range->kind == MEMORY_USABLE && first < end)
            count += (end - first) / BLOCK_SIZE;
    }
    return count;
}

// --- At boot -------------------------------------------------------------------------------------

// Kernel, metadata and 32 MiB: nothing but what is reserved breaks a block.
static void small_machines_lose_no_block(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {8, 16, 32, 64, 128, 256, 512};
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        machine_usual(sizes[i] * MIB);
        uint64_t blocks = whole_blocks(), pages_before = usable();
        assert_int_equal(page_init(&machine_ram, sizes[i] * MIB), OK);
        struct page_stats stats = machine_stats();
        assert_int_equal(stats.free_blocks, blocks);
        assert_int_equal(stats.free, usable());
        assert_int_equal(stats.total, usable());
        assert_int_equal(pages_before - usable(), (stats.metadata + PAGE_SIZE - 1) / PAGE_SIZE);
        assert_true(stats.metadata < 8 * KIB + sizes[i] * 40);
        assert_sound();
        for (uint64_t k = 0; k < blocks; k++)
            assert_int_equal(taken(page_alloc_run(BLOCK_PAGES, PAGE_ANY)) % BLOCK_SIZE, 0);
        assert_int_equal(page_alloc_run(BLOCK_PAGES, PAGE_ANY), NO_PAGE);
    }
}

// As machines really have them: the hole below 4 GiB at 2, 3 and 3.5 GiB, or none.
static void metadata_for_4_gib(void **state)
{
    (void)state;
    static const uint64_t holes[] = {2048, 3072, 3584, 4096};
    for (unsigned i = 0; i < ARRAY_SIZE(holes); i++) {
        machine_begin(7 * GIB);
        machine_add(0x1000, 0x9f000, MEMORY_USABLE);
        machine_add(MIB, holes[i] * MIB - 0x21000, MEMORY_USABLE);
        machine_add(holes[i] * MIB - 0x21000, 4 * GIB, MEMORY_RESERVED);
        machine_add(4 * GIB, 8 * GIB - holes[i] * MIB, MEMORY_USABLE);
        assert_int_equal(page_init(&machine_ram, 4 * GIB), OK);
        assert_true(machine_stats().metadata <= 160 * KIB);
        assert_true(pages.reserve_end <= 4 * GIB);
        assert_int_equal(memory_map_find(&machine_ram, pages.reserve_start)->kind, MEMORY_KERNEL);
        assert_sound();
    }
}

static unsigned pages_touched(uint64_t size)
{
    static uint8_t map[(1ull << 40) / PAGE_SIZE / 64];
    unsigned count = 0;
    for (uint64_t at = 0; at < size; at += GIB) {
        assert_int_equal(mincore((void *)(direct_map_base + at), GIB, map), 0);
        for (unsigned i = 0; i < GIB / PAGE_SIZE; i++)
            count += map[i] & 1;
    }
    return count;
}

// A machine with a TiB is ready when the tables are: trees come with their first use.
static void a_tib_is_set_up_lazily(void **state)
{
    (void)state;
    const uint64_t size = 1ull << 40;
    machine_begin(size);
    machine_add(0x1000, 0x9f000, MEMORY_USABLE);
    machine_add(MIB, 2 * GIB - 0x21000, MEMORY_USABLE);
    machine_add(4 * GIB, size, MEMORY_USABLE);
    direct_map_size = 4 * GIB;
    assert_int_equal(page_init(&machine_ram, 4 * GIB), OK);
    struct page_stats stats = machine_stats();
    assert_int_equal(stats.free, usable());
    assert_int_equal(stats.free_gigs, 1020); // the first two are broken
    assert_true(stats.metadata < 40 * MIB);
    assert_int_equal(pages.count, 8192);
    assert_true(pages.slots_used <= 2);
    assert_true(pages_touched(4 * GIB) < 50);
    assert_true(taken(page_alloc(PAGE_ANY)) < 2 * GIB); // nothing else can be accessed
    assert_true(taken(page_alloc_run(262144, PAGE_ANY) == NO_PAGE));
    direct_map_size = size;
    page_drain();
    assert_true(taken(page_alloc(PAGE_ANY)) >= 4 * GIB);
    unsigned used = pages.slots_used;
    assert_true(used <= 4);
    for (unsigned i = 0; i < 32; i++)
        page_free_run(taken(page_alloc_run(262144, PAGE_ANY)), 262144);
    assert_true(pages.slots_used <= used + 8);
    assert_true(pages_touched(4 * GIB) < 100);
    assert_sound();
}

static void no_memory_is_an_answer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        machine_begin(16 * MIB);
        if (i == 1)
            machine_add(0, 0x9f000, MEMORY_USABLE); // the metadata isn't put there
        if (i == 2)
            machine_add(8 * MIB, 16 * MIB, MEMORY_USABLE);
        assert_int_equal(page_init(&machine_ram, i == 2 ? 8 * MIB : 16 * MIB), NO_MEMORY);
        assert_int_equal(page_alloc(PAGE_ANY), NO_PAGE);
        assert_int_equal(page_alloc(PAGE_BELOW_1M), NO_PAGE);
        assert_int_equal(page_alloc_run(100, PAGE_NODE(3)), NO_PAGE);
        assert_int_equal(page_alloc_run(262144, PAGE_ANY), NO_PAGE);
        assert_int_equal(page_reserve(8 * MIB, 1), NOT_FOUND);
        assert_int_equal(page_donate(8 * MIB, 9 * MIB), NO_MEMORY);
        page_free(8 * MIB);
        page_drain();
        page_set_node(0, 16 * MIB, 0);
        assert_int_equal(page_free_bytes(0, 16 * MIB), 0);
        assert_int_equal(page_owner(8 * MIB), 0);
        assert_int_equal(machine_stats().refused, 1);
        assert_int_equal(machine_stats().free, 0);
        assert_sound();
    }
}

// Little memory in reach, much above: better some of it than none.
static void what_finds_no_metadata_is_given_up(void **state)
{
    (void)state;
    machine_begin(64 * GIB);
    machine_add(MIB, 3 * MIB, MEMORY_USABLE);
    machine_add(4 * GIB, 512 * GIB, MEMORY_USABLE);
    machine_add(600 * GIB, 601 * GIB, MEMORY_MODULE);
    assert_int_equal(page_init(&machine_ram, 4 * GIB), OK);
    assert_int_equal(log_lines[LOG_WARN], 1);
    struct page_stats stats = machine_stats();
    assert_in_range(stats.total * PAGE_SIZE, 40 * GIB, 60 * GIB);
    assert_int_equal(stats.free, usable());
    assert_sound();
    assert_true(taken(page_alloc(PAGE_ANY)) >= 4 * GIB);
}

static void page_0_is_nobodys(void **state)
{
    (void)state;
    machine_begin(16 * MIB);
    machine_add(0, 16 * MIB, MEMORY_USABLE);
    assert_int_equal(page_init(&machine_ram, 16 * MIB), OK);
    assert_int_equal(memory_map_find(&machine_ram, 0)->kind, MEMORY_RESERVED);
    for (paddr_t page; (page = page_alloc(PAGE_BELOW_1M)) != NO_PAGE;)
        assert_true(page < MIB);
    assert_int_equal(page_reserve(0, 1), NOT_FOUND);
    assert_int_equal(page_donate(0, PAGE_SIZE), BAD_ARGUMENT);
    assert_sound();
}

static void memory_beyond_64_tib_is_left_alone(void **state)
{
    (void)state;
    machine_begin(1 * GIB);
    machine_add(MIB, 1 * GIB, MEMORY_USABLE);
    machine_add(1ull << 46, (1ull << 46) + GIB, MEMORY_USABLE);
    machine_add(UINT64_MAX - GIB, UINT64_MAX, MEMORY_USABLE);
    assert_int_equal(page_init(&machine_ram, 1 * GIB), OK);
    assert_int_equal(pages.count, 8);
    assert_int_equal(machine_stats().free, usable());
}

// --- Later ---------------------------------------------------------------------------------------

static void donated_memory_is_free(void **state)
{
    (void)state;
    machine_usual(64 * MIB);
    machine_add(16 * MIB + 0x3000, 24 * MIB + 0x5000, MEMORY_MODULE);
    machine_add(30 * MIB, 32 * MIB, MEMORY_RECLAIM);
    assert_int_equal(page_init(&machine_ram, 64 * MIB), OK);
    uint64_t free = machine_stats().free, blocks = machine_stats().free_blocks;
    page_free(17 * MIB);
    page_free_run(18 * MIB, BLOCK_PAGES);
    assert_int_equal(machine_stats().refused, 2);
    assert_int_equal(page_donate(16 * MIB, 17 * MIB), BAD_ARGUMENT); // partly free
    assert_int_equal(page_donate(23 * MIB, 25 * MIB), BAD_ARGUMENT);
    assert_int_equal(page_donate(64 * MIB - PAGE_SIZE, 65 * MIB), BAD_ARGUMENT);
    assert_int_equal(page_donate(20 * MIB, 20 * MIB + 100), BAD_ARGUMENT); // not a page
    assert_int_equal(page_donate(UINT64_MAX - 100, UINT64_MAX), BAD_ARGUMENT);
    assert_int_equal(page_donate(pages.reserve_start, pages.reserve_end), BAD_ARGUMENT);
    assert_int_equal(page_donate(pages.reserve_end & ~4095ull, UINT64_MAX), BAD_ARGUMENT);
    assert_int_equal(machine_stats().free, free);
    assert_int_equal(page_donate(17 * MIB + 1, 20 * MIB + 1), OK);
    assert_int_equal(machine_stats().free, free + 767);
    assert_int_equal(machine_stats().free_blocks, blocks + 1);
    assert_sound();
    assert_int_equal(page_donate(17 * MIB, 17 * MIB + PAGE_SIZE), OK);
    assert_int_equal(page_donate(16 * MIB + 0x3000, 17 * MIB), OK);
    assert_int_equal(page_donate(20 * MIB, 24 * MIB + 0x5000), OK);
    assert_int_equal(page_donate(30 * MIB, 32 * MIB), OK);
    assert_int_equal(page_donate(30 * MIB, 32 * MIB), BAD_ARGUMENT);
    assert_int_equal(machine_stats().free_blocks, blocks + 6);
    assert_int_equal(machine_stats().free, usable());
    assert_int_equal(machine_stats().total, usable());
    assert_int_equal(page_reserve(16 * MIB, 4 * BLOCK_PAGES), OK);
    page_free_run(16 * MIB, 4 * BLOCK_PAGES);
    assert_sound();
}

// As little as a page, and whole trees; either way it isn't ours any more.
static void withheld_memory_is_not_ours(void **state)
{
    (void)state;
    static const uint64_t parts[][2] = {
        {40 * MIB + 0x3000, 40 * MIB + 0x4000},
        {20 * MIB - 0x1000, 24 * MIB + 0x5000},
        {30 * MIB, 32 * MIB},
        {100 * MIB + 0x7000, 700 * MIB + 0x1000},
        {0x5000, 0x6000},
    };
    machine_usual(1 * GIB);
    assert_int_equal(page_init(&machine_ram, 1 * GIB), OK);
    struct page_stats before = machine_stats(), stats;
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        paddr_t start = parts[i][0], end = parts[i][1];
        page_free(taken(page_alloc(PAGE_ANY))); // something is hot
        assert_int_equal(page_withhold(start, end, MEMORY_RECLAIM), OK);
        stats = machine_stats();
        assert_int_equal(stats.total, usable());
        assert_int_equal(stats.free, usable());
        assert_int_equal(before.total - stats.total, (end - start) / PAGE_SIZE);
        assert_sound();
        page_free(start);
        page_free(end - PAGE_SIZE);
        assert_int_equal(machine_stats().refused, stats.refused + 2);
        assert_int_equal(page_reserve(start, 1), NOT_FOUND);
        assert_int_equal(page_withhold(start, end, MEMORY_RECLAIM), BAD_ARGUMENT);
        assert_int_equal(page_donate(start, end), OK);
        assert_int_equal(machine_stats().total, before.total);
        assert_int_equal(machine_stats().free, before.free);
        assert_int_equal(machine_stats().free_blocks, before.free_blocks);
        assert_int_equal(machine_stats().free_gigs, before.free_gigs);
        assert_sound();
    }
}

static void withholding_is_all_or_nothing(void **state)
{
    (void)state;
    machine_usual(512 * MIB);
    assert_int_equal(page_init(&machine_ram, 512 * MIB), OK);
    assert_int_equal(page_reserve(250 * MIB, 3), OK);
    struct page_stats before = machine_stats();
    unsigned ranges = machine_ram.count;
    static const uint64_t wrong[][2] = {
        {MIB, 3 * MIB},
        {20 * MIB, 20 * MIB},
        {20 * MIB + 1, 21 * MIB},
        {20 * MIB, 21 * MIB + 8},
        {511 * MIB, 513 * MIB},
        {600 * MIB, 601 * MIB},
        {UINT64_MAX - 4095, UINT64_MAX},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(page_withhold(wrong[i][0], wrong[i][1], MEMORY_RECLAIM), BAD_ARGUMENT);
    assert_int_equal(page_withhold(20 * MIB, 21 * MIB, MEMORY_USABLE), BAD_ARGUMENT);
    assert_int_equal(page_withhold(200 * MIB, 400 * MIB, MEMORY_RECLAIM), NOT_FOUND);
    assert_int_equal(page_withhold(250 * MIB + 0x2000, 251 * MIB, MEMORY_RECLAIM), NOT_FOUND);
    assert_int_equal(page_withhold(249 * MIB, 250 * MIB + 0x1000, MEMORY_RECLAIM), NOT_FOUND);
    assert_int_equal(machine_ram.count, ranges);
    while (machine_ram.count + 2 <= MEMORY_MAP_MAX)
        machine_add((1024 + machine_ram.count) * MIB, (1024 + machine_ram.count) * MIB + 1,
                    MEMORY_RESERVED);
    assert_int_equal(page_withhold(20 * MIB, 21 * MIB, MEMORY_RECLAIM), NO_MEMORY);
    assert_int_equal(machine_ram.lost, 0);
    struct page_stats after = machine_stats();
    assert_int_equal(after.total, before.total);
    assert_int_equal(after.free, before.free);
    assert_int_equal(after.free_blocks, before.free_blocks);
    assert_int_equal(page_free_bytes(20 * MIB, 21 * MIB), MIB);
    assert_sound();
    page_free_run(250 * MIB, 3);
    assert_int_equal(machine_stats().refused, 0);
}

// Half a GiB at once: nothing of it is touched.
static void donated_trees_are_fresh(void **state)
{
    (void)state;
    machine_usual(1 * GIB);
    machine_add(200 * MIB, 700 * MIB, MEMORY_MODULE);
    assert_int_equal(page_init(&machine_ram, 1 * GIB), OK);
    unsigned used = pages.slots_used;
    uint64_t free = machine_stats().free;
    assert_int_equal(page_donate(200 * MIB, 700 * MIB), OK);
    assert_int_equal(machine_stats().free, free + 500 * MIB / PAGE_SIZE);
    assert_int_equal(pages.slots_used, used); // its ends lie in trees that are there
    assert_int_equal(page_reserve(300 * MIB, 3), OK);
    assert_int_equal(pages.slots_used, used + 1);
    assert_sound();
}

// Memory in trees that have no other, one of them out of the tables' reach.
static void donated_trees_are_set_up(void **state)
{
    (void)state;
    machine_usual(512 * MIB);
    machine_add(130 * MIB, 250 * MIB, MEMORY_RESERVED);
    machine_add(128 * MIB, 130 * MIB, MEMORY_RESERVED);
    machine_add(250 * MIB, 256 * MIB, MEMORY_RESERVED);
    machine_add(600 * MIB, 601 * MIB, MEMORY_MODULE);
    machine_add(1 * GIB, 1 * GIB + 128 * MIB, MEMORY_RESERVED);
    assert_int_equal(page_init(&machine_ram, 512 * MIB), OK);
    assert_int_equal(pages.slot_count, 4);
    direct_map_size = 2 * GIB;
    assert_int_equal(page_donate(600 * MIB, 601 * MIB), OK);
    assert_int_equal(page_free_bytes(600 * MIB, 601 * MIB), MIB);
    assert_int_equal(page_donate(128 * MIB, 129 * MIB), NO_MEMORY);
    assert_int_equal(page_donate(1 * GIB, 1 * GIB + PAGE_SIZE), NO_MEMORY);
    assert_int_equal(memory_map_find(&machine_ram, 128 * MIB)->kind, MEMORY_RESERVED);
    assert_sound();
    uint64_t free = machine_stats().free, count = 0;
    direct_map_size = 512 * MIB; // what is out of reach isn't handed out
    while (page_alloc(PAGE_ANY) != NO_PAGE)
        count++;
    assert_int_equal(count, free - MIB / PAGE_SIZE);
    direct_map_size = 1 * GIB;
    assert_int_equal(taken(page_alloc(PAGE_ANY)), 600 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_machines_lose_no_block),
        cmocka_unit_test(metadata_for_4_gib),
        cmocka_unit_test(a_tib_is_set_up_lazily),
        cmocka_unit_test(no_memory_is_an_answer),
        cmocka_unit_test(what_finds_no_metadata_is_given_up),
        cmocka_unit_test(page_0_is_nobodys),
        cmocka_unit_test(memory_beyond_64_tib_is_left_alone),
        cmocka_unit_test(donated_memory_is_free),
        cmocka_unit_test(withheld_memory_is_not_ours),
        cmocka_unit_test(withholding_is_all_or_nothing),
        cmocka_unit_test(donated_trees_are_fresh),
        cmocka_unit_test(donated_trees_are_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
