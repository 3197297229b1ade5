// How every other processor comes in: from real mode, by the same door as the boot processor.
//
// The code between ap_trampoline and its end is copied to a page below 1 MiB; what follows it there
// is filled by smp.c. Any number of processors run it at the same time: what they write, they all
// write alike.

#include "arch/x86_64/boot32.h"
#include "arch/x86_64/registers.h"
#include "gen/asm_offsets.h"

#define IN_PAGE(label) ((label) - ap_trampoline)

        .section .rodata.boot, "a"
        .globl  ap_trampoline, ap_trampoline_data, ap_trampoline_end
        .code16
        .balign 16
ap_trampoline:                                  // CS is the page, IP is 0
        cli
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        movl    IN_PAGE(ap_trampoline_data) + AP_DATA_SLIDE, %ebp
        movl    IN_PAGE(ap_trampoline_data) + AP_DATA_STACK, %esp
        lgdtl   IN_PAGE(ap_trampoline_data) + AP_DATA_GDT
        movl    %cr0, %eax
        orb     $CR0_PE, %al
        movl    %eax, %cr0
        ljmpl   *(IN_PAGE(ap_trampoline_data) + AP_DATA_ENTRY)
        .balign 8
ap_trampoline_data:                             // struct ap_data
        .skip   AP_DATA_SIZE
ap_trampoline_end:

        .section .text.boot, "ax"
        .code32
// In:  EBP slide, ESP a stack in the trampoline's page. Paging off.
        .globl  ap_start32
ap_start32:
        movl    $SELECTOR_DATA, %eax
        movl    %eax, %ss
        movl    %eax, %ds
        movl    %eax, %es
        movl    AT(ap_tables), %eax
        movl    $PHYS(ap_high_half), %ebx
        jmp     enter_long_mode

// Finds out who it is, and takes what has been made ready for it; halts for good where there is
// nothing, or it is no longer waited for.
        .code64
ap_high_half:
        movl    ap_id_leaf, %eax
        xorl    %ecx, %ecx
        cpuid
        cmpl    $1, ap_id_leaf
        jne     1f
        movl    %ebx, %edx                      // leaf 1: EBX[31:24]; others: EDX
        shrl    $24, %edx
1:      movq    aps, %rsi
        movl    ap_count, %ecx
2:      cmpl    %edx, AP_ID(%rsi)
        je      3f
        addq    $AP_SIZE, %rsi
        decl    %ecx
        jnz     2b
        jmp     halt
3:      movl    $AP_STATE_AWAITED, %eax
        movl    $AP_STATE_ARRIVED, %ecx
        lock cmpxchgl %ecx, AP_STATE(%rsi)
        jne     halt

        movq    AP_STACK(%rsi), %rsp
        movq    AP_CPU(%rsi), %rax
        movq    %rax, %rdx
        shrq    $32, %rdx
        movl    $MSR_GS_BASE, %ecx
        wrmsr
        xorl    %ebp, %ebp                      // the end of every backtrace
        pushq   $0
        jmp     ap_main

halt:   cli
        hlt
        jmp     halt

        .section .note.GNU-stack, "", @progbits
