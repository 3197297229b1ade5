// What the page allocator promises, one promise a test. A broken one hands out memory that isn't
// there or isn't asked for, takes wrong frees, fails with memory left, or doesn't recover.

#include "tests/host/page_machine.h"

static void begin(uint64_t size)
{
    machine_usual(size);
    assert_int_equal(page_init(&machine_ram, size), OK);
}

// --- Wrong frees ---------------------------------------------------------------------------------

static void assert_refused(paddr_t page, size_t count)
{
    struct page_stats before = machine_stats(), after;
    unsigned errors = log_lines[LOG_ERROR];
    page_free_run(page, count);
    if (count == 1)
        page_free(page);
    after = machine_stats();
    assert_int_equal(after.refused, before.refused + (count == 1 ? 2 : 1));
    assert_int_equal(log_lines[LOG_ERROR], errors + (count == 1 ? 2 : 1));
    assert_int_equal(after.free, before.free);
    assert_int_equal(after.frees, before.frees);
    assert_sound();
}

static void free_pages_are_refused(void **state)
{
    (void)state;
    begin(64 * MIB);
    paddr_t page = taken(page_alloc(PAGE_ANY)), run = taken(page_alloc_run(100, PAGE_ANY));
    paddr_t block = taken(page_alloc_run(BLOCK_PAGES, PAGE_ANY));
    page_free(page);
    assert_refused(page, 1);             // in the hot word
    assert_refused(page + PAGE_SIZE, 1); // there too, and never handed out
    page_drain();
    assert_refused(page, 1);
    page_free_run(run, 100);
    assert_refused(run, 100);
    assert_refused(run + 99 * PAGE_SIZE, 1);
    page_free_run(block, BLOCK_PAGES);
    assert_refused(block, BLOCK_PAGES);
    assert_refused(block, 1);
}

static void foreign_pages_are_refused(void **state)
{
    (void)state;
    begin(64 * MIB);
    assert_refused(0, 1);
    assert_refused(0x9f000, 1);              // half of it is usable
    assert_refused(0x200000, 1);             // the kernel
    assert_refused(0x274000, 2);             // its last page, and a free one
    assert_refused(pages.reserve_start, 1);  // the metadata
    assert_refused(64 * MIB - PAGE_SIZE, 1); // firmware's
    assert_refused(64 * MIB, 1);
    assert_refused(1ull << 40, 1);
    assert_refused(UINT64_MAX - 4095, 1);
    assert_refused(UINT64_MAX - 4095, 2);
    assert_refused(UINT64_MAX & ~(2 * MIB - 1), BLOCK_PAGES);
    assert_refused(62 * MIB, BLOCK_PAGES);
    assert_refused(32 * MIB, SIZE_MAX);
    assert_refused(32 * MIB, SIZE_MAX - BLOCK_PAGES);
    assert_refused(32 * MIB, 0);
    paddr_t page = taken(page_alloc(PAGE_ANY));
    assert_refused(page + 1, 1);
    assert_refused(page + 4095, 1);
    page_free(page);
}

// As a processor starts: without a hot word, and no address is in that.
static void nothing_is_hot_at_first(void **state)
{
    (void)state;
    static struct percpu other;
    other = (struct percpu){.cpu = 1};
    begin(64 * MIB);
    for (unsigned round = 0; round < 2; round++) {
        for (paddr_t page = 0; page < 64 * PAGE_SIZE; page += PAGE_SIZE) {
            assert_refused(page + 1, 1);
            assert_refused(page, 1);
        }
        machine_other = &other;
    }
    machine_other = NULL;
    taken(page_alloc(PAGE_ANY));
    page_drain();
    for (paddr_t page = 1; page < 64 * PAGE_SIZE; page += PAGE_SIZE)
        assert_refused(page, 1);
}

