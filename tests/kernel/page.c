// Physical pages as the running kernel gets them: nobody else writes to them, what is given back
// wrongly stays where it is, and nothing is lost.

#include "mm/page.h"
#include "kernel/test.h"
#include "kernel/timer.h"
#include "mm/failpoint.h"
#include "mm/layout.h"
#include "tests/random.h"

static unsigned complaints;

static void complain(const char *format, ...)
{
    if (complaints++ == 0)
        ktest_report(__FILE__, __LINE__, "page_check: %s", format);
}

// --- Churn ---------------------------------------------------------------------------------------

enum { HELD = 1024, STEPS = 20000, STRIDE = 32 }; // words; every page has samples

struct held {
    paddr_t first;
    size_t count;
    uint64_t seed, sum;
};

static struct held held[HELD];
static unsigned held_count;

// What a word of a run is to hold: no two runs, pages or words the same.
static uint64_t expected(const struct held *run, size_t word)
{
    return (run->seed + word) * 0x9e3779b97f4a7c15 ^ run->first;
}

static uint64_t sum_of(const struct held *run)
{
    const uint64_t *words = phys_to_virt(run->first, run->count * PAGE_SIZE);
    uint64_t sum = 0;
    for (size_t i = 0; i < run->count * PAGE_SIZE / sizeof(*words); i += STRIDE)
        sum = (sum << 7 | sum >> 57) ^ words[i];
    return sum;
}

static bool held_alloc(void)
{
    size_t count = random_below(8) ? 1 : 1 + random_below(64);
    struct held run = {page_alloc_run(count, PAGE_ANY), count, random_below(UINT32_MAX), 0};
    if (run.first == NO_PAGE)
        return false;
    uint64_t *words = phys_to_virt(run.first, count * PAGE_SIZE);
    for (size_t i = 0; i < count * PAGE_SIZE / sizeof(*words); i += STRIDE) {
        words[i] = expected(&run, i);
        run.sum = (run.sum << 7 | run.sum >> 57) ^ words[i];
    }
    held[held_count++] = run;
    return true;
}

static bool held_free(unsigned which)
{
    struct held run = held[which];
    uint64_t sum = sum_of(&run);
    held[which] = held[--held_count];
    if (run.count == 1)
        page_free(run.first);
    else
        page_free_run(run.first, run.count);
    return sum == run.sum;
}

KTEST(page, keeps_what_is_written)
{
    struct page_stats before, after;
    page_get_stats(&before);
    random_state = 1;
    held_count = complaints = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        if (held_count < HELD && random_below(100) < 55)
            KTEST_CHECK(held_alloc());
        else if (held_count)
            KTEST_CHECK(held_free((unsigned)random_below(held_count)));
    }
    KTEST_EQUAL(page_check(complain), 0);
    while (held_count)
        KTEST_CHECK(held_free(held_count - 1));
    page_get_stats(&after);
    KTEST_EQUAL(after.free, before.free);
    KTEST_EQUAL(after.refused, before.refused);
    KTEST_EQUAL(page_check(complain), 0);
}

// --- Fragmentation -------------------------------------------------------------------------------

// The pages of the trace, and the list of them, in pages too.
struct live {
    paddr_t list;
    uint64_t *pages;
    unsigned count;
};

enum { TRACE_BLOCKS = 64, TRACE_PAGES = TRACE_BLOCKS * BLOCK_PAGES, TRACE_ROUNDS = 100 };

static void live_free(struct live *live, unsigned which)
{
    page_free(live->pages[which]);
    live->pages[which] = live->pages[--live->count];
}

static bool live_fill(struct live *live, unsigned count)
{
    while (live->count < count) {
        paddr_t page = page_alloc(PAGE_ANY);
        if (page == NO_PAGE)
            return false;
        live->pages[live->count++] = page;
    }
    return true;
}

