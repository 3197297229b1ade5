// The address space at work: what is mapped is what the processor sees, changes leave the rest
// alone, and failures change nothing.

#include "mm/vspace.h"
#include "arch/x86_64/stack.h"
#include "kernel/boot_info.h"
#include "kernel/test.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/failpoint.h"
#include "monitor/memory_access.h"
#include "tests/kernel/complaint.h"
#include "tests/random.h"

enum { LARGE_PAGES = LARGE_PAGE_SIZE / PAGE_SIZE };

static uint64_t pages_in_use(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.total - stats.free;
}

static bool can_read(uintptr_t address)
{
    uint64_t value;
    return arch_probe_read(address, 8, &value) == OK;
}

// --- What page_alloc() gives ---------------------------------------------------------------------

// The memory that the boot's map doesn't reach is preferred as soon as it's there, and a processor
// mustn't stay with what it has had before.
KTEST(vspace, memory_above_4g_is_used_first)
{
    const paddr_t border = 1ull << 32;
    const struct memory_map *map = &boot_info.memory;
    bool has_more = false;
    for (unsigned i = 0; i < map->count; i++)
        has_more |= map->ranges[i].kind == MEMORY_USABLE && map->ranges[i].end > border;
    if (!has_more)
        KTEST_SKIP("no memory above 4 GiB");
    paddr_t page = page_alloc(PAGE_ANY);
    KTEST_CHECK(page >= border);
    page_free(page);
}

// --- Ranges --------------------------------------------------------------------------------------

KTEST(vspace, ranges_have_guards_and_owners)
{
    uintptr_t start, other;
    bool is_guard;
    KTEST_EQUAL(vspace_reserve(PAGE_SIZE + 1, LARGE_PAGE_SIZE, "test", &start), OK);
    KTEST_EQUAL(vspace_reserve(PAGE_SIZE, PAGE_SIZE, "other", &other), OK);
    KTEST_CHECK(is_aligned(start, LARGE_PAGE_SIZE));
    const struct vspace_range *range = vspace_find(start, &is_guard);
    KTEST_CHECK(range && !is_guard && strcmp(range->name, "test") == 0);
    KTEST_EQUAL(range->end - range->start, 2 * PAGE_SIZE);
    KTEST_CHECK(vspace_find(start - 1, &is_guard) == range && is_guard);
    KTEST_CHECK(vspace_find(range->end + PAGE_SIZE - 1, &is_guard) == range && is_guard);
    KTEST_CHECK(vspace_find(range->end + PAGE_SIZE, &is_guard) != range);
    KTEST_CHECK(vspace_find(start - PAGE_SIZE - 1, &is_guard) != range);
    vspace_release(start);
    KTEST_CHECK(!vspace_find(start, &is_guard));
    KTEST_CHECK(vspace_find(other, &is_guard));
    vspace_release(other);
}

KTEST(vspace, what_makes_no_sense_is_refused)
{
    uintptr_t start;
    paddr_t page = page_alloc(PAGE_ANY), text = kernel_image_phys(kernel_text_start);
    KTEST_EQUAL(vspace_reserve(2 * PAGE_SIZE, PAGE_SIZE, "test", &start), OK);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_WRITE | MAP_EXECUTE), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_UNCACHED | MAP_WRITE_COMBINING),
                BAD_ARGUMENT);
    KTEST_EQUAL(vspace_map(start, text, PAGE_SIZE, MAP_WRITE), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_map(start, page, 3 * PAGE_SIZE, MAP_READ), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map(start - PAGE_SIZE, page, PAGE_SIZE, MAP_READ), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map(start + 2 * PAGE_SIZE, page, PAGE_SIZE, MAP_READ), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map(start, page + 8, PAGE_SIZE, MAP_READ), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map(start, page, 0, MAP_READ), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map(start, arch_physical_limit(), PAGE_SIZE, MAP_READ), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map((uintptr_t)kernel_text_start, page, PAGE_SIZE, MAP_READ), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_unmap((uintptr_t)kernel_text_start, PAGE_SIZE), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_READ), OK);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_READ), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_map(start, page, 2 * PAGE_SIZE, MAP_READ), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_protect(start, PAGE_SIZE, MAP_WRITE | MAP_EXECUTE), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_unmap(start, 2 * PAGE_SIZE), OK);
    KTEST_EQUAL(vspace_map(start, text, PAGE_SIZE, MAP_READ), OK);
    KTEST_EQUAL(vspace_protect(start, PAGE_SIZE, MAP_WRITE), BAD_ARGUMENT);
    vspace_release(start);
    page_free(page);
}