static void other_sizes_are_refused(void **state)
{
    (void)state;
    begin(64 * MIB);
    paddr_t run = taken(page_alloc_run(4 * BLOCK_PAGES, PAGE_ANY));
    assert_refused(run, BLOCK_PAGES);
    assert_refused(run, 3 * BLOCK_PAGES);
    assert_refused(run, 5 * BLOCK_PAGES);
    assert_refused(run + BLOCK_SIZE, 3 * BLOCK_PAGES);
    assert_refused(run + 3 * BLOCK_SIZE, BLOCK_PAGES);
    assert_refused(run, 1);
    assert_refused(run + BLOCK_SIZE, 511);
    assert_refused(run + PAGE_SIZE, 4 * BLOCK_PAGES);
    page_free_run(run, 4 * BLOCK_PAGES - 511); // rounded up
    paddr_t small = taken(page_alloc_run(256, PAGE_ANY));
    assert_refused(small, 257);
    assert_refused(small, BLOCK_PAGES);
    page_free_run(small, 100);
    page_free_run(small + 100 * PAGE_SIZE, 156);
    assert_int_equal(machine_stats().refused, 10 + 2 - 1 + 1 - 1); // two for the single page
}

// What lies in another processor's hot word is free, whoever asks.
static void pages_hot_elsewhere_are_refused(void **state)
{
    (void)state;
    static struct percpu other;
    other = (struct percpu){.cpu = 1};
    begin(64 * MIB);
    machine_other = &other;
    paddr_t kept = taken(page_alloc(PAGE_ANY)), freed = taken(page_alloc(PAGE_ANY));
    page_free(freed);
    machine_other = NULL;
    assert_refused(freed, 1);
    assert_refused(kept, 2);
    paddr_t own = taken(page_alloc(PAGE_ANY));
    assert_int_not_equal(own / BLOCK_SIZE, kept / BLOCK_SIZE); // one hot word a block
    page_free(kept);
    assert_refused(kept, 1);
    machine_other = &other;
    assert_refused(kept, 1);
    assert_refused(freed, 1);
    page_free(own);
    assert_refused(own, 1);
    page_drain();
    machine_other = NULL;
    page_drain();
    assert_sound();
}

// --- What is handed out --------------------------------------------------------------------------

static void every_page_can_be_had(void **state)
{
    (void)state;
    static uint8_t seen[64 * MIB / PAGE_SIZE];
    begin(64 * MIB);
    uint64_t free = machine_stats().free, count = 0;
    for (paddr_t page; (page = page_alloc(PAGE_ANY)) != NO_PAGE; count++) {
        assert_true(page % PAGE_SIZE == 0 && page < 64 * MIB && !seen[page / PAGE_SIZE]);
        assert_int_equal(memory_map_find(&machine_ram, page)->kind, MEMORY_USABLE);
        if (count < free - 600) // what processors need to start is the last to go
            assert_true(page >= 2 * MIB);
        seen[page / PAGE_SIZE] = 1;
    }
    assert_int_equal(count, free);
    assert_int_equal(machine_stats().free, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(seen); i++)
        if (seen[i])
            page_free(i * (paddr_t)PAGE_SIZE);
    page_drain();
    assert_int_equal(machine_stats().free, free);
    assert_int_equal(machine_stats().refused, 0);
    assert_sound();
}

static void runs_are_aligned(void **state)
{
    (void)state;
    machine_usual(8 * GIB);
    assert_int_equal(page_init(&machine_ram, 8 * GIB), OK);
    uint64_t gigs = machine_stats().free_gigs;
    assert_int_equal(gigs, 6);
    for (uint64_t count = 1; count < 2 * 262144; count += 1 + count / 3) {
        uint64_t alignment = PAGE_SIZE;
        while (alignment < count * PAGE_SIZE && alignment < GIB)
            alignment *= 2;
        paddr_t first = taken(page_alloc_run(count, PAGE_ANY));
        assert_int_equal(first % alignment, 0);
        page_free_run(first, count);
    }
    for (uint64_t i = 0; i < gigs; i++)
        assert_int_equal(taken(page_alloc_run(262144, PAGE_ANY)) % GIB, 0);
    assert_int_equal(page_alloc_run(262144, PAGE_ANY), NO_PAGE);
    assert_int_equal(page_alloc_run(SIZE_MAX, PAGE_ANY), NO_PAGE);
    assert_int_equal(page_alloc_run(SIZE_MAX - 2 * BLOCK_PAGES, PAGE_ANY), NO_PAGE);
    assert_int_equal(page_alloc_run(0, PAGE_ANY), NO_PAGE);
    assert_sound();
}

