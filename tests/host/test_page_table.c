// arch/x86_64/page_*.c on memory of the host: maps, unmaps and changes pages of all sizes at
// random, against a list of pages. Catches a split that forgets a part, a join of what doesn't
// belong together, tables that are lost or freed too early, and a failure that leaves something
// changed.

#include "tests/host/lib.h"

#include "arch/x86_64/page_table.h"
#include "mm/page.h"

#include "arch/x86_64/page_change.c"
#include "arch/x86_64/page_map.c"
#undef READ
#include "arch/x86_64/page_table.c"
#include "arch/x86_64/page_walk.c"

uintptr_t direct_map_base, direct_map_size, kernel_ranges_base;
uint64_t kernel_slide;

// --- Memory for tables ---------------------------------------------------------------------------

enum { POOL_PAGES = 4096 };

static uint8_t *pool;
static bool in_use[POOL_PAGES];
static unsigned used, allocs_left; // allocations until one fails; 0: none does

paddr_t page_alloc(unsigned flags)
{
    assert_true(flags & PAGE_ZERO);
    if (allocs_left && --allocs_left == 0)
        return NO_PAGE;
    static unsigned from;
    for (unsigned i = 1; i < POOL_PAGES; i++) {
        from = 1 + from % (POOL_PAGES - 1);
        if (in_use[from])
            continue;
        in_use[from] = true;
        used++;
        memset(pool + from * (size_t)PAGE_SIZE, 0, PAGE_SIZE);
        return from * (paddr_t)PAGE_SIZE;
    }
    fail_msg("tables take all memory");
    return NO_PAGE;
}

void page_free(paddr_t page)
{
    unsigned i = (unsigned)(page / PAGE_SIZE);
    assert_true(page % PAGE_SIZE == 0 && i < POOL_PAGES && in_use[i]);
    in_use[i] = false;
    used--;
    memset(pool + page, 0xff, PAGE_SIZE); // who still walks it, gets lost
}

// Memory is of another type in one place.
#define ODD_START 0x40300000ull
#define ODD_END   0x40301000ull

paddr_t mtrr_uniform_end(paddr_t address, paddr_t limit)
{
    paddr_t end = address < ODD_START ? ODD_START : address < ODD_END ? ODD_END : limit;
    return end < limit ? end : limit;
}

static void free_discarded(void)
{
    arch_free_tables(arch_take_tables());
}

// --- The model: four GiB of addresses, and some memory behind them
// --------------------------------

// Runs of pages instead of a million of them: what is at `start` holds up to the next one's.
#define BASE 0xffffc07f80000000ull // crosses from one table of the second level to the next
enum { MODEL_MAX = 4096, RIGHTS_COUNT = 6 };
#define SPAN (4ull << 30)

static struct run {
    uint64_t start; // offset from BASE
    bool is_mapped;
    paddr_t physical;
    unsigned rights;
} model[MODEL_MAX];
static unsigned model_count;

static const unsigned all_rights[RIGHTS_COUNT] = {
    MAP_READ,     MAP_WRITE, MAP_EXECUTE, MAP_UNCACHED | MAP_WRITE, MAP_WRITE_COMBINING | MAP_WRITE,
    MAP_UNCACHED,
};

