// mm/vspace_ranges: who has which addresses. Catches ranges that overlap or touch each other's
// guards, a range that isn't found, and room that is lost.

#include "tests/host/lib.h"

#include "mm/vspace_ranges.c"

uintptr_t direct_map_base, direct_map_size;
uint64_t kernel_slide;

enum { RUNS_MAX = 16 };

static void *runs[RUNS_MAX]; // all that was handed out: nothing is given back
static unsigned run_count, runs_out;
static bool is_out_of_memory;

paddr_t page_alloc_run(size_t count, unsigned flags)
{
    (void)flags;
    void *memory = is_out_of_memory ? NULL : aligned_alloc(PAGE_SIZE, count * PAGE_SIZE);
    if (!memory)
        return NO_PAGE;
    runs_out += (unsigned)count;
    assert_true(run_count < RUNS_MAX);
    runs[run_count++] = memory;
    return (paddr_t)memory;
}

#define BASE 0xffffc00000000000ull

static int start(void **state)
{
    (void)state;
    direct_map_size = UINTPTR_MAX;
    memset(&vspace, 0, sizeof(vspace));
    is_out_of_memory = false;
    runs_out = run_count = 0;
    return ranges_init(BASE, BASE + KERNEL_RANGES_SIZE) == OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    while (run_count)
        free(runs[--run_count]);
    return 0;
}

static uintptr_t must_insert(size_t size, size_t alignment, size_t skew)
{
    uintptr_t at = 0;
    assert_int_equal(range_insert(size, alignment, skew, "one", VSPACE_RESERVED, &at), OK);
    return at;
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const size_t wrong[][3] = {
        {0, PAGE_SIZE, 0},        {PAGE_SIZE, 0, 0},
        {PAGE_SIZE, 2048, 0},     {PAGE_SIZE, 0x3000, 0},
        {SIZE_MAX, PAGE_SIZE, 0}, {PAGE_SIZE, 1ull << 63, 0},
        {PAGE_SIZE, SIZE_MAX, 0}, {PAGE_SIZE, PAGE_SIZE, PAGE_SIZE},
    };
    uintptr_t at;
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(range_insert(wrong[i][0], wrong[i][1], wrong[i][2], "", 0, &at),
                         BAD_ARGUMENT);
    assert_int_equal(range_insert(KERNEL_RANGES_SIZE, PAGE_SIZE, 0, "", 0, &at), NO_MEMORY);
    must_insert(KERNEL_RANGES_SIZE - 2 * PAGE_SIZE, PAGE_SIZE, 0); // all but the guards
    assert_int_equal(range_insert(1, PAGE_SIZE, 0, "", 0, &at), NO_MEMORY);
}

static void addresses_are_not_used_again_soon(void **state)
{
    (void)state;
    uintptr_t first = must_insert(PAGE_SIZE, PAGE_SIZE, 0);
    range_remove(range_index(first));
    assert_true(must_insert(PAGE_SIZE, PAGE_SIZE, 0) > first);
    vspace.next = vspace.end; // the last one was at the end
    assert_int_equal(must_insert(PAGE_SIZE, PAGE_SIZE, 0), first);
}

static void without_memory_nothing_is_entered(void **state)
{
    (void)state;
    uintptr_t at;
    while (vspace.list->count < vspace.list->capacity)
        must_insert(PAGE_SIZE, PAGE_SIZE, 0);
    is_out_of_memory = true;
    unsigned before = vspace.list->count;
    assert_int_equal(range_insert(PAGE_SIZE, PAGE_SIZE, 0, "", 0, &at), NO_MEMORY);
    assert_int_equal(vspace.list->count, before);
    is_out_of_memory = false;
    must_insert(PAGE_SIZE, PAGE_SIZE, 0);
    assert_int_equal(runs_out, 1 + 2);
}

// Somebody who has begun to read when the array becomes too small, and goes on later.
static void readers_stay_in_the_array_they_began_in(void **state)
{
    (void)state;
    uintptr_t first = must_insert(PAGE_SIZE, PAGE_SIZE, 0);
    bool is_guard;
    const struct vspace_range *early = vspace_find(first, &is_guard);
    const struct range_list *list = vspace.list;
    while (vspace.list == list)
        must_insert(PAGE_SIZE, PAGE_SIZE, 0);
    assert_int_equal(early->start, first);
    assert_int_equal(list->count, list->capacity); // its own
    assert_int_equal(vspace.list->count, list->count + 1);
    assert_int_equal(vspace_find(first, &is_guard)->start, first);
    assert_non_null(vspace_range(list->count));
    vspace.list = NULL; // before the first of all
    assert_null(vspace_find(first, &is_guard));
    assert_null(vspace_range(0));
}