static void limits_are_kept(void **state)
{
    (void)state;
    machine_usual(8 * GIB);
    assert_int_equal(page_init(&machine_ram, 8 * GIB), OK);
    assert_true(taken(page_alloc(PAGE_ANY)) >= 4 * GIB);
    assert_true(taken(page_alloc(PAGE_BELOW_4G)) < 4 * GIB);
    assert_true(taken(page_alloc_run(64, PAGE_ANY)) >= 4 * GIB);
    assert_true(taken(page_alloc_run(64, PAGE_BELOW_4G)) < 4 * GIB);
    assert_true(taken(page_alloc_run(3 * BLOCK_PAGES, PAGE_BELOW_4G)) < 4 * GIB);
    assert_true(taken(page_alloc_run(BLOCK_PAGES, PAGE_BELOW_4G)) < 4 * GIB);
    assert_true(taken(page_alloc_run(BLOCK_PAGES, PAGE_ANY)) >= 4 * GIB);
    assert_true(taken(page_alloc_run(BLOCK_PAGES, PAGE_BELOW_4G)) < 4 * GIB);
    assert_true(taken(page_alloc_run(BLOCK_PAGES, PAGE_ANY)) >= 4 * GIB);
    paddr_t run = taken(page_alloc_run(16, PAGE_BELOW_1M));
    assert_true(run + 16 * PAGE_SIZE <= 0x9f000);
    unsigned count = 16;
    for (paddr_t page; (page = page_alloc(PAGE_BELOW_1M)) != NO_PAGE; count++)
        assert_true(page < 0x9f000);
    assert_int_equal(count, 0x9e); // 0x1000 to 0x9f000
    assert_int_equal(page_alloc_run(BLOCK_PAGES, PAGE_BELOW_1M), NO_PAGE);
    while (page_alloc_run(BLOCK_PAGES, PAGE_BELOW_4G) != NO_PAGE)
        ;
    while (page_alloc(PAGE_BELOW_4G) != NO_PAGE)
        ;
    assert_int_equal(page_free_bytes(0, 4 * GIB), 0);
    assert_true(taken(page_alloc(PAGE_ANY)) >= 4 * GIB);
    assert_sound();
}

static void nodes_are_preferred(void **state)
{
    (void)state;
    machine_usual(2 * GIB);
    assert_int_equal(page_init(&machine_ram, 2 * GIB), OK);
    page_set_node(1 * GIB, 2 * GIB, 1);
    page_set_node(UINT64_MAX - 4095, UINT64_MAX, 7); // beyond the tables
    page_set_node(UINT64_MAX - 32 * MIB, GIB, 7);
    page_set_node(2 * GIB, UINT64_MAX, 7);
    for (unsigned i = 0; i < pages.count; i++)
        assert_int_equal(pages.nodes[i], i >= 8);
    for (unsigned count = 1; count < 3000; count *= 2) {
        assert_true(taken(page_alloc_run(count, PAGE_NODE(1))) >= GIB);
        assert_true(taken(page_alloc_run(count, PAGE_NODE(0))) < GIB);
        assert_true(taken(page_alloc_run(count, PAGE_NODE(7))) != NO_PAGE);
        assert_true(taken(page_alloc_run(1, PAGE_NODE(1) | PAGE_BELOW_1M)) < MIB);
    }
    while (page_alloc_run(BLOCK_PAGES, PAGE_NODE(1)) >= GIB)
        ;
    while (page_alloc(PAGE_NODE(1)) >= GIB)
        ;
    assert_int_equal(page_free_bytes(GIB, 2 * GIB), 0);
    assert_true(taken(page_alloc(PAGE_NODE(1))) < GIB);
    assert_sound();
}

