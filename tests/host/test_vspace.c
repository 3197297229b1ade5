// mm/vspace on the real page tables and memory of the host: what is done in which order, and what a
// failure leaves behind. Catches memory that goes to somebody else while a processor may still
// write to it, tables that are lost, and an allocation that takes what it can't use.

#include "tests/host/vspace_machine.h"

static void hot_words_are_given_back_when_there_is_more_memory(void **state)
{
    (void)state;
    assert_int_equal(direct_map_size, MEMORY_END);
    assert_int_equal(drained_at, direct_map_size);
    assert_right();
}

// Tables that somebody else has put out of use wait for the next one who gives tables back.
static void failures_lose_no_tables(void **state)
{
    (void)state;
    uintptr_t range;
    unsigned before = fake_pages.in_use;
    table_discard(page_alloc(PAGE_ZERO));
    assert_int_equal(vspace_unmap(vspace.start, PAGE_SIZE), OUT_OF_RANGE);
    assert_int_equal(vspace_protect(vspace.start, PAGE_SIZE, MAP_READ), OUT_OF_RANGE);
    assert_int_equal(vspace_reserve(PAGE_SIZE, PAGE_SIZE, "test", &range), OK);
    vspace_release(range);
    assert_int_equal(fake_pages.in_use, before);
}

static void more_than_there_is_takes_nothing(void **state)
{
    (void)state;
    unsigned before = fake_pages.in_use;
    uint64_t calls = fake_pages.calls;
    assert_null(vspace_alloc(64ull << 30, "test"));
    assert_null(vspace_alloc(MEMORY_END, "test")); // there is a hole
    assert_null(vspace_alloc(SIZE_MAX, "test"));
    assert_null(vspace_stack_create(64ull << 30, "test"));
    assert_int_equal(fake_pages.calls, calls);
    // As much as there is, and nothing left for tables.
    assert_null(vspace_alloc(memory_map_total(&memory, MEMORY_USABLE), "test"));
    assert_int_equal(fake_pages.in_use, before);
    assert_null(vspace_range(0));
    assert_right();
}

// A processor that writes to memory until it is told that it's no longer there to be written.
enum { LATE_PAGES = 40 };

static struct {
    uintptr_t start;
    paddr_t pages[LATE_PAGES];
    unsigned flushes;
} late;

static void write_late(uintptr_t address, size_t size)
{
    struct mapping page;
    if (address > late.start || address + size < late.start + LATE_PAGES * PAGE_SIZE)
        return;
    if (late.flushes++)
        return;
    for (unsigned i = 0; i < LATE_PAGES; i++)
        memset((void *)(direct_map_base + late.pages[i]), 0xee, PAGE_SIZE);
    for (unsigned i = 0; i < LATE_PAGES; i++) // from now on it can't
        assert_false(arch_translate(late.start + i * PAGE_SIZE, &page) && page.rights & MAP_WRITE);
}

static void late_writers_harm_nobody(void **state)
{
    (void)state;
    struct mapping page;
    unsigned before = fake_pages.in_use;
    late.start = (uintptr_t)vspace_alloc(LATE_PAGES * PAGE_SIZE, "test");
    assert_true(late.start);
    for (unsigned i = 0; i < LATE_PAGES; i++) {
        assert_true(vspace_translate(late.start + i * PAGE_SIZE, &page));
        late.pages[i] = page.physical;
    }
    late.flushes = 0;
    before_flush = write_late;
    vspace_free((void *)late.start);
    assert_true(late.flushes);
    assert_int_equal(fake_pages.in_use, before);
    assert_right();
}

static void other_processors_are_told(void **state)
{
    (void)state;
    uintptr_t range;
    paddr_t page = page_alloc(PAGE_ANY);
    assert_int_equal(vspace_reserve(2 * PAGE_SIZE, PAGE_SIZE, "test", &range), OK);
    assert_int_equal(vspace_map(range, page, PAGE_SIZE, MAP_WRITE), OK);
    assert_int_equal(remote_calls, 0); // they can't know of it
    assert_int_equal(vspace_protect(range, PAGE_SIZE, MAP_READ), OK);
    assert_int_equal(remote_calls, 1);
    assert_int_equal(vspace_unmap(range, PAGE_SIZE), OK);
    assert_int_equal(remote_calls, 2);
    assert_int_equal(vspace_map(range, page, PAGE_SIZE, MAP_WRITE), OK);
    vspace_release(range);
    assert_int_equal(remote_calls, 3);
    page_free(page);
}

// However many stacks go, others are interrupted once for writing there, and once for being there.
static void many_stacks_interrupt_twice(void **state)
{
    (void)state;
    void *tops[VSPACE_STACKS_MAX];
    unsigned before = fake_pages.in_use;
    for (unsigned i = 0; i < VSPACE_STACKS_MAX; i++)
        tops[i] = i == 3 ? NULL : vspace_stack_create(4 * PAGE_SIZE, "test");
    remote_calls = 0;
    vspace_stacks_destroy(tops, VSPACE_STACKS_MAX);
    assert_int_equal(remote_calls, 2);
    assert_int_equal(fake_pages.in_use, before);
    assert_null(vspace_range(0));
    assert_right();
}

