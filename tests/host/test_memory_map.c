// mm/memory_map against an array with one entry per page. Catches ranges that overlap or fall out
// of order, a result that depends on the order in which a loader lists its ranges, rounding that
// makes half a usable page whole, arithmetic that wraps at the top of the address space, and, worst
// of all, a full map that forgets a reservation and hands the memory out.

#include "tests/host/lib.h"

#include "mm/memory_map.c"

enum {
    PAGES = 96,
    ABSENT = -1,
    ROUNDS = 4000,
    OPERATIONS = 40, // in each: 160,000 in all
};

#define NO_LIMIT UINT64_MAX

static struct memory_map map;
static int model[PAGES]; // the kind of each page

static void forget(void)
{
    map = (struct memory_map){.count = 0};
    for (unsigned i = 0; i < PAGES; i++)
        model[i] = ABSENT;
}

// The specification, page by page: a usable page counts where the range covers all of it, every
// other where it covers any of it; a later kind wins.
static void model_add(uint64_t start, uint64_t size, int kind, uint64_t limit)
{
    limit &= ~(uint64_t)(PAGE_SIZE - 1);
    unsigned __int128 end = (unsigned __int128)start + size;
    if (end > limit)
        end = limit;
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t low = (uint64_t)i * PAGE_SIZE, high = low + PAGE_SIZE;
        bool all = start <= low && high <= end, any = start < high && low < end && start < end;
        if ((kind == MEMORY_USABLE ? all : any) && kind > model[i])
            model[i] = kind;
    }
}

static void assert_invariants(void)
{
    assert_in_range(map.count, 0, MEMORY_MAP_MAX);
    for (unsigned i = 0; i < map.count; i++) {
        const struct memory_range *range = &map.ranges[i];
        assert_true(range->start < range->end);
        assert_true(range->start % PAGE_SIZE == 0 && range->end % PAGE_SIZE == 0);
        assert_in_range(range->kind, 0, MEMORY_KINDS - 1);
        if (i == 0)
            continue;
        assert_true(range[-1].end <= range->start);
        assert_false(range[-1].end == range->start && range[-1].kind == range->kind);
    }
}

static int kind_at(uint64_t address)
{
    const struct memory_range *range = memory_map_find(&map, address);
    return range ? (int)range->kind : ABSENT;
}

static void assert_model(void)
{
    uint64_t totals[MEMORY_KINDS] = {0};
    assert_invariants();
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t page = (uint64_t)i * PAGE_SIZE;
        assert_int_equal(kind_at(page), model[i]);
        assert_int_equal(kind_at(page + PAGE_SIZE - 1), model[i]);
        if (model[i] != ABSENT)
            totals[model[i]] += PAGE_SIZE;
    }
    for (int kind = 0; kind < MEMORY_KINDS; kind++)
        assert_int_equal(memory_map_total(&map, (enum memory_kind)kind), totals[kind]);
}

struct operation {
    uint64_t start, size;
    enum memory_kind kind;
};

static struct operation random_operation(void)
{
    struct operation operation = {
        .start = random_below(PAGES) * PAGE_SIZE,
        .size = random_below(PAGES / 3) * PAGE_SIZE,
        .kind = (enum memory_kind)random_below(MEMORY_KINDS),
    };
    if (random_below(3) == 0)
        operation.start += random_below(PAGE_SIZE);
    if (random_below(3) == 0)
        operation.size += random_below(PAGE_SIZE);
    if (operation.start + operation.size > PAGES * PAGE_SIZE)
        operation.size = PAGES * PAGE_SIZE - operation.start;
    return operation;
}

static void random_ranges_agree_with_the_model(void **state)
{
    (void)state;
    random_seed(30);
    for (unsigned round = 0; round < ROUNDS; round++) {
        forget();
        uint64_t limit = random_below(4) ? NO_LIMIT : random_below(PAGES * PAGE_SIZE);
        for (unsigned i = 0; i < OPERATIONS; i++) {
            struct operation o = random_operation();
            memory_map_add(&map, o.start, o.size, o.kind, limit);
            model_add(o.start, o.size, o.kind, limit);
            assert_model();
        }
        assert_int_equal(map.lost, 0);
    }
}

