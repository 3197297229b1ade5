// Page rights as the tables give them and as the processor heeds them: nothing writable and
// executable, nothing below the hole, guards where stacks end, memory and nothing else in the
// direct map.

#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/stack.h"
#include "arch/x86_64/trap.h"
#include "kernel/boot_info.h"
#include "kernel/test.h"
#include "mm/layout.h"

enum { ENTRIES = 512 };

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
        found->user += (entry & PTE_USER) != 0;
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
    KTEST_CHECK(found.leaves > 100); // the image alone has more
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
        KTEST_EQUAL(arch_probe_read(guard + STACK_TOP - 1, 1, &value), OK);
        KTEST_EQUAL(arch_probe_read(guard + STACK_TOP, 1, &value), FAULT);
        KTEST_CHECK(stack_guard_find(guard + PAGE_SIZE - 1) != NULL);
        KTEST_CHECK(stack_guard_find(guard + PAGE_SIZE) == NULL);
        KTEST_CHECK(stack_guard_find(guard + STACK_TOP) != NULL);
    }
}

static bool is_constant(uintptr_t address)
{
    uint64_t value, after;
    paddr_t physical = kernel_image_phys((const void *)address);
    uintptr_t alias = (uintptr_t)phys_to_virt(physical, 8);
    return arch_probe_read(address, 8, &value) == OK && arch_probe_read(alias, 8, &after) == OK &&
           after == value && arch_probe_write(address, 8, ~value) == FAULT &&
           arch_probe_write(alias, 8, ~value) == FAULT &&
           arch_probe_read(address, 8, &after) == OK && after == value;
}

KTEST(paging, constant_parts_of_the_image_have_no_writable_alias)
{
    static volatile uint64_t word = 1;
    const uintptr_t parts[][2] = {
        {(uintptr_t)kernel_text_start, (uintptr_t)kernel_text_end},
        {(uintptr_t)kernel_rodata_start, (uintptr_t)kernel_rodata_end},
        {(uintptr_t)kernel_symbols_start, (uintptr_t)kernel_symbols_end},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
        KTEST_CHECK(is_constant(parts[i][0]) && is_constant(parts[i][1] - 8));
    paddr_t physical = kernel_image_phys((const void *)&word);
    KTEST_EQUAL(arch_probe_write((uintptr_t)phys_to_virt(physical, 8), 8, 2), OK);
    KTEST_EQUAL(word, 2);
}

static unsigned refused;

// Goes back to the caller of what can't be executed.
static bool return_from_fault(struct trap_frame *frame)
{
    if (frame->rip != read_cr2())
        return false;
    refused++;
    frame->rip = *(const uint64_t *)frame->rsp;
    frame->rsp += 8;
    return true;
}

static unsigned count_refusals(const uint8_t *code)
{
    refused = 0;
    trap_handler *before = trap_set_handler(VECTOR_PF, return_from_fault);
    __asm__ volatile("call *%0" : : "r"(code) : "memory");
    (void)trap_set_handler(VECTOR_PF, before);
    return refused;
}

KTEST(paging, data_is_not_executed)
{
    static uint8_t data[] = {0xc3}; // ret
    static const uint8_t constant[] = {0xc3};
    uint8_t local[] = {0xc3};
    const uint8_t *text =
        (const uint8_t *)(uintptr_t)count_refusals; // finds its own RET in the alias
    while (*text != 0xc3)
        text++;
    KTEST_EQUAL(count_refusals(text), 0);
    KTEST_EQUAL(count_refusals(phys_to_virt(kernel_image_phys(text), 1)), 1);
    KTEST_EQUAL(count_refusals(data), 1);
    KTEST_EQUAL(count_refusals(constant), 1);
    KTEST_EQUAL(count_refusals(local), 1);
}

static bool is_writable(paddr_t address)
{
    uint64_t value;
    uintptr_t direct = (uintptr_t)phys_to_virt(address, 8);
    return direct && arch_probe_read(direct, 8, &value) == OK &&
           arch_probe_write(direct, 8, value) == OK;
}

static bool is_absent(paddr_t address)
{
    uint64_t value;
    uintptr_t direct = direct_map_base + address;
    return arch_probe_read(direct, 8, &value) == FAULT;
}

KTEST(paging, the_direct_map_has_memory_and_nothing_else)
{
    const struct memory_map *map = &boot_info.memory;
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        if (range->start < 0x100000)
            continue;
        if (range->kind == MEMORY_USABLE)
            KTEST_CHECK(is_writable(range->start) && is_writable(range->end - 8));
        if (range->kind == MEMORY_RESERVED || range->kind == MEMORY_FRAMEBUFFER)
            KTEST_CHECK(is_absent(range->start) && is_absent(range->end - 8));
        if (i + 1 < map->count && range->end < range[1].start)
            KTEST_CHECK(is_absent(range->end) && is_absent(range[1].start - 8));
    }
    KTEST_CHECK(is_absent(0xa0000) && is_absent(0xbfff8));
    KTEST_EQUAL(arch_probe_write((uintptr_t)phys_to_virt(0xf0000, 8), 8, 0), FAULT);
    KTEST_CHECK(is_absent(align_up(direct_map_size, PAGE_SIZE)));
}

KTEST(paging, the_processor_guards_what_it_can)
{
    struct cpuid features = cpuid_has(7) ? cpuid(7, 0) : (struct cpuid){0};
    uint64_t cr4 = read_cr4();
    KTEST_EQUAL(!(cr4 & CR4_SMEP), !(features.ebx & 1 << 7));
    KTEST_EQUAL(!(cr4 & CR4_SMAP), !(features.ebx & 1 << 20));
    KTEST_EQUAL(!(cr4 & CR4_UMIP), !(features.ecx & 1 << 2));
    KTEST_CHECK(cr4 & CR4_PGE);
    KTEST_CHECK(rdmsr(MSR_EFER) & EFER_NXE);
    KTEST_CHECK((read_cr3() & PTE_ADDRESS) < 1ull << 32); // 32-bit code starts with it
    KTEST_EQUAL(rdmsr(MSR_PAT) >> 32 & 0xff, PAT_WRITE_COMBINING);
}