// Memory is writable in the direct map, and text must not be anywhere.
KTEST(vspace, nothing_becomes_executable)
{
    uintptr_t start, top = (uintptr_t)vspace_stack_create(PAGE_SIZE, "test's");
    paddr_t page = page_alloc(PAGE_ANY), text = kernel_image_phys(kernel_text_start);
    KTEST_CHECK(top && page);
    KTEST_EQUAL(vspace_reserve(LARGE_PAGE_SIZE, PAGE_SIZE, "test", &start), OK);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_EXECUTE), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_map(start, text, PAGE_SIZE, MAP_EXECUTE), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_WRITE), OK);
    KTEST_EQUAL(vspace_map(start + PAGE_SIZE, page, PAGE_SIZE, MAP_EXECUTE), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_protect(start, PAGE_SIZE, MAP_EXECUTE), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_protect(top - PAGE_SIZE, PAGE_SIZE, MAP_EXECUTE), BAD_ARGUMENT);
    unsigned complaints = vspace_check(keep_complaint);
    vspace_release(start);
    vspace_stack_destroy((void *)top);
    page_free(page);
    if (complaints)
        KTEST_FAIL("%u complaints, the last: %s", complaints, complaint);
}

// What the direct map caches isn't uncached elsewhere.
KTEST(vspace, memory_has_one_type)
{
    static const unsigned other[] = {MAP_UNCACHED, MAP_UNCACHED | MAP_WRITE, MAP_WRITE_COMBINING};
    uintptr_t start;
    void *mapped;
    paddr_t page = page_alloc(PAGE_ANY);
    KTEST_EQUAL(vspace_reserve(2 * PAGE_SIZE, PAGE_SIZE, "test", &start), OK);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_WRITE), OK);
    for (unsigned i = 0; i < ARRAY_SIZE(other); i++) {
        KTEST_EQUAL(vspace_map(start + PAGE_SIZE, page, PAGE_SIZE, other[i]), BAD_ARGUMENT);
        KTEST_EQUAL(vspace_protect(start, 2 * PAGE_SIZE, other[i]), BAD_ARGUMENT);
    }
    KTEST_EQUAL(vspace_map_mmio(page, 8, MAP_UNCACHED, "test", &mapped), BAD_ARGUMENT);
    KTEST_EQUAL(vspace_map_mmio(0xbfff8, 16, MAP_UNCACHED, "test", &mapped), BAD_ARGUMENT); // ROM
    vspace_release(start);
    page_free(page);
}

// Memory by the direct map, what is beside it by a mapping of its own.
KTEST(vspace, the_monitor_reads_across_the_end_of_memory)
{
    const struct memory_map *map = &boot_info.memory;
    uint8_t bytes[16];
    unsigned tried = 0;
    for (unsigned i = 0; i < map->count; i++) {
        struct memory_place place = {map->ranges[i].end - 8, true};
        if (!vspace_direct(place.address, 8) || vspace_direct(place.address, sizeof(bytes)))
            continue;
        KTEST_EQUAL(memory_read_bytes(&place, 0, bytes, sizeof(bytes)), sizeof(bytes));
        KTEST_CHECK(memcmp(bytes, phys_to_virt(place.address, 8), 8) == 0);
        tried++;
    }
    KTEST_CHECK(tried);
}

// --- Mapping -------------------------------------------------------------------------------------

// Three blocks of addresses over one block of memory, page for page.
enum { FUZZ_PAGES = 3 * LARGE_PAGES, FUZZ_ROUNDS = 1500 };

static struct fuzz {
    uintptr_t start;
    paddr_t block;
    uint8_t state[FUZZ_PAGES]; // 0: absent, else 1 + rights
} fuzz;