static void the_order_of_ranges_means_nothing(void **state)
{
    (void)state;
    random_seed(31);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct operation operations[8];
        struct memory_map first;
        for (unsigned i = 0; i < 8; i++)
            operations[i] = random_operation();
        for (unsigned order = 0; order < 4; order++) {
            forget();
            for (unsigned i = 0; i < 8; i++)
                memory_map_add(&map, operations[i].start, operations[i].size, operations[i].kind,
                               NO_LIMIT);
            if (order == 0)
                first = map;
            assert_int_equal(map.count, first.count);
            for (unsigned i = 0; i < map.count; i++) {
                assert_int_equal(map.ranges[i].start, first.ranges[i].start);
                assert_int_equal(map.ranges[i].end, first.ranges[i].end);
                assert_int_equal(map.ranges[i].kind, first.ranges[i].kind);
            }
            unsigned a = (unsigned)random_below(8), b = (unsigned)random_below(8);
            struct operation swapped = operations[a];
            operations[a] = operations[b];
            operations[b] = swapped;
        }
    }
}

static void add(uint64_t start, uint64_t end, enum memory_kind kind)
{
    memory_map_add(&map, start, end - start, kind, NO_LIMIT);
}

// What the page allocator has can't be lost to a full map.
static void withholding_loses_nothing(void **state)
{
    (void)state;
    forget();
    add(0, 16 * PAGE_SIZE, MEMORY_USABLE);
    add(16 * PAGE_SIZE, 17 * PAGE_SIZE, MEMORY_RESERVED);
    assert_int_equal(memory_map_withhold(&map, PAGE_SIZE, 2 * PAGE_SIZE, MEMORY_RECLAIM), OK);
    assert_int_equal(kind_at(PAGE_SIZE), MEMORY_RECLAIM);
    assert_int_equal(memory_map_total(&map, MEMORY_USABLE), 15 * PAGE_SIZE);
    assert_int_equal(memory_map_withhold(&map, 0, 2 * PAGE_SIZE, MEMORY_RECLAIM), BAD_ARGUMENT);
    assert_int_equal(memory_map_withhold(&map, PAGE_SIZE, 2 * PAGE_SIZE, MEMORY_RECLAIM),
                     BAD_ARGUMENT);
    assert_int_equal(memory_map_withhold(&map, 2 * PAGE_SIZE, 17 * PAGE_SIZE, MEMORY_RECLAIM),
                     BAD_ARGUMENT);
    assert_int_equal(memory_map_withhold(&map, 0, PAGE_SIZE, MEMORY_USABLE), BAD_ARGUMENT);
    assert_int_equal(memory_map_withhold(&map, 0, 100, MEMORY_RECLAIM), BAD_ARGUMENT);
    assert_int_equal(memory_map_withhold(&map, 0, 0, MEMORY_RECLAIM), BAD_ARGUMENT);
    for (unsigned i = 0; map.count + 2 <= MEMORY_MAP_MAX; i++)
        add((100 + 2 * i) * PAGE_SIZE, (101 + 2 * i) * PAGE_SIZE, MEMORY_RESERVED);
    assert_int_equal(memory_map_withhold(&map, 4 * PAGE_SIZE, 5 * PAGE_SIZE, MEMORY_RECLAIM),
                     NO_MEMORY);
    assert_int_equal(memory_map_total(&map, MEMORY_USABLE), 15 * PAGE_SIZE);
    assert_int_equal(map.lost, 0);
    assert_invariants();
}

static void expect(unsigned index, uint64_t start, uint64_t end, enum memory_kind kind)
{
    assert_true(index < map.count);
    assert_int_equal(map.ranges[index].start, start);
    assert_int_equal(map.ranges[index].end, end);
    assert_int_equal(map.ranges[index].kind, kind);
}

// A range that replaces a whole one whose right neighbour is stronger still.
static void a_replaced_range_keeps_its_replacement(void **state)
{
    (void)state;
    forget();
    add(0x1000, 0x3000, MEMORY_USABLE);
    add(0x3000, 0x5000, MEMORY_KERNEL);
    add(0x1000, 0x3000, MEMORY_RESERVED);
    assert_int_equal(map.count, 2);
    expect(0, 0x1000, 0x3000, MEMORY_RESERVED);
    expect(1, 0x3000, 0x5000, MEMORY_KERNEL);
    add(0x1000, 0x3000, MEMORY_USABLE);
    expect(0, 0x1000, 0x3000, MEMORY_RESERVED);
}

static void neighbours_of_one_kind_are_one_range(void **state)
{
    (void)state;
    forget();
    add(0x1000, 0x2000, MEMORY_USABLE);
    add(0x3000, 0x4000, MEMORY_USABLE);
    assert_int_equal(map.count, 2);
    add(0x2000, 0x3000, MEMORY_USABLE);
    assert_int_equal(map.count, 1);
    expect(0, 0x1000, 0x4000, MEMORY_USABLE);
}