static void zeroed_pages_are_zero(void **state)
{
    (void)state;
    begin(64 * MIB);
    for (unsigned round = 0; round < 2; round++) {
        static const unsigned counts[] = {1, 1, 2, 63, 512};
        paddr_t got[ARRAY_SIZE(counts)];
        for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
            got[i] = taken(page_alloc_run(counts[i], PAGE_ZERO));
            uint64_t *memory = phys_to_virt(got[i], counts[i] * PAGE_SIZE);
            for (unsigned k = 0; k < counts[i] * PAGE_SIZE / 8; k++) {
                assert_int_equal(memory[k], 0);
                memory[k] = UINT64_MAX;
            }
        }
        for (unsigned i = 0; i < ARRAY_SIZE(counts); i++)
            page_free_run(got[i], counts[i]);
    }
    assert_int_equal(taken(page_alloc(PAGE_ZERO)) % PAGE_SIZE, 0);
}

static void exactly_these_pages(void **state)
{
    (void)state;
    begin(64 * MIB);
    paddr_t hot = taken(page_alloc(PAGE_ANY));
    assert_int_equal(page_reserve(hot, 1), NOT_FOUND);
    assert_int_equal(page_reserve(hot + PAGE_SIZE, 1), OK); // was in the hot word
    assert_int_equal(page_reserve(hot + PAGE_SIZE, 1), NOT_FOUND);
    assert_int_equal(page_reserve(20 * MIB - 3 * PAGE_SIZE, 7), OK); // across blocks
    assert_int_equal(page_reserve(20 * MIB, 1), NOT_FOUND);
    assert_int_equal(page_reserve(18 * MIB, 510), NOT_FOUND);
    assert_int_equal(page_free_bytes(18 * MIB, 20 * MIB), 509 * PAGE_SIZE);
    page_free_run(20 * MIB - 3 * PAGE_SIZE, 7);
    assert_int_equal(page_reserve(18 * MIB, 2 * BLOCK_PAGES), OK);
    assert_int_equal(page_reserve(16 * MIB, 2 * BLOCK_PAGES), NOT_FOUND);
    page_free_run(18 * MIB, 2 * BLOCK_PAGES);
    assert_int_equal(page_reserve(18 * MIB + PAGE_SIZE, BLOCK_PAGES), BAD_ARGUMENT);
    assert_int_equal(page_reserve(18 * MIB + 1, 1), BAD_ARGUMENT);
    assert_int_equal(page_reserve(18 * MIB, 0), BAD_ARGUMENT);
    assert_int_equal(page_reserve(0x1ff000, 2), NOT_FOUND); // the second is the kernel's
    assert_int_equal(page_reserve(1ull << 50, 1), NOT_FOUND);
    assert_int_equal(page_reserve(UINT64_MAX - 4095, 3), NOT_FOUND);
    assert_int_equal(page_reserve(62 * MIB, BLOCK_PAGES), NOT_FOUND);
    assert_int_equal(machine_stats().refused, 0);
    assert_sound();
}

// --- Running out ---------------------------------------------------------------------------------

static paddr_t last_straw;
static unsigned asked;

static size_t give_last_straw(void)
{
    asked++;
    assert_int_equal(page_alloc_run(8 * BLOCK_PAGES, PAGE_ANY), NO_PAGE); // isn't asked again
    if (last_straw == NO_PAGE)
        return 0;
    page_free(last_straw);
    last_straw = NO_PAGE;
    return 1;
}