static void fuzz_expect(unsigned first, unsigned count, unsigned state)
{
    for (unsigned i = first; i < first + count; i++)
        if (fuzz.state[i] || state == 0)
            fuzz.state[i] = (uint8_t)state;
}

static enum status fuzz_map(unsigned first, unsigned count, unsigned rights)
{
    bool is_free = true;
    for (unsigned i = first; i < first + count; i++)
        is_free &= !fuzz.state[i];
    enum status status =
        vspace_map(fuzz.start + (uintptr_t)first * PAGE_SIZE,
                   fuzz.block + (first % LARGE_PAGES) * PAGE_SIZE, count * PAGE_SIZE, rights);
    for (unsigned i = first; status == OK && i < first + count; i++)
        fuzz.state[i] = (uint8_t)(1 + rights);
    return status == (is_free ? OK : BAD_ARGUMENT) ? OK : FAILED;
}

static enum status fuzz_step(void)
{
    unsigned first = (unsigned)random_below(FUZZ_PAGES), what = (unsigned)random_below(4);
    unsigned left = LARGE_PAGES - first % LARGE_PAGES,
             rights = random_below(2) ? MAP_READ : MAP_WRITE;
    unsigned count = 1 + (unsigned)random_below(random_below(2) ? left : left < 8 ? left : 8);
    if (random_below(6) == 0) {
        first -= first % LARGE_PAGES;
        count = LARGE_PAGES;
    }
    uintptr_t address = fuzz.start + (uintptr_t)first * PAGE_SIZE;
    if (what < 2)
        return fuzz_map(first, count, rights);
    fuzz_expect(first, count, what == 2 ? 0 : 1 + rights);
    return what == 2 ? vspace_unmap(address, count * PAGE_SIZE)
                     : vspace_protect(address, count * PAGE_SIZE, rights);
}

// What the tables say, and what the processor does.
static bool fuzz_page_is_right(unsigned i)
{
    uintptr_t address = fuzz.start + (uintptr_t)i * PAGE_SIZE;
    paddr_t expected = fuzz.block + (i % LARGE_PAGES) * PAGE_SIZE;
    struct mapping page;
    uint64_t value = 0;
    bool is_mapped = vspace_translate(address, &page);
    bool is_readable = arch_probe_read(address, 8, &value) == OK;
    bool is_writable = arch_probe_write(address, 8, i % LARGE_PAGES) == OK;
    if (!fuzz.state[i])
        return !is_mapped && !is_readable && !is_writable;
    unsigned rights = fuzz.state[i] - 1u;
    return is_mapped && page.physical + (address - page.start) == expected &&
           page.rights == rights && is_readable && value == i % LARGE_PAGES &&
           is_writable == ((rights & MAP_WRITE) != 0);
}

static void fuzz_start(void)
{
    random_state = 88172645463325252;
    fuzz.block = page_alloc_run(LARGE_PAGES, PAGE_ANY);
    memset(fuzz.state, 0, sizeof(fuzz.state));
    for (unsigned i = 0; i < LARGE_PAGES; i++)
        *(uint64_t *)phys_to_virt(fuzz.block + i * PAGE_SIZE, 8) = i;
}

KTEST(vspace, random_changes_do_what_a_list_of_pages_does)
{
    uint64_t before = pages_in_use();
    fuzz_start();
    KTEST_CHECK(fuzz.block);
    KTEST_EQUAL(vspace_reserve(FUZZ_PAGES * PAGE_SIZE, LARGE_PAGE_SIZE, "fuzz", &fuzz.start), OK);
    for (unsigned round = 0; round < FUZZ_ROUNDS; round++) {
        KTEST_EQUAL(fuzz_step(), OK);
        for (unsigned i = 0; i < 4; i++)
            KTEST_CHECK(fuzz_page_is_right((unsigned)random_below(FUZZ_PAGES)));
        if (round % 128 != 0)
            continue;
        for (unsigned i = 0; i < FUZZ_PAGES; i++)
            KTEST_CHECK(fuzz_page_is_right(i));
    }
    unsigned complaints = vspace_check(keep_complaint);
    vspace_release(fuzz.start);
    page_free_run(fuzz.block, LARGE_PAGES);
    if (complaints)
        KTEST_FAIL("%u complaints, the last: %s", complaints, complaint);
    KTEST_EQUAL(pages_in_use(), before);
}

