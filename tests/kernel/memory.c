// Memory as a whole, on the machine at hand.

#include "kernel/memory.h"
#include "kernel/boot_info.h"
#include "kernel/test.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "mm/vspace.h"

static unsigned complaints;

static void complain(const char *format, ...)
{
    (void)format;
    complaints++;
}

KTEST(memory, total_is_the_maps)
{
    struct page_stats stats;
    page_get_stats(&stats);
    KTEST_EQUAL(stats.total * PAGE_SIZE, memory_map_total(&boot_info.memory, MEMORY_USABLE));
    KTEST_CHECK(stats.free <= stats.total);
    KTEST_EQUAL(page_free_bytes(0, UINT64_MAX), stats.free * PAGE_SIZE);
}

static const struct memory_range *highest_usable(void)
{
    const struct memory_map *map = &boot_info.memory;
    for (unsigned i = map->count; i-- > 0;)
        if (map->ranges[i].kind == MEMORY_USABLE)
            return &map->ranges[i];
    return NULL;
}

// The highest page that can be had, or NO_PAGE.
static paddr_t take_highest(void)
{
    const struct memory_range *range = highest_usable();
    if (!range)
        return NO_PAGE;
    for (paddr_t page = range->end - PAGE_SIZE; page >= range->start; page -= PAGE_SIZE)
        if (page_reserve(page, 1) == OK)
            return page;
    return NO_PAGE;
}

static bool holds(const uint64_t *words, uint64_t seed)
{
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        if (words[i] != (seed ^ i))
            return false;
    return true;
}

static void fill(uint64_t *words, uint64_t seed)
{
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        words[i] = seed ^ i;
}

// Metadata and direct map reach to the top, and the top isn't the bottom by another name.
KTEST(memory, highest_page)
{
    paddr_t high = take_highest(), low = page_alloc(PAGE_BELOW_4G);
    KTEST_CHECK(high != NO_PAGE && low != NO_PAGE && high != low);
    KTEST_CHECK(high + (1ull << 30) >= highest_usable()->end);
    uint64_t *at_high = phys_to_virt(high, PAGE_SIZE), *at_low = phys_to_virt(low, PAGE_SIZE);
    KTEST_CHECK(at_high && at_low);
    fill(at_high, high);
    fill(at_low, ~high);
    bool is_whole = holds(at_high, high) && holds(at_low, ~high);
    page_free(high);
    page_free(low);
    KTEST_CHECK(is_whole);
}

// A loader that says that a module lies over the image frees nothing of it.
KTEST(memory, a_module_takes_nothing_else_along)
{
    struct page_stats before, after;
    unsigned count = boot_info.module_count;
    KTEST_CHECK(count < BOOT_MODULES_MAX);
    boot_info.modules[count].start = kernel_image_phys(kernel_data_start);
    boot_info.modules[count].end = kernel_image_phys(kernel_data_start) + 2 * PAGE_SIZE;
    boot_info.module_count = count + 1;
    page_get_stats(&before);
    KTEST_EQUAL(memory_free_module(count), OK);
    page_get_stats(&after);
    KTEST_EQUAL(boot_info.module_count, count);
    KTEST_EQUAL(memory_free_module(count), OUT_OF_RANGE);
    KTEST_EQUAL(after.total, before.total);
    KTEST_EQUAL(after.free, before.free);
}

KTEST(memory, checks_find_nothing)
{
    complaints = 0;
    KTEST_EQUAL(page_check(complain), 0);
    KTEST_EQUAL(slab_check(complain), 0);
    KTEST_EQUAL(vspace_check(complain), 0);
    KTEST_EQUAL(complaints, 0);
}