static void running_out_is_ordinary(void **state)
{
    (void)state;
    begin(32 * MIB);
    paddr_t some[3] = {0};
    unsigned count = 0;
    for (paddr_t page; (page = page_alloc(PAGE_ANY)) != NO_PAGE; count++)
        some[count % 3] = page;
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_int_equal(page_alloc(PAGE_ANY), NO_PAGE);
    assert_int_equal(page_alloc_run(2, PAGE_ANY), NO_PAGE);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_int_equal(machine_stats().failed, 3);
    page_free(some[0]);
    assert_int_equal(taken(page_alloc(PAGE_ANY)), some[0]);
    page_free(some[1]);
    page_drain();
    assert_int_equal(taken(page_alloc(PAGE_ANY)), some[1]);
    assert_int_equal(page_alloc(PAGE_ANY), NO_PAGE);
    assert_int_equal(log_lines[LOG_WARN], 1); // nothing has changed
    for (unsigned i = 0; i < 100; i++) {
        page_free(some[0]);
        page_drain();
        assert_int_equal(taken(page_alloc(PAGE_ANY)), some[0]);
    }
    assert_int_equal(page_alloc(PAGE_ANY), NO_PAGE);
    assert_int_equal(page_alloc(PAGE_ANY), NO_PAGE);
    assert_int_equal(log_lines[LOG_WARN], 2); // there was memory meanwhile
    last_straw = some[2];
    page_set_reclaim(give_last_straw);
    asked = 0;
    assert_int_equal(taken(page_alloc(PAGE_ANY)), some[2]);
    assert_int_equal(asked, 1);
    assert_int_equal(page_alloc(PAGE_ANY), NO_PAGE);
    assert_int_equal(asked, 2);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_sound();
}

// Free pages in the hot word don't keep a block from being one.
static void hot_pages_come_back_for_blocks(void **state)
{
    (void)state;
    begin(32 * MIB);
    uint64_t blocks = machine_stats().free_blocks, count = 0;
    while (page_alloc_run(511, PAGE_ANY) != NO_PAGE)
        count++;
    assert_true(count >= blocks);
    begin(32 * MIB);
    paddr_t page = taken(page_alloc_run(511, PAGE_ANY));
    while (page_alloc_run(BLOCK_PAGES, PAGE_ANY) != NO_PAGE)
        ;
    while (page_alloc(PAGE_ANY) != NO_PAGE)
        ;
    page_free_run(page, 511);
    paddr_t first = taken(page_alloc(PAGE_ANY));
    assert_int_equal(first, page);
    page_free(first);
    page_free(page + 511 * PAGE_SIZE);
    assert_int_equal(page_alloc_run(BLOCK_PAGES, PAGE_ANY), page);
}

static void failures_on_purpose(void **state)
{
    (void)state;
    begin(64 * MIB);
    page_free(taken(page_alloc(PAGE_ANY)));
    for (unsigned nth = 1; nth < 200; nth++) {
        paddr_t got[200] = {0};
        failpoint_set(FAILPOINT_PAGE, nth);
        for (unsigned i = 1; i < 200; i++) {
            got[i] = i % 3 ? page_alloc(PAGE_ANY) : page_alloc_run(i, PAGE_ANY);
            assert_int_equal(got[i] == NO_PAGE, i == nth);
            assert_int_equal(failpoint_get(FAILPOINT_PAGE), i < nth ? nth - i : 0);
        }
        for (unsigned i = 1; i < 200; i++)
            if (got[i] != NO_PAGE)
                page_free_run(got[i], i % 3 ? 1 : i);
    }
    assert_int_equal(machine_stats().failed, 199);
    assert_int_equal(log_lines[LOG_WARN], 0);
    assert_sound();
}

// --- Soundness -----------------------------------------------------------------------------------

static void assert_found(unsigned least)
{
    machine_complaints = 100; // quietly
    assert_true(page_check(machine_complain) >= least);
}

#define PLANT(place, damage)           \
    do {                               \
        __typeof__(place) was = place; \
        (damage);                      \
        assert_found(1);               \
        (place) = was;                 \
        assert_sound();                \
    } while (0)