KTEST(vspace, large_pages_are_split_and_joined)
{
    uintptr_t start;
    struct mapping page;
    paddr_t block = page_alloc_run(LARGE_PAGES, PAGE_ANY);
    KTEST_CHECK(block);
    KTEST_EQUAL(vspace_reserve(LARGE_PAGE_SIZE, LARGE_PAGE_SIZE, "test", &start), OK);
    KTEST_EQUAL(vspace_map(start, block, LARGE_PAGE_SIZE, MAP_WRITE), OK);
    uint64_t before = pages_in_use();
    KTEST_CHECK(vspace_translate(start, &page) && page.size == LARGE_PAGE_SIZE);
    KTEST_EQUAL(vspace_protect(start + PAGE_SIZE, PAGE_SIZE, MAP_READ), OK);
    KTEST_CHECK(vspace_translate(start, &page) && page.size == PAGE_SIZE);
    KTEST_EQUAL(pages_in_use(), before + 1);
    KTEST_EQUAL(arch_probe_write(start + PAGE_SIZE, 8, 1), FAULT);
    KTEST_EQUAL(arch_probe_write(start, 8, 1), OK);
    KTEST_EQUAL(arch_probe_write(start + 2 * PAGE_SIZE, 8, 1), OK);
    KTEST_EQUAL(vspace_protect(start + PAGE_SIZE, PAGE_SIZE, MAP_WRITE), OK);
    KTEST_CHECK(vspace_translate(start, &page) && page.size == LARGE_PAGE_SIZE);
    KTEST_EQUAL(pages_in_use(), before);
    vspace_release(start);
    page_free_run(block, LARGE_PAGES);
}

// A page that is unmapped and mapped anew shows the new memory at once.
KTEST(vspace, what_was_mapped_is_forgotten)
{
    enum { PAGES = 40 }; // more than are forgotten one by one
    uintptr_t start;
    paddr_t first = page_alloc_run(2 * PAGES, PAGE_ANY);
    KTEST_CHECK(first);
    for (unsigned i = 0; i < 2 * PAGES; i++)
        *(uint64_t *)phys_to_virt(first + i * PAGE_SIZE, 8) = i;
    KTEST_EQUAL(vspace_reserve((PAGES + 1) * PAGE_SIZE, PAGE_SIZE, "test", &start), OK);
    // The table stays in use: the quick way is open.
    KTEST_EQUAL(vspace_map(start + PAGES * PAGE_SIZE, first, PAGE_SIZE, MAP_READ), OK);
    for (unsigned count = 1; count <= PAGES; count += PAGES - 1) {
        size_t size = count * PAGE_SIZE;
        for (unsigned turn = 0; turn < 2; turn++) {
            KTEST_EQUAL(vspace_map(start, first + turn * size, size, MAP_WRITE), OK);
            for (unsigned i = 0; i < count; i++)
                KTEST_EQUAL(*(volatile uint64_t *)(start + i * PAGE_SIZE), turn * count + i);
            KTEST_EQUAL(vspace_protect(start, size, MAP_READ), OK);
            KTEST_EQUAL(arch_probe_write(start + size - 8, 8, 0), FAULT);
            KTEST_CHECK(can_read(start) && can_read(start + size - PAGE_SIZE));
            KTEST_EQUAL(vspace_unmap(start, size), OK);
            KTEST_CHECK(!can_read(start) && !can_read(start + size - PAGE_SIZE));
        }
    }
    vspace_release(start);
    page_free_run(first, 2 * PAGES);
}

// --- Memory, stacks, devices ---------------------------------------------------------------------

