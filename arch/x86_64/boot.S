// The way in: from a loader's 32-bit protected mode to kmain() in long mode and the high half.
//
// Nothing here depends on where the loader has put the image: the code learns its slide by call/pop
// and reaches everything through it. Tables are filled, never patched: absolute addresses in them
// would defeat relocation. Even the first tables map nothing both writable and executable.

#include "arch/x86_64/boot32.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/stack.h"
#include "gen/asm_offsets.h"
#include "kernel/loader_magic.h"
#include "mm/layout.h"

#define SCRATCH 0x7bfc // conventional memory on every PC

// The Multiboot2 header [MB2 3.1]. Every request is optional: the kernel starts on any subset of
// the answers.

        .section .multiboot2, "a"
        .balign 8
mb2_header:
        .long MULTIBOOT2_HEADER_MAGIC
        .long 0                                 // i386, protected mode
        .long mb2_header_end - mb2_header
        .long -(MULTIBOOT2_HEADER_MAGIC + (mb2_header_end - mb2_header))

        .macro mb2_tag type
        .balign 8
mb2_tag_\type:
        .short \type
        .short 1                                // optional
        .long mb2_tag_\type\()_end - mb2_tag_\type
        .endm

        mb2_tag 1                               // information request
        .long 1, 2, 3, 4, 6, 8, 9, 11, 12, 13, 14, 15, 17, 19, 20, 21
mb2_tag_1_end:
        mb2_tag 4                               // console flags: EGA text is understood
        .long 2
mb2_tag_4_end:
        mb2_tag 5                               // framebuffer of any size, 32 bits preferred
        .long 0, 0, 32
mb2_tag_5_end:
        mb2_tag 6                               // modules on page boundaries
mb2_tag_6_end:
        mb2_tag 10                              // relocatable: above 2 MiB, by 2 MiB, lowest first
        .long KERNEL_LINK, 0xffffffff, LARGE_PAGE_SIZE, 1
mb2_tag_10_end:
        .balign 8
        .short 0, 0                             // end
        .long 8
mb2_header_end:

// The PVH note: where `qemu -kernel` enters.

        .section .note.Xen, "a", @note
        .balign 4
        .long 4, 4, 18                          // name size, value size, XEN_ELFNOTE_PHYS32_ENTRY
        .asciz "Xen"
        .long PHYS(pvh_entry)

        .section .text.boot, "ax"
        .code32

// In:  EBX physical address of the start information. Flat segments, paging off.
        .globl pvh_entry
pvh_entry:
        movl    $PVH_MAGIC, %eax
        // fall through

// In:  EAX magic, EBX physical address of the information. Flat segments, paging off, no stack.
// Keeps throughout: EDI magic, ESI information, EBP slide.
        .globl multiboot2_entry
multiboot2_entry:
        cli
        cld
        movl    %eax, %edi
        movl    %ebx, %esi

        movl    SCRATCH, %edx                   // borrow four bytes for call/pop
        movl    $(SCRATCH + 4), %esp
        call    1f
1:      popl    %ebp
        subl    $PHYS(1b), %ebp
        movl    %edx, SCRATCH

        leal    AT(boot_stack + STACK_TOP), %esp
        movl    %ebp, AT(kernel_slide)

        leal    AT(message_loader), %ebx
        cmpl    $MULTIBOOT2_MAGIC, %edi
        je      1f
        cmpl    $PVH_MAGIC, %edi
        jne     refuse
1:      call    check_processor
        call    fill_tables
        call    load_boot_gdt
        leal    AT(boot_pml4), %eax
        movl    $PHYS(high_half), %ebx
        jmp     enter_long_mode

// Returns if the processor can run the kernel; otherwise ends in refuse.
check_processor:
        leal    AT(message_cpuid), %ebx
        pushfl
        popl    %eax
        movl    %eax, %ecx
        xorl    $RFLAGS_ID, %eax
        pushl   %eax
        popfl
        pushfl
        popl    %eax
        cmpl    %eax, %ecx
        je      refuse

        movl    $1, %eax
        cpuid
        leal    AT(message_pae), %ebx
        testl   $CPUID_1_EDX_PAE, %edx
        jz      refuse

        movl    $0x80000000, %eax
        cpuid
        leal    AT(message_long_mode), %ebx
        cmpl    $0x80000001, %eax
        jb      refuse
        movl    $0x80000001, %eax
        cpuid
        leal    AT(message_long_mode), %ebx
        testl   $CPUID_80000001_EDX_LM, %edx
        jz      refuse
        leal    AT(message_nx), %ebx
        testl   $CPUID_80000001_EDX_NX, %edx
        jz      refuse
        ret