static void planted_damage_is_found(void **state)
{
    (void)state;
    begin(300 * MIB);
    paddr_t page = taken(page_alloc(PAGE_ANY)), run = taken(page_alloc_run(1024, PAGE_ANY));
    struct tree *tree = tree_at(page), *second = tree_at(run);
    unsigned home = block_at(page), block = block_at(run);
    struct page_cpu *cpu = &machine_cpu.page;
    assert_sound();
    PLANT(tree->field[40 * 8], tree->field[40 * 8] |= 2);
    PLANT(*cpu->word, *cpu->word &= ~page_bit(page + PAGE_SIZE));
    PLANT(tree->block[40], tree->block[40]--);
    PLANT(tree->block[home], tree->block[home] ^= 2 << BLOCK_OWNER_SHIFT);
    PLANT(tree->block[home], tree->block[home] ^= 1 << BLOCK_OWNER_SHIFT);
    PLANT(tree->block[40], tree->block[40] |= BLOCK_MIXED);
    PLANT(tree->block[1], tree->block[1] &= ~(uint32_t)BLOCK_MIXED);
    PLANT(second->block[block], second->block[block] = BLOCK_WHOLE);
    PLANT(second->block[block], second->block[block] |= 1);
    PLANT(second->field[block * 8 + 3], second->field[block * 8 + 3] = 1);
    PLANT(tree->partial, tree->partial ^= 1ull << 40);
    PLANT(tree->whole, tree->whole ^= 1ull << 40);
    PLANT(tree->index, tree->index++);
    PLANT(tree->owner, tree->owner = 2);
    PLANT(tree->usable[1], tree->usable[1] = 0xff);
    PLANT(pages.lists[TREES_PARTIAL][0], pages.lists[TREES_PARTIAL][0] ^= 1);
    PLANT(pages.lists[TREES_SOME][0], pages.lists[TREES_SOME][0] ^= 1);
    PLANT(pages.lists[TREES_ENTIRE][0], pages.lists[TREES_ENTIRE][0] ^= 1);
    PLANT(pages.lists[TREES_FRESH][0], pages.lists[TREES_FRESH][0] ^= 2);
    PLANT(cpu->start, cpu->start += PAGE_SIZE);
    PLANT(cpu->room, cpu->room = 0);
    PLANT(cpu->id, cpu->id = 3);
    PLANT(cpu->word, cpu->word = NULL);
}

// Memory that the kernel itself is in, made usable by a mistake.
static void own_pages_are_missed(void **state)
{
    (void)state;
    begin(64 * MIB);
    assert_int_equal(page_donate(0x210000, 0x212000), OK); // the first page tables
    assert_sound();
    static const paddr_t parts[] = {0x200000, 0x20f000, 0x212000, 0x274000};
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        assert_int_equal(page_donate(parts[i], parts[i] + PAGE_SIZE), OK);
        assert_found(1);
        assert_int_equal(page_withhold(parts[i], parts[i] + PAGE_SIZE, MEMORY_KERNEL), OK);
        assert_sound();
    }
    paddr_t start = align_down(pages.reserve_start, PAGE_SIZE);
    assert_int_equal(memory_map_release(&machine_ram, start, start + PAGE_SIZE), OK);
    assert_found(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_pages_are_refused),
        cmocka_unit_test(foreign_pages_are_refused),
        cmocka_unit_test(nothing_is_hot_at_first),
        cmocka_unit_test(other_sizes_are_refused),
        cmocka_unit_test(pages_hot_elsewhere_are_refused),
        cmocka_unit_test(every_page_can_be_had),
        cmocka_unit_test(runs_are_aligned),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(nodes_are_preferred),
        cmocka_unit_test(zeroed_pages_are_zero),
        cmocka_unit_test(exactly_these_pages),
        cmocka_unit_test(running_out_is_ordinary),
        cmocka_unit_test(hot_pages_come_back_for_blocks),
        cmocka_unit_test(failures_on_purpose),
        cmocka_unit_test(planted_damage_is_found),
        cmocka_unit_test(own_pages_are_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