KTEST(vspace, memory_is_guarded_and_given_back)
{
    enum { SIZE = 5 * PAGE_SIZE };
    uint64_t before = pages_in_use();
    uint8_t *memory = vspace_alloc(SIZE, "test");
    KTEST_CHECK(memory);
    memset(memory, 0x5a, SIZE);
    KTEST_EQUAL(memory[SIZE - 1], 0x5a);
    KTEST_CHECK(!can_read((uintptr_t)memory - 8) && !can_read((uintptr_t)memory + SIZE));
    vspace_free(memory);
    KTEST_CHECK(!can_read((uintptr_t)memory));
    KTEST_EQUAL(pages_in_use(), before);
    vspace_free(NULL);
}

KTEST(vspace, stacks_are_guarded_on_both_sides)
{
    enum { SIZE = 4 * PAGE_SIZE };
    uint64_t before = pages_in_use();
    uintptr_t top = (uintptr_t)vspace_stack_create(SIZE, "test's");
    KTEST_CHECK(top && is_aligned(top, 16));
    KTEST_CHECK(can_read(top - 8) && can_read(top - SIZE));
    KTEST_CHECK(!can_read(top) && !can_read(top - SIZE - 8));
    KTEST_EQUAL(arch_probe_write(top - SIZE, 8, 1), OK);
    KTEST_CHECK(strcmp(stack_guard_find(top), "test's") == 0);
    KTEST_CHECK(strcmp(stack_guard_find(top - SIZE - 1), "test's") == 0);
    KTEST_CHECK(!stack_guard_find(top - 1));
    vspace_stack_destroy((void *)top);
    KTEST_CHECK(!stack_guard_find(top));
    KTEST_EQUAL(pages_in_use(), before);
}

KTEST(vspace, devices_are_mapped_and_given_back)
{
    enum { APIC_BASE = 0xfee00000, VGA = 0xb8000 };
    void *mapped, *large;
    const void *table;
    struct mapping page;
    uint64_t before = pages_in_use();
    KTEST_EQUAL(vspace_map_mmio(VGA + 10, 8, MAP_UNCACHED, "test", &mapped), OK);
    KTEST_CHECK(vspace_translate((uintptr_t)mapped, &page));
    KTEST_EQUAL(page.physical + ((uintptr_t)mapped - page.start), VGA + 10);
    KTEST_EQUAL(page.rights, MAP_WRITE | MAP_UNCACHED);
    // A large window, somewhere in the middle of a large page.
    KTEST_EQUAL(vspace_map_mmio(APIC_BASE + PAGE_SIZE, 3 * LARGE_PAGE_SIZE, MAP_WRITE_COMBINING,
                                "test", &large),
                OK);
    uintptr_t aligned = align_up((uintptr_t)large, LARGE_PAGE_SIZE);
    KTEST_CHECK(vspace_translate(aligned, &page) && page.size == LARGE_PAGE_SIZE);
    KTEST_EQUAL(page.physical, align_up(APIC_BASE + PAGE_SIZE, LARGE_PAGE_SIZE));
    KTEST_EQUAL(page.rights, MAP_WRITE | MAP_WRITE_COMBINING);
    vspace_unmap_physical(mapped);
    vspace_unmap_physical(large);
    KTEST_CHECK(!vspace_translate((uintptr_t)mapped, &page));
    KTEST_EQUAL(vspace_map_firmware(0xf0000, 64, "test", &table), OK);
    KTEST_CHECK(table == phys_to_virt(0xf0000, 64));
    KTEST_EQUAL(vspace_map_firmware(APIC_BASE + 0x30, 4, "test", &table), OK);
    KTEST_CHECK(vspace_translate((uintptr_t)table, &page) && page.rights == MAP_READ);
    vspace_unmap_physical(table);
    KTEST_EQUAL(pages_in_use(), before);
}