// All pages of the trace, half of which go back at random; then a random tenth of the rest in every
// round, and as many are taken again.
static bool trace_run(struct live *live)
{
    if (!live_fill(live, TRACE_PAGES))
        return false;
    while (live->count > TRACE_PAGES / 2)
        live_free(live, (unsigned)random_below(live->count));
    for (unsigned round = 0; round < TRACE_ROUNDS; round++) {
        for (unsigned i = 0; i < TRACE_PAGES / 20; i++)
            live_free(live, (unsigned)random_below(live->count));
        if (!live_fill(live, TRACE_PAGES / 2))
            return false;
    }
    return true;
}

static uint64_t free_blocks(void)
{
    struct page_stats stats;
    page_drain();
    page_get_stats(&stats);
    return stats.free_blocks;
}

// Of 64 blocks with half of their pages live, 32 can be whole; 95 % of these are demanded, as the
// trace shares blocks with what the kernel has. The model of LLFree's policy
// (tests/host/llfree_model.h), which has its memory to itself, keeps 32 of 32 on this trace in
// 128 MiB, two of its trees, and 0 of 16 in 64 MiB, one tree. With nothing else around, this
// allocator keeps all of them in both.
KTEST(page, fragmentation)
{
    enum { POSSIBLE = TRACE_BLOCKS / 2 };
    enum { LIST_PAGES = TRACE_PAGES * sizeof(paddr_t) / PAGE_SIZE };
    struct live live = {page_alloc_run(LIST_PAGES, PAGE_ANY), NULL, 0};
    KTEST_CHECK(live.list != NO_PAGE);
    live.pages = phys_to_virt(live.list, LIST_PAGES * PAGE_SIZE);
    random_state = 3;
    complaints = 0;
    uint64_t before = free_blocks();
    bool complete = trace_run(&live);
    uint64_t kept = free_blocks() + TRACE_BLOCKS - before;
    KTEST_EQUAL(page_check(complain), 0);
    while (live.count)
        live_free(&live, live.count - 1);
    KTEST_EQUAL(free_blocks(), before);
    page_free_run(live.list, LIST_PAGES);
    KTEST_CHECK(complete);
    KTEST_CHECK(kept * 100 >= POSSIBLE * 95);
    KTEST_EQUAL(page_check(complain), 0);
}

// --- Blocks --------------------------------------------------------------------------------------

// Each one's first word leads to the one before.
static unsigned take_blocks(paddr_t *last, uint64_t most)
{
    unsigned count = 0;
    for (*last = NO_PAGE; count < most; count++) {
        paddr_t block = page_alloc_run(BLOCK_PAGES, PAGE_BELOW_4G);
        if (block == NO_PAGE)
            break;
        *(paddr_t *)phys_to_virt(block, sizeof(paddr_t)) = *last;
        *last = block;
    }
    return count;
}

KTEST(page, every_block_can_be_had)
{
    struct page_stats before, after;
    paddr_t block;
    page_drain();
    page_get_stats(&before);
    uint64_t most = page_free_bytes(0, BOOT_DIRECT_MAP_SIZE) / BLOCK_SIZE;
    most = most < before.free_blocks ? most : before.free_blocks;
    unsigned count = take_blocks(&block, most);
    complaints = 0;
    KTEST_EQUAL(page_check(complain), 0);
    for (unsigned i = 0; i < count; i++) {
        paddr_t next = *(paddr_t *)phys_to_virt(block, sizeof(paddr_t));
        KTEST_CHECK(is_aligned(block, BLOCK_SIZE));
        page_free_run(block, BLOCK_PAGES);
        block = next;
    }
    page_get_stats(&after);
    KTEST_EQUAL(block, NO_PAGE);
    KTEST_CHECK(count > 0);
    KTEST_CHECK(count >= most || before.free_blocks > most);
    KTEST_EQUAL(after.free, before.free);
    KTEST_EQUAL(after.free_blocks, before.free_blocks);
    KTEST_EQUAL(page_check(complain), 0);
}

