// Registers and page-table walks in words, for the panic screen.

#include "arch/arch.h"
#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/nmi.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/trap.h"
#include "lib/format.h"
#include "mm/layout.h"

enum {
    ERROR_PRESENT = 1,
    ERROR_WRITE = 2,
    ERROR_USER = 4,
    ERROR_RESERVED = 8,
    ERROR_FETCH = 16, // [SDM3 5.7]
};

static void print_page_fault(const struct trap_frame *frame, arch_printer *print)
{
    uint64_t error = frame->error;
    print("%s of %016lx: %s (error 0x%lx)\n",
          error & ERROR_FETCH   ? "execution"
          : error & ERROR_WRITE ? "write"
                                : "read",
          read_cr2(),
          error & ERROR_RESERVED  ? "reserved bit set in a table"
          : error & ERROR_PRESENT ? "not allowed there"
                                  : "nothing is mapped there",
          error);
}

static void print_error(const struct trap_frame *frame, arch_printer *print)
{
    static const char *const tables[] = {"GDT", "IDT", "LDT", "IDT"};
    uint64_t error = frame->error;
    if (frame->vector == VECTOR_PF)
        print_page_fault(frame, print);
    else if (frame->vector == VECTOR_MC)
        machine_check_print(print);
    else if (frame->vector == VECTOR_NMI)
        nmi_print(frame, print);
    else if (error) // a selector [SDM3 7.13]
        print("error 0x%lx: %s entry 0x%lx%s\n", error, tables[error >> 1 & 3], error >> 3 & 0x1fff,
              error & 1 ? ", by an external event" : "");
    else
        print("vector %lu, error code 0\n", frame->vector);
}

static void print_registers(const struct trap_frame *f, arch_printer *print)
{
    print("rip %016lx  rfl %016lx  cs %04lx ss %04lx\n", f->rip, f->rflags, f->cs, f->ss);
    print("rax %016lx  rbx %016lx  rcx %016lx\n", f->rax, f->rbx, f->rcx);
    print("rdx %016lx  rsi %016lx  rdi %016lx\n", f->rdx, f->rsi, f->rdi);
    print("rbp %016lx  rsp %016lx  r8  %016lx\n", f->rbp, f->rsp, f->r8);
    print("r9  %016lx  r10 %016lx  r11 %016lx\n", f->r9, f->r10, f->r11);
    print("r12 %016lx  r13 %016lx  r14 %016lx\n", f->r12, f->r13, f->r14);
    print("r15 %016lx  ", f->r15);
}

void arch_print_frame(const struct trap_frame *frame, arch_printer *print)
{
    if (frame) {
        print("at  %pS\n", (void *)frame->rip);
        print_error(frame, print);
        print_registers(frame, print);
    }
    print("cr0 %016lx  cr2 %016lx\n", read_cr0(), read_cr2());
    print("cr3 %016lx  cr4 %016lx  efer %lx\n", read_cr3(), read_cr4(), rdmsr(MSR_EFER));
    print("bases: image %lx slide %lx, direct map %lx\n", (uintptr_t)kernel_image_start,
          kernel_slide, direct_map_base);
    if (frame && frame->vector == VECTOR_PF)
        arch_print_walk(read_cr2(), print);
}

void arch_print_walk(uintptr_t address, arch_printer *print)
{
    static const char *const names[] = {"PML4", "PDPT", "PD", "PT"};
    paddr_t table = read_cr3() & PTE_ADDRESS;
    print("walk %016lx:", address);
    for (unsigned level = 0; level < ARRAY_SIZE(names); level++) {
        unsigned shift = 39 - 9 * level;
        uint64_t entry, *entries = phys_to_virt(table, PAGE_SIZE);
        unsigned index = address >> shift & 511;
        if (!entries || arch_probe_read((uintptr_t)&entries[index], 8, &entry) != OK) {
            print(" table at 0x%lx can't be read\n", table);
            return;
        }
        print("%s%s[%u] %lx", level == 2 ? "\n     " : " ", names[level], index, entry);
        if (!(entry & PTE_PRESENT) || entry & PTE_LARGE) {
            print("%s\n", entry & PTE_PRESENT ? "" : " not present");
            return;
        }
        table = entry & PTE_ADDRESS;
    }
    print("\n");
}
