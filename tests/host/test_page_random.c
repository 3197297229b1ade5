// The page allocator against an array with one entry per page, millions of times. Catches pages
// handed out twice or lost, runs that aren't aligned or overlap, memory reported as used up that is
// there, and wrong frees (free already, of another size, not ours, in a hot word) that are taken or
// do damage.

#include "tests/host/page_model.h"

enum { OPERATIONS = 1000000, COMPARE_EACH = 40000 };

// Mostly single pages, then every size up to some blocks.
static uint64_t random_count(void)
{
    switch (random_below(64)) {
    case 0:
    case 1:
        return 512;
    case 2:
        return 512 * (1 + random_below(40));
    case 3:
    case 4:
    case 5:
    case 6:
        return 1 + random_below(600);
    case 7:
    case 8:
    case 9:
        return 1 + random_below(64);
    default:
        return 1;
    }
}

static uint64_t failures, refusals, reserved;

static void try_alloc(void)
{
    uint64_t count = random_count();
    paddr_t page =
        count == 1 && random_below(8) ? page_alloc(PAGE_ANY) : page_alloc_run(count, PAGE_ANY);
    count = count > 512 ? (count + 511) / 512 * 512 : count;
    if (page != NO_PAGE) {
        assert_int_equal(page % 4096, 0);
        model_take(page / 4096, count, false);
        return;
    }
    failures++;
    assert_false(model_has(count));
}

static void give_back(struct held run)
{
    if (run.count == 1 && random_below(8))
        page_free(run.first * 4096ull);
    else
        page_free_run(run.first * 4096ull, run.count);
}

static void try_free(void)
{
    if (!held_count)
        return;
    unsigned index = (unsigned)random_below(held_count);
    struct held run = held[index];
    uint64_t refused = pages.refused;
    if (run.count > 1 && run.count < 512 && random_below(4) == 0) { // in two parts
        uint32_t part = 1 + (uint32_t)random_below(run.count - 1);
        give_back((struct held){run.first, part});
        give_back((struct held){run.first + part, run.count - part});
    } else {
        give_back(run);
    }
    assert_int_equal(pages.refused, refused);
    model_give(index);
}

// Anything: near what is held, or anywhere, aligned or not.
static void try_hostile_free(void)
{
    uint64_t first = random_below(MODEL_PAGES + 1000), count = random_count(), offset = 0;
    if (held_count && random_below(2)) {
        struct held near = held[random_below(held_count)];
        first = near.first + random_below(3) - 1;
        count = random_below(2) ? near.count : near.count + random_below(3) - 1;
    }
    if (random_below(10) == 0)
        offset = random_below(4096);
    if (random_below(20) == 0) { // the lowest, with and without a hot word
        first = random_below(64);
        offset = random_below(2);
        if (random_below(2))
            page_drain();
    }
    if (offset == 0 && model_may_give(first, count))
        return;
    uint64_t refused = pages.refused;
    if (count == 1 && random_below(2))
        page_free(first * 4096 + offset);
    else
        page_free_run(first * 4096 + offset, count);
    assert_int_equal(pages.refused, refused + 1);
    refusals++;
}

static void try_reserve(void)
{
    uint64_t count = random_count(), first = random_below(MODEL_PAGES + 1000);
    first = count < 512 ? first : first / 512 * 512;
    enum status status = page_reserve(first * 4096, count);
    count = count > 512 ? (count + 511) / 512 * 512 : count;
    assert_int_equal(status, model_is(first, count, FREE) ? OK : NOT_FOUND);
    if (status != OK)
        return;
    model_take(first, count, true);
    reserved++;
}

// How much is held goes up and down, to the last page and back to none.
static void churn(unsigned operations)
{
    unsigned bias = 50;
    model_begin();
    for (unsigned i = 0; i < operations; i++) {
        if (i % 20000 == 0)
            bias = 20 + (unsigned)random_below(65);
        unsigned choice = (unsigned)random_below(1000);
        if (choice < 20)
            try_hostile_free();
        else if (choice < 22)
            try_reserve();
        else if (choice == 22)
            page_drain();
        else if (random_below(100) < bias)
            try_alloc();
        else
            try_free();
        if (i % COMPARE_EACH == 0)
            model_compare();
    }
    while (held_count)
        try_free();
    page_drain();
    model_compare();
    assert_true(failures && refusals && reserved);
}

static void the_usual_machine(void **state)
{
    (void)state;
    random_seed(40);
    machine_usual(64 * MIB);
    assert_int_equal(page_init(&machine_ram, 64 * MIB), OK);
    churn(3 * OPERATIONS);
}

static void several_trees(void **state)
{
    (void)state;
    random_seed(41);
    machine_usual(500 * MIB);
    assert_int_equal(page_init(&machine_ram, 500 * MIB), OK);
    churn(5 * OPERATIONS);
}

// Holes of all sizes, at odd addresses.
static void maps_with_holes(void **state)
{
    (void)state;
    random_seed(42);
    for (unsigned round = 0; round < 20; round++) {
        machine_begin(MODEL_PAGES * 4096ull);
        machine_add(0, (1 + random_below(MODEL_PAGES)) * 4096, MEMORY_USABLE);
        for (unsigned i = 0; i < random_below(200); i++) {
            uint64_t start = random_below(MODEL_PAGES) * 4096;
            machine_add(start, start + (1 + random_below(1 + random_below(800))) * 4096,
                        MEMORY_RESERVED);
        }
        if (page_init(&machine_ram, MODEL_PAGES * 4096ull) == OK)
            churn(OPERATIONS / 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_machine),
        cmocka_unit_test(several_trees),
        cmocka_unit_test(maps_with_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