static struct {
    uintptr_t start[TLB_BATCH_MAX + 1];
    unsigned count;
} flushed;

static void note_flush(uintptr_t address, size_t size)
{
    assert_int_equal(size, PAGE_SIZE);
    if (flushed.count <= TLB_BATCH_MAX)
        flushed.start[flushed.count] = address;
    flushed.count++;
}

static void a_full_batch_loses_nothing(void **state)
{
    (void)state;
    struct tlb_batch batch = {.count = 0};
    flushed.count = 0;
    before_flush = note_flush;
    remote_calls = 0;
    for (unsigned i = 0; i < TLB_BATCH_MAX; i++)
        tlb_batch_add(&batch, (i + 1) * PAGE_SIZE, PAGE_SIZE, 0);
    assert_int_equal(flushed.count, 0);
    tlb_batch_add(&batch, (TLB_BATCH_MAX + 1) * PAGE_SIZE, PAGE_SIZE, 0);
    assert_int_equal(flushed.count, 2 * TLB_BATCH_MAX); // here and there
    for (unsigned i = 0; i < TLB_BATCH_MAX; i++)
        assert_int_equal(flushed.start[i], (i + 1) * PAGE_SIZE);
    tlb_batch_flush(&batch);
    assert_int_equal(flushed.count, 2 * (TLB_BATCH_MAX + 1));
    tlb_batch_flush(&batch); // of nothing
    assert_int_equal(remote_calls, 2);
}

// In a range of 16 TiB: page by page, this would take minutes.
static void what_is_empty_is_passed_over(void **state)
{
    (void)state;
    const size_t size = 16ull << 40;
    uintptr_t range;
    struct mapping page;
    paddr_t memory_page = page_alloc(PAGE_ANY);
    assert_int_equal(vspace_reserve(size, LARGE_PAGE_SIZE, "test", &range), OK);
    assert_int_equal(vspace_protect(range, size, MAP_WRITE), OK);
    assert_false(arch_find_page(range, range + size, &page));
    uintptr_t at = range + size / 2 + 5 * PAGE_SIZE;
    assert_int_equal(vspace_map(at, memory_page, PAGE_SIZE, MAP_READ), OK);
    assert_true(arch_find_page(range, range + size, &page) && page.start == at);
    assert_false(arch_find_page(range, at, &page));
    assert_false(arch_find_page(at + PAGE_SIZE, range + size, &page));
    assert_int_equal(vspace_protect(range, size, MAP_WRITE), OK);
    assert_true(vspace_translate(at, &page) && page.rights == MAP_WRITE);
    assert_right();
    vspace_release(range);
    page_free(memory_page);
}

static void the_check_finds_what_is_missing(void **state)
{
    (void)state;
    static const paddr_t places[] = {0, 0x200000, HOLE_START - PAGE_SIZE, HOLE_END,
                                     MEMORY_END - PAGE_SIZE};
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        uintptr_t at = direct_map_base + places[i];
        struct mapping before;
        assert_true(arch_translate(at, &before));
        assert_int_equal(arch_unmap(at, PAGE_SIZE), OK);
        assert_int_equal(vspace_check(complain), 1);
        assert_non_null(strstr(log_last, "not mapped"));
        assert_int_equal(arch_map(at, places[i], PAGE_SIZE, before.rights), OK);
        assert_right();
    }
    direct_map_size -= LARGE_PAGE_SIZE; // what is there doesn't count
    assert_int_equal(vspace_check(complain), 1);
    assert_non_null(strstr(log_last, "ends below"));
    direct_map_size = MEMORY_END;
}

// Reserved ranges above are common, and no loss.
static void memory_out_of_reach_is_told(void **state)
{
    (void)state;
    const paddr_t far = 1ull << 52, room = kernel_ranges_base - direct_map_base;
    log_forget();
    memory_map_add(&memory, room + far, 16 << 20, MEMORY_RESERVED, UINT64_MAX);
    warn_of_memory_above(&memory, room);
    assert_int_equal(log_lines[LOG_WARN], 0);
    memory_map_add(&memory, room - (8 << 20), 32 << 20, MEMORY_USABLE, UINT64_MAX);
    warn_of_memory_above(&memory, room);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_non_null(strstr(log_last, "24 MiB"));
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hot_words_are_given_back_when_there_is_more_memory),
        TEST(failures_lose_no_tables),
        TEST(more_than_there_is_takes_nothing),
        TEST(late_writers_harm_nobody),
        TEST(other_processors_are_told),
        TEST(many_stacks_interrupt_twice),
        TEST(a_full_batch_loses_nothing),
        TEST(what_is_empty_is_passed_over),
        TEST(the_check_finds_what_is_missing),
        TEST(memory_out_of_reach_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