static unsigned run_at(uint64_t offset)
{
    unsigned low = 0, high = model_count;
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (model[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint64_t run_end(unsigned i)
{
    return i + 1 < model_count ? model[i + 1].start : SPAN;
}

// A border between runs at this offset; returns the run that begins there.
static unsigned cut_run(uint64_t offset)
{
    if (offset == SPAN)
        return model_count;
    unsigned i = run_at(offset);
    if (model[i].start == offset)
        return i;
    assert_true(model_count < MODEL_MAX);
    memmove(&model[i + 2], &model[i + 1], (model_count - i - 1) * sizeof(model[0]));
    model_count++;
    model[i + 1] = model[i];
    model[i + 1].start = offset;
    model[i + 1].physical += offset - model[i].start;
    return i + 1;
}

static bool are_one(const struct run *low, const struct run *high)
{
    if (!low->is_mapped || !high->is_mapped)
        return low->is_mapped == high->is_mapped;
    return low->rights == high->rights &&
           low->physical + (high->start - low->start) == high->physical;
}

static void tidy_runs(void)
{
    unsigned kept = 0;
    for (unsigned i = 1; i < model_count; i++)
        if (!are_one(&model[kept], &model[i]))
            model[++kept] = model[i];
    model_count = kept + 1;
}

static bool model_is_free(uint64_t offset, uint64_t size)
{
    for (unsigned i = run_at(offset); size && i < model_count && model[i].start < offset + size;
         i++)
        if (model[i].is_mapped)
            return false;
    return true;
}

// --- Operations ----------------------------------------------------------------------------------

static void do_map(uint64_t offset, uint64_t size, paddr_t physical, unsigned rights)
{
    bool is_free = model_is_free(offset, size);
    enum status status = arch_map(BASE + offset, physical, size, rights);
    if (status == NO_MEMORY && is_free)
        return;
    assert_int_equal(status, is_free ? OK : BAD_ARGUMENT);
    if (!is_free)
        return;
    unsigned i = cut_run(offset);
    (void)cut_run(offset + size);
    model[i] = (struct run){offset, true, physical, rights};
    tidy_runs();
}

static void do_change(uint64_t offset, uint64_t size, bool unmap, unsigned rights)
{
    enum status status =
        unmap ? arch_unmap(BASE + offset, size) : arch_protect(BASE + offset, size, rights);
    free_discarded();
    if (status == NO_MEMORY)
        return;
    assert_int_equal(status, OK);
    unsigned first = cut_run(offset), last = cut_run(offset + size);
    for (unsigned i = first; i < last; i++) {
        model[i].rights = rights;
        model[i].is_mapped &= !unmap;
    }
    tidy_runs();
}

static uint64_t random_offset(uint64_t alignment)
{
    uint64_t around = random_below(4) << 30 | random_below(6) << 21; // a few places, often hit
    uint64_t offset = random_below(3) ? around + random_below(1024) * PAGE_SIZE
                                      : random_below(SPAN / PAGE_SIZE) * PAGE_SIZE;
    return align_down(offset % SPAN, alignment);
}

static void step(void)
{
    static const uint64_t units[] = {PAGE_SIZE,       PAGE_SIZE,       PAGE_SIZE,
                                     LARGE_PAGE_SIZE, LARGE_PAGE_SIZE, 1ull << 30};
    uint64_t unit = units[random_below(ARRAY_SIZE(units))];
    uint64_t offset = random_offset(unit);
    uint64_t most = random_below(2) ? 1 : unit == 1ull << 30 ? 2 : random_below(8) ? 20 : 700;
    uint64_t size = unit * (1 + random_below(most));
    if (size > SPAN - offset)
        size = SPAN - offset;
    unsigned rights = all_rights[random_below(random_below(2) ? 2 : RIGHTS_COUNT)];
    paddr_t physical = random_below(4) ? offset : random_below(1u << 20) * PAGE_SIZE;
    switch (random_below(5)) {
    case 0:
    case 1:
        do_map(offset, size, physical, rights);
        break;
    case 2:
        do_change(offset, size, true, 0);
        break;
    default:
        do_change(offset, size, false, rights);
    }
}

// --- Comparing -----------------------------------------------------------------------------------

static void expect_at(uint64_t offset)
{
    struct mapping page = {0};
    const struct run *run = &model[run_at(offset)];
    bool is_mapped = arch_translate(BASE + offset, &page);
    if (is_mapped != run->is_mapped)
        fail_msg("%lx: %s", offset, is_mapped ? "mapped" : "absent");
    if (!is_mapped)
        return;
    paddr_t expected = run->physical + (offset - run->start);
    paddr_t found = page.physical + (BASE + offset - page.start);
    if (found != expected || page.rights != run->rights)
        fail_msg("%lx: 0x%lx with rights %x, expected 0x%lx with %x", offset, found, page.rights,
                 expected, run->rights);
    uint64_t start = page.start - BASE;
    assert_true(start >= run->start && start + page.size <= run_end(run_at(offset)));
    if (page.physical < ODD_END && page.physical + page.size > ODD_START)
        assert_int_equal(page.size, PAGE_SIZE);
}

struct walked {
    uint64_t next; // nothing is mapped from here to the next page that is found
    unsigned pages;
};

static void compare_page(const struct mapping *page, void *context)
{
    struct walked *walked = context;
    uint64_t offset = page->start - BASE;
    assert_true(offset >= walked->next && model_is_free(walked->next, offset - walked->next));
    assert_true(page->start >= BASE && offset < SPAN);
    expect_at(offset);
    expect_at(offset + page->size - PAGE_SIZE);
    walked->next = offset + page->size;
    walked->pages++;
}

static void compare_all(void)
{
    struct walked walked = {0};
    assert_int_equal(arch_walk_tables(compare_page, &walked), 0);
    assert_true(model_is_free(walked.next, SPAN - walked.next));
}

static int start(void **state)
{
    (void)state;
    free(pool);
    pool = aligned_alloc(PAGE_SIZE, POOL_PAGES * (size_t)PAGE_SIZE);
    direct_map_base = (uintptr_t)pool;
    direct_map_size = POOL_PAGES * (size_t)PAGE_SIZE;
    memset(in_use, 0, sizeof(in_use));
    memset(kernel_pml4, 0, sizeof(kernel_pml4));
    page_forget();
    used = allocs_left = 0;
    idle_tables = 0;
    model[0] = (struct run){0};
    model_count = 1;
    page_table_init(true, true);
    return 0;
}

// --- Tests ---------------------------------------------------------------------------------------

static void random_changes(void **state)
{
    (void)state;
    random_seed(71);
    for (unsigned round = 0; round < 1000000; round++) {
        if (round == 500000) { // from here on without 1 GiB pages
            do_change(0, SPAN, true, 0);
            page_table_init(false, true);
        }
        if (round % 1000 == 0) // now and then everything goes
            do_change(0, SPAN, true, 0);
        if (round % 16 == 0)
            allocs_left = 1 + (unsigned)random_below(8);
        step();
        allocs_left = 0;
        expect_at(random_offset(PAGE_SIZE));
        if (round % 5000 == 0)
            compare_all();
    }
    do_change(0, SPAN, true, 0);
    compare_all();
    assert_int_equal(used, 0);
}

static size_t size_at(uintptr_t address)
{
    struct mapping page;
    return arch_translate(address, &page) ? page.size : 0;
}

static void the_largest_pages_are_used(void **state)
{
    (void)state;
    const size_t huge = 1ull << 30;
    assert_int_equal(arch_map(BASE, 4 * huge, huge, MAP_UNCACHED), OK);
    assert_int_equal(size_at(BASE), huge);
    assert_int_equal(used, 1);
    assert_int_equal(arch_map(BASE + huge, 8 * huge, huge + LARGE_PAGE_SIZE + PAGE_SIZE, MAP_WRITE),
                     OK);
    assert_int_equal(size_at(BASE + huge), huge);
    assert_int_equal(size_at(BASE + 2 * huge), LARGE_PAGE_SIZE);
    assert_int_equal(size_at(BASE + 2 * huge + LARGE_PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(size_at(BASE + 2 * huge + LARGE_PAGE_SIZE + PAGE_SIZE), 0);
    do_change(0, SPAN, true, 0);
    page_table_init(false, true);
    assert_int_equal(arch_map(BASE, 4 * huge, huge, MAP_UNCACHED), OK);
    assert_int_equal(size_at(BASE), LARGE_PAGE_SIZE);
    assert_int_equal(used, 2);
    do_change(0, SPAN, true, 0);
    assert_int_equal(arch_map(BASE + PAGE_SIZE, LARGE_PAGE_SIZE, 2 * LARGE_PAGE_SIZE, MAP_READ),
                     OK);
    assert_int_equal(size_at(BASE + LARGE_PAGE_SIZE), PAGE_SIZE); // not aligned to each other
}

static void pages_keep_to_one_type_of_memory(void **state)
{
    (void)state;
    const paddr_t huge = 1ull << 30;
    assert_int_equal(arch_map(BASE, huge, huge, MAP_WRITE), OK);
    assert_int_equal(size_at(BASE), LARGE_PAGE_SIZE);
    assert_int_equal(size_at(BASE + ODD_START - huge), PAGE_SIZE);
    assert_int_equal(size_at(BASE + ODD_END - huge), PAGE_SIZE);
    assert_int_equal(arch_protect(BASE, huge, MAP_READ), OK); // and aren't joined over it
    free_discarded();
    assert_int_equal(size_at(BASE), LARGE_PAGE_SIZE);
    assert_int_equal(size_at(BASE + ODD_START - huge), PAGE_SIZE);
}

static void a_huge_page_is_split_twice_and_joined(void **state)
{
    (void)state;
    const size_t huge = 1ull << 30;
    assert_int_equal(arch_map(BASE, 2 * huge, huge, MAP_WRITE), OK);
    unsigned before = used;
    uintptr_t page = BASE + 5 * LARGE_PAGE_SIZE + 7 * PAGE_SIZE;
    assert_int_equal(arch_protect(page, PAGE_SIZE, MAP_READ), OK);
    assert_int_equal(used, before + 2);
    assert_int_equal(size_at(page), PAGE_SIZE);
    assert_int_equal(size_at(BASE), LARGE_PAGE_SIZE);
    assert_int_equal(arch_protect(page, PAGE_SIZE, MAP_WRITE), OK);
    assert_int_equal(size_at(page), huge);
    assert_int_equal(used, before + 2); // somebody may be on the way through them
    free_discarded();
    assert_int_equal(used, before);
}

// Every allocation of a change fails in turn; what the tables say stays the same, bit by bit.
static void without_memory_nothing_is_changed(void **state)
{
    (void)state;
    const size_t huge = 1ull << 30;
    assert_int_equal(arch_map(BASE, 2 * huge, 2 * huge, MAP_WRITE), OK);
    unsigned before = used;
    uint64_t first = *page_place(BASE).entry;
    assert_int_equal(page_place(BASE).level, LEVEL_HUGE);
    for (unsigned i = 1; i <= 4; i++) { // two for each end
        allocs_left = i;
        assert_int_equal(arch_unmap(BASE + PAGE_SIZE, 2 * huge - 2 * PAGE_SIZE), NO_MEMORY);
        allocs_left = i;
        assert_int_equal(arch_protect(BASE + PAGE_SIZE, 2 * huge - 2 * PAGE_SIZE, MAP_READ),
                         NO_MEMORY);
        assert_int_equal(used, before);
        assert_int_equal(*page_place(BASE).entry, first);
    }
    allocs_left = 5;
    assert_int_equal(arch_unmap(BASE + PAGE_SIZE, 2 * huge - 2 * PAGE_SIZE), OK);
    assert_int_equal(allocs_left, 1);   // and no more than it takes
    for (unsigned i = 1; i <= 6; i++) { // three levels for the first page, two for the others
        struct mapping page;
        before = used;
        allocs_left = i;
        assert_int_equal(arch_map(BASE + SPAN - PAGE_SIZE, 0, LARGE_PAGE_SIZE, MAP_READ),
                         i <= 5 ? NO_MEMORY : OK);
        assert_int_equal(arch_translate(BASE + SPAN, &page), i == 6);
        assert_int_equal(used, i <= 5 ? before : before + 5);
    }
}

static void wrong_rights_are_refused(void **state)
{
    (void)state;
    static const unsigned wrong[] = {MAP_WRITE | MAP_EXECUTE, MAP_UNCACHED | MAP_WRITE_COMBINING,
                                     MAP_UNCACHED | MAP_EXECUTE, 16, ~0u};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(arch_map(BASE, 0, PAGE_SIZE, wrong[i]), BAD_ARGUMENT);
        assert_int_equal(arch_protect(BASE, PAGE_SIZE, wrong[i]), BAD_ARGUMENT);
    }
    assert_int_equal(used, 0);
}

static void nothing(const struct mapping *page, void *context)
{
    (void)page;
    (void)context;
}

static void broken_tables_are_noticed(void **state)
{
    (void)state;
    assert_int_equal(arch_map(BASE, 0, PAGE_SIZE, MAP_WRITE), OK);
    assert_int_equal(arch_walk_tables(nothing, NULL), 0);
    struct place place = page_place(BASE);
    uint64_t link = *place.link, entry = *place.entry;
    *place.link += PTE_COUNT_ONE;
    assert_int_equal(arch_walk_tables(nothing, NULL), 1);
    *place.link = direct_map_size | PTE_LINK | PTE_COUNT_ONE; // out of reach
    assert_true(arch_walk_tables(nothing, NULL) > 0);
    *place.link = link;
    *place.entry = entry & ~PTE_PRESENT; // neither absent nor present
    assert_true(arch_walk_tables(nothing, NULL) > 0);
    *place.entry = entry;
    assert_int_equal(arch_walk_tables(nothing, NULL), 0);
}

static int stop(void **state)
{
    (void)state;
    free(pool);
    pool = NULL;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_changes),
        TEST(the_largest_pages_are_used),
        TEST(pages_keep_to_one_type_of_memory),
        TEST(a_huge_page_is_split_twice_and_joined),
        TEST(without_memory_nothing_is_changed),
        TEST(wrong_rights_are_refused),
        TEST(broken_tables_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