// --- Against a model: a byte for each page of a small space
// ---------------------------------------

enum { MODEL_PAGES = 4096, ROUNDS = 150000 };

static uint8_t model[MODEL_PAGES]; // 0: nobody's, 1: a range's, 2: a guard
static uint16_t owner[MODEL_PAGES];
static uint16_t next_owner;

static unsigned page_of(uintptr_t address)
{
    return (unsigned)((address - BASE) / PAGE_SIZE);
}

static void model_set(unsigned first, unsigned count, unsigned kind)
{
    for (unsigned i = first; i < first + count; i++) {
        assert_int_equal(model[i] == 0, kind != 0);
        model[i] = (uint8_t)kind;
        owner[i] = next_owner;
    }
}

// Whether there is any place for it, guards included.
static bool model_has_room(unsigned pages, unsigned alignment, unsigned skew)
{
    for (unsigned first = 1, i; first + pages < MODEL_PAGES; first++) {
        if ((first - skew) % alignment)
            continue;
        for (i = first - 1; i <= first + pages && !model[i]; i++)
            ;
        if (i > first + pages)
            return true;
    }
    return false;
}

static void insert_one(void)
{
    unsigned alignment = 1u << random_below(6), skew = (unsigned)random_below(alignment);
    unsigned pages = 1 + (unsigned)random_below(random_below(8) ? 8 : 200);
    uintptr_t at;
    enum status status =
        range_insert(pages * PAGE_SIZE - random_below(PAGE_SIZE), alignment * PAGE_SIZE,
                     skew * PAGE_SIZE, "one", VSPACE_MEMORY, &at);
    if (status != OK) {
        assert_int_equal(status, NO_MEMORY);
        assert_false(model_has_room(pages, alignment, skew));
        return;
    }
    next_owner++;
    unsigned first = page_of(at);
    assert_int_equal((first - skew) % alignment, 0);
    assert_true(first >= 1 && first + pages < MODEL_PAGES);
    model_set(first - 1, 1, 2);
    model_set(first, pages, 1);
    model_set(first + pages, 1, 2);
}

static void remove_one(void)
{
    if (!vspace.list->count)
        return;
    unsigned index = (unsigned)random_below(vspace.list->count);
    const struct vspace_range *range = vspace_range(index);
    model_set(page_of(range->start) - 1, page_of(range->end) - page_of(range->start) + 2, 0);
    range_remove(index);
}

static void look(void)
{
    unsigned page = (unsigned)random_below(MODEL_PAGES), size = 1 + (unsigned)random_below(4);
    uintptr_t address = BASE + page * (uintptr_t)PAGE_SIZE + random_below(PAGE_SIZE);
    bool is_guard = false;
    const struct vspace_range *range = vspace_find(address, &is_guard);
    assert_int_equal(range != NULL, model[page] != 0);
    if (range) {
        assert_int_equal(is_guard, model[page] == 2);
        assert_true(address >= range->start - PAGE_SIZE && address < range->end + PAGE_SIZE);
    }
    bool holds = page + size <= MODEL_PAGES;
    for (unsigned i = page; holds && i < page + size; i++)
        holds = model[i] == 1 && owner[i] == owner[page];
    assert_int_equal(range_holds(BASE + page * (uintptr_t)PAGE_SIZE, size * PAGE_SIZE), holds);
}

static void random_ranges(void **state)
{
    (void)state;
    memset(model, 0, sizeof(model));
    vspace.end = BASE + MODEL_PAGES * (uintptr_t)PAGE_SIZE;
    random_seed(21);
    for (unsigned round = 0; round < ROUNDS; round++) {
        bool is_filling = round / 2000 % 2 == 0;
        if (random_below(8) < (is_filling ? 5 : 3))
            insert_one();
        else
            remove_one();
        look();
        for (unsigned i = 1; i < vspace.list->count; i++)
            assert_true(vspace.list->ranges[i - 1].end + 2 * PAGE_SIZE <=
                        vspace.list->ranges[i].start);
    }
    assert_null(vspace_range(vspace.list->count));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_makes_no_sense_is_refused),
        TEST(addresses_are_not_used_again_soon),
        TEST(without_memory_nothing_is_entered),
        TEST(readers_stay_in_the_array_they_began_in),
        TEST(random_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
