// Physical pages as the running kernel gets them: nobody else writes to them, what is given back
// wrongly stays where it is, and nothing is lost.

#include "mm/page.h"
#include "kernel/test.h"
#include "mm/failpoint.h"
#include "mm/layout.h"

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 0x2545f4914f6cdd1d >> 32) * limit >> 32;
}

static unsigned complaints;

static void complain(const char *format, ...)
{
    if (complaints++ == 0)
        ktest_report(__FILE__, __LINE__, "page_check: %s", format);
}

// --- Churn ---------------------------------------------------------------------------------------

enum { HELD = 1024, STEPS = 20000, SAMPLES = 16 };

struct held {
    paddr_t first;
    size_t count;
    uint64_t sum;
};

static struct held held[HELD];
static unsigned held_count;

static uint64_t *sample(const struct held *run, unsigned i)
{
    size_t size = run->count * PAGE_SIZE;
    return phys_to_virt(run->first + i * (size / SAMPLES), sizeof(uint64_t));
}

static bool held_alloc(void)
{
    size_t count = random_below(8) ? 1 : 1 + random_below(64);
    struct held run = {page_alloc_run(count, PAGE_ANY), count, 0};
    if (run.first == NO_PAGE)
        return false;
    for (unsigned i = 0; i < SAMPLES; i++)
        run.sum += *sample(&run, i) = random_below(UINT32_MAX);
    held[held_count++] = run;
    return true;
}

static bool held_free(unsigned which)
{
    struct held run = held[which];
    uint64_t sum = 0;
    for (unsigned i = 0; i < SAMPLES; i++)
        sum += *sample(&run, i);
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