KTEST(page, zeroes_what_is_asked_for)
{
    for (unsigned round = 0; round < 3; round++) {
        paddr_t page = page_alloc(PAGE_ZERO);
        KTEST_CHECK(page != NO_PAGE);
        uint64_t *memory = phys_to_virt(page, PAGE_SIZE), sum = 0;
        for (unsigned i = 0; i < PAGE_SIZE / sizeof(*memory); i++) {
            sum |= memory[i];
            memory[i] = UINT64_MAX;
        }
        page_free(page);
        KTEST_EQUAL(sum, 0);
    }
}

// --- Errors --------------------------------------------------------------------------------------

#ifdef KEELSON_DEBUG
static bool is_zero(paddr_t block)
{
    const uint64_t *words = phys_to_virt(block, BLOCK_SIZE);
    uint64_t all = 0;
    for (size_t i = 0; i < BLOCK_SIZE / sizeof(*words); i++)
        all |= words[i];
    return !all;
}

// Idle processors have filled them; of which memory nobody is deprived.
KTEST(page, blocks_of_zeros_are_ready)
{
    struct page_stats before, after;
    page_get_stats(&before);
    for (unsigned i = 0; i < 500 && !before.zeroed; i++) {
        sleep_ns(10000000);
        page_get_stats(&before);
    }
    KTEST_CHECK(before.zeroed);
    paddr_t block = page_alloc_run(BLOCK_PAGES, PAGE_ZERO);
    KTEST_CHECK(block != NO_PAGE);
    bool was_zero = is_zero(block);
    *(uint64_t *)phys_to_virt(block, sizeof(uint64_t)) = 1;
    page_free_run(block, BLOCK_PAGES);
    page_get_stats(&after);
    KTEST_CHECK(was_zero);
    KTEST_EQUAL(after.free_blocks, before.free_blocks);
}

KTEST(page, refuses_wrong_frees)
{
    KTEST_SKIP("a wrong free is a panic in this build");
}
#else
static uint64_t refused(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.refused;
}

KTEST(page, refuses_wrong_frees)
{
    paddr_t page = page_alloc(PAGE_ANY), block = page_alloc_run(BLOCK_PAGES, PAGE_ANY);
    KTEST_CHECK(page != NO_PAGE && block != NO_PAGE);
    uint64_t before = refused();
    page_free(block);
    page_free_run(block, 2 * BLOCK_PAGES);
    page_free(page + 1);
    page_free(0);
    page_free(kernel_image_phys(kernel_image_start));
    page_free(1ull << 51);
    page_free_run(page, 0);
    KTEST_EQUAL(refused(), before + 7);
    page_free(page);
    page_free_run(block, BLOCK_PAGES);
    KTEST_EQUAL(refused(), before + 7);
    page_free(page); // hot
    page_free_run(block, BLOCK_PAGES);
    page_drain();
    page_free(page);
    KTEST_EQUAL(refused(), before + 10);
    complaints = 0;
    KTEST_EQUAL(page_check(complain), 0);
}
#endif

KTEST(page, fails_when_told_to)
{
    failpoint_set(FAILPOINT_PAGE, 2);
    paddr_t first = page_alloc(PAGE_ANY), second = page_alloc_run(3, PAGE_ANY);
    paddr_t third = page_alloc(PAGE_ANY);
    KTEST_EQUAL(failpoint_get(FAILPOINT_PAGE), 0);
    page_free(first);
    page_free(third);
    KTEST_CHECK(first != NO_PAGE && third != NO_PAGE);
    KTEST_EQUAL(second, NO_PAGE);
}

KTEST(page, takes_exactly_these)
{
    paddr_t run = page_alloc_run(4, PAGE_ANY);
    KTEST_CHECK(run != NO_PAGE);
    KTEST_EQUAL(page_reserve(run + PAGE_SIZE, 1), NOT_FOUND);
    page_free_run(run, 4);
    KTEST_EQUAL(page_reserve(run + PAGE_SIZE, 2), OK);
    KTEST_EQUAL(page_reserve(run, 4), NOT_FOUND);
    page_free_run(run + PAGE_SIZE, 2);
    KTEST_EQUAL(page_reserve(kernel_image_phys(kernel_image_start), 1), NOT_FOUND);
}
