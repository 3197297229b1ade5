// The GDT and the task-state segment [SDM3 3.4.5, 8.7].

#include "arch/x86_64/gdt.h"
#include "arch/x86_64/registers.h"
#include "kernel/percpu.h"
#include "lib/compiler.h"

static void fill_gdt(struct arch_percpu *arch)
{
    enum { AVAILABLE_TSS = 0x89 };
    uint64_t base = (uintptr_t)&arch->tss, limit = sizeof(arch->tss) - 1;
    arch->gdt[SELECTOR_CODE64 / 8] = DESCRIPTOR_CODE64;
    arch->gdt[SELECTOR_DATA / 8] = DESCRIPTOR_DATA;
    arch->gdt[SELECTOR_TSS / 8] = limit | field_get(BITS(23, 0), base) << 16 |
                                  (uint64_t)AVAILABLE_TSS << 40 |
                                  field_get(BITS(31, 24), base) << 56;
    arch->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

void gdt_fill(struct percpu *cpu, const uintptr_t tops[IST_COUNT])
{
    struct tss *tss = &cpu->arch.tss;
    for (unsigned ist = IST_NONE + 1; ist < IST_COUNT; ist++)
        tss->ist[ist - 1] = tops[ist];
    tss->io_map_base = sizeof(*tss); // no I/O bitmap
    fill_gdt(&cpu->arch);
}

void gdt_load(void)
{
    struct percpu *cpu = this_cpu();
    struct {
        uint16_t limit;
        uint64_t base;
    } packed pointer = {sizeof(cpu->arch.gdt) - 1, (uintptr_t)cpu->arch.gdt};
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
