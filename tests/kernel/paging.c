// Page rights as the tables give them: nothing writable and executable, nothing below the hole,
// guards where stacks end.

#include "arch/x86_64/paging.h"
#include "arch/arch.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/stack.h"
#include "kernel/test.h"
#include "mm/layout.h"

enum { ENTRIES = 512, USER = 4 };

// Rights that hold down to a table: writable and executable only as far as every level allows it.
struct rights {
    bool write, execute;
};

struct findings {
    unsigned leaves, writable_code, low_half, user;
};

static struct rights narrow(struct rights above, uint64_t entry)
{
    return (struct rights){above.write && entry & PTE_WRITE, above.execute && !(entry & PTE_NX)};
}

// NOLINTNEXTLINE(misc-no-recursion): four levels
static void walk(paddr_t table, unsigned level, bool low, struct rights rights,
                 struct findings *found)
{
    const uint64_t *entries = phys_to_virt(table, PAGE_SIZE);
    for (unsigned i = 0; entries && i < ENTRIES; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PTE_PRESENT))
            continue;
        struct rights here = narrow(rights, entry);
        found->user += (entry & USER) != 0;
        if (level > 1 && !(entry & PTE_LARGE)) {
            walk(entry & PTE_ADDRESS, level - 1, level == 4 ? i < ENTRIES / 2 : low, here, found);
            continue;
        }
        found->leaves++;
        found->writable_code += here.write && here.execute;
        found->low_half += low;
    }
}

KTEST(paging, nothing_is_writable_and_executable)
{
    struct findings found = {0};
    walk(read_cr3() & PTE_ADDRESS, 4, false, (struct rights){true, true}, &found);
    KTEST_CHECK(found.leaves > BOOT_DIRECT_MAP_SIZE / LARGE_PAGE_SIZE);
    KTEST_EQUAL(found.writable_code, 0);
    KTEST_EQUAL(found.low_half, 0);
    KTEST_EQUAL(found.user, 0);
    KTEST_CHECK(read_cr0() & CR0_WP);
}

KTEST(paging, stacks_end_in_guard_pages)
{
    for (unsigned i = 0; i < BOOT_STACKS; i++) {
        uint64_t value;
        uintptr_t guard = (uintptr_t)boot_stack[i].guard;
        KTEST_EQUAL(arch_probe_read(guard, 1, &value), FAULT);
        KTEST_EQUAL(arch_probe_read(guard + PAGE_SIZE - 1, 1, &value), FAULT);
        KTEST_EQUAL(arch_probe_read(guard + PAGE_SIZE, 1, &value), OK);
        KTEST_CHECK(stack_guard_find(guard + PAGE_SIZE - 1) != NULL);
        KTEST_CHECK(stack_guard_find(guard + PAGE_SIZE) == NULL);
    }
}