// The first page tables:
//
//   boot_pml4[0]   ─┐ read and execute only; gone once the high half is reached
//   boot_pml4[256] ─┴─ boot_pdpt_low[0..3] ── boot_pd_low: 4 GiB in pages of 2 MiB, no execute
//   boot_pml4[511] ─── boot_pdpt_high[510] ── boot_pd_high[1..2] ── boot_pt: the image's pages
fill_tables:
        leal    AT(boot_pd_low), %ebx
        movl    $(PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_LARGE), %eax
        movl    $(BOOT_DIRECT_MAP_SIZE / LARGE_PAGE_SIZE), %ecx
1:      movl    %eax, (%ebx)
        addl    $LARGE_PAGE_SIZE, %eax
        addl    $8, %ebx
        decl    %ecx
        jnz     1b

        leal    AT(image_parts), %ebx
2:      movl    (%ebx), %eax                    // first page, as linked
        leal    -KERNEL_LINK(%eax), %ecx
        shrl    $(PAGE_SHIFT - 3), %ecx         // its entry's offset
        leal    AT(boot_pt), %edx
        addl    %edx, %ecx
        movl    12(%ebx), %edx                  // upper half of the entries
3:      cmpl    4(%ebx), %eax
        jae     4f
        pushl   %eax
        addl    %ebp, %eax
        orl     8(%ebx), %eax                   // lower half: rights
        movl    %eax, (%ecx)
        movl    %edx, 4(%ecx)
        popl    %eax
        addl    $PAGE_SIZE, %eax
        addl    $8, %ecx
        jmp     3b
4:      addl    $16, %ebx
        leal    AT(image_parts_end), %eax
        cmpl    %eax, %ebx
        jb      2b

        leal    AT(table_links), %ebx
5:      movl    (%ebx), %ecx
        movl    4(%ebx), %eax
        addl    %ebp, %ecx
        addl    %ebp, %eax
        movl    %eax, (%ecx)
        movl    8(%ebx), %eax
        movl    %eax, 4(%ecx)
        addl    $12, %ebx
        leal    AT(table_links_end), %eax
        cmpl    %eax, %ebx
        jb      5b
        ret

// From 32-bit protected mode to the high half: for every processor.
// In:  EAX physical address of the top page table, which also maps this code, the boot's GDT and
//      the stack, at least to be read; EBX where to go on, less KERNEL_BASE; the boot's GDT loaded;
//      EBP slide; a stack, written before paging and read once after it. EDI and ESI are kept.
        .globl  enter_long_mode
enter_long_mode:
        movl    $CR4_KERNEL, %ecx
        movl    %ecx, %cr4
        movl    %eax, %cr3
        movl    $MSR_EFER, %ecx
        movl    $EFER_KERNEL, %eax
        xorl    %edx, %edx
        wrmsr
        leal    AT(long_mode), %eax
        pushl   $SELECTOR_CODE64
        pushl   %eax
        movl    $CR0_KERNEL, %eax
        movl    %eax, %cr0
        lret

// Changes EAX.
        .globl  load_boot_gdt
load_boot_gdt:
        leal    AT(boot_gdt), %eax
        subl    $8, %esp
        movw    $(boot_gdt_end - boot_gdt - 1), (%esp)
        movl    %eax, 2(%esp)
        lgdt    (%esp)
        addl    $8, %esp
        ret

        .code64
long_mode:                                      // identity-mapped, still low
        movl    $SELECTOR_DATA, %eax
        movl    %eax, %ss
        movl    %eax, %ds
        movl    %eax, %es
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %ebx, %ebx                      // the upper half is undefined so far
        movq    $KERNEL_BASE, %rax
        addq    %rbx, %rax
        jmp     *%rax
        .globl  enter_long_mode_end
enter_long_mode_end:

high_half:                                      // the boot processor's
        movq    $(boot_stack + STACK_TOP), %rsp

        rdtsc                                   // a canary: unlike at every start, its lowest
        shlq    $32, %rdx                       // byte 0 so that no string can hold it
        xorq    %rdx, %rax
        movabsq $0x9e3779b97f4a7c15, %rdx
        imulq   %rdx, %rax
        xorb    %al, %al
        movq    %rax, boot_percpu + PERCPU_CANARY
        movq    $boot_percpu, %rax
        movq    %rax, boot_percpu + PERCPU_SELF
        movq    %rax, %rdx
        shrq    $32, %rdx
        movl    $MSR_GS_BASE, %ecx
        wrmsr

        movq    $0, boot_pml4                   // the identity map is gone
        movq    %cr3, %rax
        movq    %rax, %cr3

        xorl    %ebp, %ebp                      // the end of every backtrace
        pushq   $0
        movl    %edi, %edi                      // the arguments, extended from 32 bits
        movl    %esi, %esi
        jmp     kmain

        .section .rodata.boot, "a"
        .balign 64                              // in one page
        .globl  boot_gdt, boot_gdt_end
boot_gdt:                                       // as the selectors count
        .quad 0
        .quad DESCRIPTOR_CODE64, DESCRIPTOR_DATA, DESCRIPTOR_CODE16, DESCRIPTOR_DATA16
        .quad DESCRIPTOR_CODE32
boot_gdt_end:

// Parts of the image: first address and end, as linked; rights, lower and upper half of an entry.
        .balign 4
#define READ  (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL)
#define WRITE (READ | PTE_WRITE | PTE_DIRTY)
image_parts:
        .long PHYS(kernel_text_start), PHYS(kernel_text_end), READ, 0
        .long PHYS(kernel_rodata_start), PHYS(kernel_rodata_end), READ, PTE_NX_HIGH
        .long PHYS(kernel_data_start), PHYS(kernel_data_end), WRITE, PTE_NX_HIGH
        .long PHYS(kernel_symbols_start), PHYS(kernel_symbols_end), READ, PTE_NX_HIGH
image_parts_end:

// Links between tables: where the entry stands, the table it names with its rights, the upper half.
#define TABLE (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)
table_links:
        .long PHYS(boot_pml4), PHYS(boot_pdpt_low) + PTE_PRESENT + PTE_ACCESSED, 0
        .long PHYS(boot_pml4) + DIRECT_MAP_SLOT * 8, PHYS(boot_pdpt_low) + TABLE, PTE_NX_HIGH
        .long PHYS(boot_pml4) + KERNEL_SLOT * 8, PHYS(boot_pdpt_high) + TABLE, 0
        .long PHYS(boot_pdpt_low) + 0 * 8, PHYS(boot_pd_low) + 0 * PAGE_SIZE + TABLE, 0
        .long PHYS(boot_pdpt_low) + 1 * 8, PHYS(boot_pd_low) + 1 * PAGE_SIZE + TABLE, 0
        .long PHYS(boot_pdpt_low) + 2 * 8, PHYS(boot_pd_low) + 2 * PAGE_SIZE + TABLE, 0
        .long PHYS(boot_pdpt_low) + 3 * 8, PHYS(boot_pd_low) + 3 * PAGE_SIZE + TABLE, 0
        .long PHYS(boot_pdpt_high) + KERNEL_PDPT_SLOT * 8, PHYS(boot_pd_high) + TABLE, 0
        .long PHYS(boot_pd_high) + 1 * 8, PHYS(boot_pt) + TABLE, 0
        .long PHYS(boot_pd_high) + 2 * 8, PHYS(boot_pt) + PAGE_SIZE + TABLE, 0
table_links_end:

message_loader:
        .asciz "Keelson: not started by a Multiboot2 or PVH loader: unknown magic number.\r\n"
message_cpuid:
        .asciz "Keelson: this processor has no CPUID instruction; an x86-64 one is needed.\r\n"
message_pae:
        .asciz "Keelson: this processor has no PAE; an x86-64 one is needed.\r\n"
message_long_mode:
        .asciz "Keelson: this processor has no long mode (x86-64), which is needed.\r\n"
message_nx:
        .asciz "Keelson: this processor has no NX bit, or the firmware has switched it off.\r\n"

        .section .bss.page_tables, "aw", @nobits
        .balign PAGE_SIZE
        .globl  boot_pml4, boot_pt, boot_pd_low, boot_pdpt_low
boot_pml4:      .skip PAGE_SIZE
boot_pdpt_low:  .skip PAGE_SIZE
boot_pd_low:    .skip 4 * PAGE_SIZE
boot_pdpt_high: .skip PAGE_SIZE
boot_pd_high:   .skip PAGE_SIZE
boot_pt:        .skip 2 * PAGE_SIZE

        .section .note.GNU-stack, "", @progbits