KTEST(vspace, impossible_devices_are_refused)
{
    void *mapped;
    paddr_t limit = arch_physical_limit();
    KTEST_EQUAL(vspace_map_mmio(limit - 8, 16, MAP_UNCACHED, "test", &mapped), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map_mmio(UINT64_MAX, 8, MAP_UNCACHED, "test", &mapped), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map_mmio(0xb8000, 0, MAP_UNCACHED, "test", &mapped), OUT_OF_RANGE);
    KTEST_EQUAL(vspace_map_mmio(0xb8000, 8, MAP_READ, "test", &mapped), BAD_ARGUMENT);
    KTEST_EQUAL(
        vspace_map_mmio(kernel_image_phys(kernel_text_start), 8, MAP_UNCACHED, "test", &mapped),
        BAD_ARGUMENT); // a serial port may be said to be anywhere
    KTEST_EQUAL(vspace_map_mmio(limit - 8, 8, MAP_UNCACHED, "test", &mapped), OK);
    vspace_unmap_physical(mapped);
}

// --- Without memory ------------------------------------------------------------------------------

// Something that takes pages, and undoes all of it.
typedef enum status attempt(void);

static uintptr_t held; // three large pages' worth of addresses, the middle one mapped large
static paddr_t held_block;

static enum status attempt_map(void)
{
    enum status status =
        vspace_map(held + LARGE_PAGE_SIZE - PAGE_SIZE, held_block, PAGE_SIZE, MAP_READ);
    return status == OK ? vspace_unmap(held + LARGE_PAGE_SIZE - PAGE_SIZE, PAGE_SIZE) : status;
}

static enum status attempt_split(void)
{
    uintptr_t start = held + LARGE_PAGE_SIZE + PAGE_SIZE;
    enum status status = vspace_protect(start, PAGE_SIZE, MAP_READ);
    return status == OK ? vspace_protect(start, PAGE_SIZE, MAP_WRITE) : status;
}

static enum status attempt_alloc(void)
{
    void *memory = vspace_alloc(4 * PAGE_SIZE, "test");
    vspace_free(memory);
    return memory ? OK : NO_MEMORY;
}

static enum status attempt_stack(void)
{
    void *stack = vspace_stack_create(4 * PAGE_SIZE, "test");
    vspace_stack_destroy(stack);
    return stack ? OK : NO_MEMORY;
}

static enum status attempt_mmio(void)
{
    void *mapped = NULL;
    enum status status =
        vspace_map_mmio(0xfee01000, 2 * LARGE_PAGE_SIZE, MAP_UNCACHED, "test", &mapped);
    if (status == OK)
        vspace_unmap_physical(mapped);
    return status;
}

// Each of the pages in turn isn't there. Returns how many failures there were; 0: something was
// changed or lost.
static unsigned fail_everywhere(attempt *try)
{
    struct mapping page;
    for (unsigned nth = 1; nth < 100; nth++) {
        uint64_t before = pages_in_use();
        failpoint_set(FAILPOINT_PAGE, nth);
        enum status status = try();
        bool is_over = failpoint_get(FAILPOINT_PAGE) != 0;
        failpoint_set(FAILPOINT_PAGE, 0);
        if (pages_in_use() != before || status != (is_over ? OK : NO_MEMORY) ||
            !vspace_translate(held + LARGE_PAGE_SIZE, &page) || page.size != LARGE_PAGE_SIZE ||
            page.rights != MAP_WRITE)
            return 0;
        if (is_over)
            return nth - 1;
    }
    return 0;
}

KTEST(vspace, without_memory_nothing_is_changed)
{
    static attempt *const attempts[] = {attempt_map, attempt_split, attempt_alloc, attempt_stack,
                                        attempt_mmio};
    held_block = page_alloc_run(LARGE_PAGES, PAGE_ANY);
    KTEST_CHECK(held_block);
    KTEST_EQUAL(vspace_reserve(3 * LARGE_PAGE_SIZE, LARGE_PAGE_SIZE, "test", &held), OK);
    KTEST_EQUAL(vspace_map(held + LARGE_PAGE_SIZE, held_block, LARGE_PAGE_SIZE, MAP_WRITE), OK);
    for (unsigned i = 0; i < ARRAY_SIZE(attempts); i++)
        if (!fail_everywhere(attempts[i]))
            KTEST_FAIL("attempt %u", i);
    unsigned complaints = vspace_check(keep_complaint);
    vspace_release(held);
    page_free_run(held_block, LARGE_PAGES);
    if (complaints)
        KTEST_FAIL("%u complaints, the last: %s", complaints, complaint);
}
