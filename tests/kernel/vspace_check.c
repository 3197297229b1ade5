// The proof that the address space is as it should be, and that it notices what isn't.

#include "arch/x86_64/page_table.h"
#include "arch/x86_64/stack.h"
#include "kernel/test.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/vspace.h"
#include "tests/kernel/complaint.h"

KTEST(vspace, is_as_it_should_be)
{
    unsigned complaints = vspace_check(keep_complaint);
    if (complaints)
        KTEST_FAIL("%u complaints, the last: %s", complaints, complaint);
}

// What the check says of a page that somebody maps there behind its back.
static bool finds(uintptr_t address, paddr_t physical, uint64_t bits, const char *words)
{
    struct place place = page_place(address);
    uint64_t before = *place.entry;
    if (place.level != LEVEL_SMALL)
        return false;
    *place.entry = physical | bits;
    complaint[0] = 0;
    char first[sizeof(complaint)];
    unsigned complaints = vspace_check(keep_complaint);
    memcpy(first, complaint, sizeof(first));
    *place.entry = before;
    arch_tlb_flush(address, PAGE_SIZE);
    if (!complaints || vspace_check(keep_complaint))
        return false;
    for (const char *at = first; *at; at++)
        if (string_starts_with(at, words))
            return true;
    ktest_report(__FILE__, __LINE__, "it says: %s", first);
    return false;
}

KTEST(vspace, the_check_finds_what_is_planted)
{
    const uint64_t read = PTE_PRESENT | PTE_ACCESSED | PTE_NX;
    uintptr_t data = align_up((uintptr_t)kernel_data_start, PAGE_SIZE), start;
    paddr_t page = page_alloc(PAGE_ANY), text = kernel_image_phys(kernel_text_start);
    paddr_t data_phys = kernel_image_phys((const void *)data);
    KTEST_EQUAL(vspace_reserve(2 * PAGE_SIZE, PAGE_SIZE, "test", &start), OK);
    KTEST_EQUAL(vspace_map(start, page, PAGE_SIZE, MAP_WRITE), OK);
    KTEST_CHECK(finds(start, page, (read | PTE_WRITE) & ~PTE_NX, "executable"));
    KTEST_CHECK(finds(start, text, read | PTE_WRITE, "writable alias"));
    KTEST_CHECK(finds(start, page, read & ~PTE_NX, "executable"));
    KTEST_CHECK(finds(start - PAGE_SIZE, page, read, "break the tables' own rules"));
    KTEST_CHECK(finds(data, data_phys, read & ~PTE_NX, "expected"));
    KTEST_CHECK(finds(data, data_phys, read, "expected 1"));
    KTEST_CHECK(finds(data, data_phys + PAGE_SIZE, read | PTE_WRITE, "mapped to"));
    KTEST_CHECK(finds(data, 0, 0, "not mapped"));
    KTEST_CHECK(finds((uintptr_t)boot_stack[0].guard, page, read, "rules"));
    KTEST_CHECK(finds((uintptr_t)kernel_text_start, text, read | PTE_WRITE, "expected 2"));
    vspace_release(start);
    page_free(page);
}
