// The GDT and the task-state segment [SDM3 3.4.5, 8.7].

#include "arch/x86_64/gdt.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/stack.h"
#include "lib/compiler.h"

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; // IST 1 is ist[0]
    uint64_t reserved2;
    uint16_t reserved3, io_map_base;
} packed;

_Static_assert(sizeof(struct tss) == 104, "[SDM3 8.7]");

static struct tss tss;
static uint64_t gdt[5] = {
    [SELECTOR_CODE64 / 8] = DESCRIPTOR_CODE64,
    [SELECTOR_DATA / 8] = DESCRIPTOR_DATA,
};

static uint64_t stack_top(enum boot_stack_name name)
{
    return (uintptr_t)&boot_stack[name] + STACK_TOP;
}

static void fill_tss(void)
{
    enum { AVAILABLE_TSS = 0x89 };
    uint64_t base = (uintptr_t)&tss, limit = sizeof(tss) - 1;
    tss.ist[IST_DF - 1] = stack_top(BOOT_STACK_DF);
    tss.ist[IST_NMI - 1] = stack_top(BOOT_STACK_NMI);
    tss.ist[IST_MC - 1] = stack_top(BOOT_STACK_MC);
    tss.io_map_base = sizeof(tss); // no I/O bitmap
    gdt[SELECTOR_TSS / 8] = limit | field_get(BITS(23, 0), base) << 16 |
                            (uint64_t)AVAILABLE_TSS << 40 | field_get(BITS(31, 24), base) << 56;
    gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

void gdt_init(void)
{
    fill_tss();
    struct {
        uint16_t limit;
        uint64_t base;
    } packed pointer = {sizeof(gdt) - 1, (uintptr_t)gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t" // the same selectors, from the new table
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %2, %%ss\n\t"
                     "movl %2, %%ds\n\t"
                     "movl %2, %%es\n\t"
                     "ltr %w3"
                     :
                     : "m"(pointer), "i"(SELECTOR_CODE64), "r"(SELECTOR_DATA), "r"(SELECTOR_TSS)
                     : "rax", "memory");
}
