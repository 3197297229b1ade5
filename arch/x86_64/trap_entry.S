// Entry and exit of all 256 vectors: exceptions go to trap_dispatch(), the others, which are many
// and have to be quick, to interrupt_dispatch().
//
// The processor aligns the stack and pushes SS, RSP, RFLAGS, CS and RIP, and an error code for some
// vectors. The stub adds 0 for the others and the vector, trap_common the registers:
//
//   high  ss rsp rflags cs rip | error vector | rax rcx rdx rbx rbp rsi rdi r8 ... r15  low
//
// which is struct trap_frame, and a multiple of 16 bytes.

#include "arch/x86_64/registers.h"
#include "gen/asm_offsets.h"

#define PUSHES_ERROR_CODE(v)                                                                       \
    ((v) == VECTOR_DF || ((v) >= VECTOR_TS && (v) <= VECTOR_PF) || (v) == VECTOR_AC ||             \
     (v) == VECTOR_CP || (v) == VECTOR_VC || (v) == VECTOR_SX)

        .macro  push_registers
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rbx
        pushq   %rbp
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        .endm

        .macro  pop_registers
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rbp
        popq    %rbx
        popq    %rdx
        popq    %rcx
        popq    %rax
        .endm

        .text
        .globl  trap_stubs, trap_dispatched, interrupt_dispatched
        .balign 16
trap_stubs:                                     // 16 bytes each
        .set    vector, 0
        .rept   256
        .balign 16
        .if !PUSHES_ERROR_CODE(vector)
        pushq   $0
        .endif
        pushq   $vector
        .if vector < VECTOR_EXCEPTIONS
        jmp     trap_common
        .else
        jmp     interrupt_common
        .endif
        .set    vector, vector + 1
        .endr

trap_common:
        push_registers
        cld
        movq    %rsp, %rdi
        call    trap_dispatch                   // true: resume without IRET
trap_dispatched:
        testb   %al, %al
        jnz     resume_without_iret
        pop_registers
        addq    $16, %rsp                       // vector, error
        iretq

interrupt_common:
        push_registers
        cld
        movq    %rsp, %rdi
        call    interrupt_dispatch
interrupt_dispatched:
        pop_registers
        addq    $16, %rsp                       // vector, error
        iretq

// Puts RFLAGS and RIP onto the interrupted stack and returns there with POPF and RET. The two words
// may overlap the frame's own SS and RSP, so the new stack pointer is kept in the RIP slot.
resume_without_iret:
        movq    FRAME_RSP(%rsp), %rdi
        movq    FRAME_RIP(%rsp), %rsi
        movq    FRAME_RFLAGS(%rsp), %rdx
        subq    $16, %rdi
        movq    %rdi, FRAME_RIP(%rsp)
        movq    %rdx, (%rdi)
        movq    %rsi, 8(%rdi)
        pop_registers
        movq    (FRAME_RIP - FRAME_VECTOR)(%rsp), %rsp
        popfq
        ret

        .section .note.GNU-stack, "", @progbits