static void pages_are_rounded_to_the_safe_side(void **state)
{
    (void)state;
    forget();
    add(0x1001, 0x4fff, MEMORY_USABLE);
    assert_int_equal(map.count, 1);
    expect(0, 0x2000, 0x4000, MEMORY_USABLE);
    add(0x2fff, 0x3001, MEMORY_RESERVED);
    assert_int_equal(map.count, 1);
    expect(0, 0x2000, 0x4000, MEMORY_RESERVED);
    forget();
    add(0x1001, 0x1fff, MEMORY_USABLE); // less than a page
    add(0x1fff, 0x2001, MEMORY_USABLE);
    assert_int_equal(map.count, 0);
    add(0x1001, 0x1002, MEMORY_BAD);
    expect(0, 0x1000, 0x2000, MEMORY_BAD);
}

static void ranges_past_the_top_are_cut_off(void **state)
{
    (void)state;
    const uint64_t top = 1ull << 40;
    for (int kind = MEMORY_USABLE; kind < MEMORY_KINDS; kind++) {
        forget();
        memory_map_add(&map, top - 0x2000, UINT64_MAX, (enum memory_kind)kind, top); // wraps
        assert_int_equal(map.count, 1);
        expect(0, top - 0x2000, top, (enum memory_kind)kind);
        forget();
        memory_map_add(&map, 0, UINT64_MAX, (enum memory_kind)kind, top + 0x123);
        expect(0, 0, top, (enum memory_kind)kind);
        forget();
        memory_map_add(&map, top, 0x1000, (enum memory_kind)kind, top);
        memory_map_add(&map, UINT64_MAX, UINT64_MAX, (enum memory_kind)kind, top);
        memory_map_add(&map, 0x1000, 0, (enum memory_kind)kind, top);
        memory_map_add(&map, UINT64_MAX, 1, (enum memory_kind)kind, NO_LIMIT);
        memory_map_add(&map, 0, 0x1000, (enum memory_kind)kind, 0xfff);
        assert_invariants();
        for (unsigned i = 0; i < map.count; i++) // the last page may be held back, never wrapped
            assert_true(map.ranges[i].start >= 0xffffffffffffe000 && kind != MEMORY_USABLE);
    }
}

// Many small ranges of all kinds into a small space: what is lost may be anything but safety.
static void a_full_map_never_frees_what_is_reserved(void **state)
{
    (void)state;
    enum { SPACE = 2000 };
    static int reference[SPACE];
    unsigned full = 0;
    random_seed(32);
    for (unsigned round = 0; round < 20; round++) {
        map = (struct memory_map){.count = 0};
        for (unsigned i = 0; i < SPACE; i++)
            reference[i] = ABSENT;
        for (unsigned i = 0; i < 1500; i++) {
            uint64_t page = random_below(SPACE - 3), pages = 1 + random_below(3);
            enum memory_kind kind = (enum memory_kind)random_below(MEMORY_KINDS);
            memory_map_add(&map, page * PAGE_SIZE, pages * PAGE_SIZE, kind, NO_LIMIT);
            for (uint64_t k = page; k < page + pages; k++)
                if ((int)kind > reference[k])
                    reference[k] = (int)kind;
            if (i % 50)
                continue;
            assert_invariants();
            for (unsigned k = 0; k < SPACE; k++)
                if (kind_at((uint64_t)k * PAGE_SIZE) == MEMORY_USABLE)
                    assert_int_equal(reference[k], MEMORY_USABLE);
        }
        full += map.lost > 0;
    }
    assert_int_equal(full, 20); // or this shows nothing
}

static void losses_are_counted(void **state)
{
    (void)state;
    forget();
    for (unsigned i = 0; i < MEMORY_MAP_MAX; i++)
        add(0x10000ull * i, 0x10000ull * i + 0x4000, i % 2 ? MEMORY_RESERVED : MEMORY_USABLE);
    assert_int_equal(map.count, MEMORY_MAP_MAX);
    assert_int_equal(map.lost, 0);
    add(0x1000, 0x2000, MEMORY_KERNEL); // in the middle of a usable range
    assert_int_equal(map.count, MEMORY_MAP_MAX);
    assert_true(map.lost > 0);
    assert_int_not_equal(kind_at(0x1000), MEMORY_USABLE);
    assert_int_not_equal(kind_at(0x2000), MEMORY_KERNEL);
    add(0, 0x4000, MEMORY_USABLE);
    assert_int_not_equal(kind_at(0x1000), MEMORY_USABLE);
}

static void a_limit_removes_usable_memory_only(void **state)
{
    (void)state;
    random_seed(33);
    for (unsigned round = 0; round < ROUNDS; round++) {
        forget();
        for (unsigned i = 0; i < 20; i++) {
            struct operation o = random_operation();
            memory_map_add(&map, o.start, o.size, o.kind, NO_LIMIT);
            model_add(o.start, o.size, o.kind, NO_LIMIT);
        }
        uint64_t end = random_below((PAGES + 4) * PAGE_SIZE);
        memory_map_limit(&map, end);
        for (unsigned i = 0; i < PAGES; i++)
            if (model[i] == MEMORY_USABLE && (i + 1ull) * PAGE_SIZE > end)
                model[i] = ABSENT;
        assert_model();
    }
}

// What is released is usable as if it had never been anything else, and only what could be.
static void released_ranges_agree_with_the_model(void **state)
{
    (void)state;
    unsigned released = 0, refused = 0;
    random_seed(34);
    for (unsigned round = 0; round < ROUNDS; round++) {
        forget();
        for (unsigned i = 0; i < 20; i++) {
            struct operation o = random_operation();
            memory_map_add(&map, o.start, o.size, o.kind, NO_LIMIT);
            model_add(o.start, o.size, o.kind, NO_LIMIT);
        }
        for (unsigned i = 0; i < 20; i++) {
            uint64_t first = random_below(PAGES - 9), end = first + random_below(9);
            bool possible = true;
            for (uint64_t k = first; k < end; k++)
                possible &= model[k] > MEMORY_USABLE;
            for (uint64_t k = first; k < end && possible; k++)
                model[k] = MEMORY_USABLE;
            assert_int_equal(memory_map_release(&map, first * PAGE_SIZE, end * PAGE_SIZE),
                             possible ? OK : BAD_ARGUMENT);
            assert_model();
            *(possible ? &released : &refused) += end > first;
        }
    }
    assert_true(released > ROUNDS && refused > ROUNDS);
}

static void a_full_map_releases_nothing(void **state)
{
    (void)state;
    forget();
    for (unsigned i = 0; i < MEMORY_MAP_MAX - 1; i++)
        add(0x10000ull * i, 0x10000ull * i + 0x4000, MEMORY_RESERVED);
    assert_int_equal(memory_map_release(&map, 0x1000, 0x2000), NO_MEMORY);
    assert_int_equal(map.count, MEMORY_MAP_MAX - 1);
    assert_int_equal(kind_at(0x1000), MEMORY_RESERVED);
}

// [ACPI 15.1], and what each name is for the person at the monitor.
static void kinds_of_e820(void **state)
{
    (void)state;
    static const int expected[] = {MEMORY_RESERVED, MEMORY_USABLE,    MEMORY_RESERVED,
                                   MEMORY_RECLAIM,  MEMORY_FIRMWARE,  MEMORY_BAD,
                                   MEMORY_RESERVED, MEMORY_PERSISTENT};
    for (unsigned type = 0; type < ARRAY_SIZE(expected); type++)
        assert_int_equal(memory_kind_from_e820(type), expected[type]);
    assert_int_equal(memory_kind_from_e820(8), MEMORY_RESERVED);
    assert_int_equal(memory_kind_from_e820(20), MEMORY_RESERVED);
    assert_int_equal(memory_kind_from_e820(0xffffffff), MEMORY_RESERVED);
    assert_string_equal(memory_kind_name(MEMORY_USABLE), "usable");
    assert_string_equal(memory_kind_name(MEMORY_RESERVED), "reserved");
    for (int kind = 0; kind < MEMORY_KINDS; kind++)
        assert_non_null(memory_kind_name((enum memory_kind)kind));
    assert_non_null(memory_kind_name(MEMORY_KINDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(withholding_loses_nothing),
        cmocka_unit_test(random_ranges_agree_with_the_model),
        cmocka_unit_test(the_order_of_ranges_means_nothing),
        cmocka_unit_test(a_replaced_range_keeps_its_replacement),
        cmocka_unit_test(neighbours_of_one_kind_are_one_range),
        cmocka_unit_test(pages_are_rounded_to_the_safe_side),
        cmocka_unit_test(ranges_past_the_top_are_cut_off),
        cmocka_unit_test(a_full_map_never_frees_what_is_reserved),
        cmocka_unit_test(losses_are_counted),
        cmocka_unit_test(a_limit_removes_usable_memory_only),
        cmocka_unit_test(released_ranges_agree_with_the_model),
        cmocka_unit_test(a_full_map_releases_nothing),
        cmocka_unit_test(kinds_of_e820),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
