// Code for tests/kernel/trap.c that C can't express: software interrupts with any number, and traps
// with every register set.

        .text
        .globl  test_int_stubs                  // 4 bytes each: INT n, RET
        .balign 16
test_int_stubs:
        .set    vector, 0
        .rept   256
        .byte   0xcd, vector
        ret
        nop
        .set    vector, vector + 1
        .endr

// bool test_registers_survive(uintptr_t misalignment, uintptr_t fault_address)
// In:  RDI 0 or 8, taken off the stack pointer; RSI an address that faults, or 0 for INT 0x80
// Out: EAX 1 where every register and the arithmetic flags are as before
        .globl  test_registers_survive
test_registers_survive:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, %rbx                      // kept in RBX throughout
        subq    %rdi, %rsp
        movq    %rsi, %r9
        movq    %rsp, %rbp
        movl    $0x1111, %eax
        movl    $0x2222, %ecx
        movl    $0x3333, %edx
        movl    $0x4444, %esi
        movl    $0x5555, %r8d
        movl    $0x7777, %r10d
        movl    $0x8888, %r11d
        movl    $0x9999, %r12d
        movl    $0xaaaa, %r13d
        movl    $0xbbbb, %r14d
        movl    $0xcccc, %r15d
        xorl    %edi, %edi
        testq   %r9, %r9
        stc
        jz      1f
661:    movb    (%r9), %al                      // faults: resumed at 662 with FAULT in RDI
662:    jnc     9f
        testl   %edi, %edi
        jns     9f
        jmp     2f
1:      int     $0x80
        jnc     9f
2:      cmpl    $0x1111, %eax
        jne     9f
        cmpl    $0x2222, %ecx
        jne     9f
        cmpl    $0x3333, %edx
        jne     9f
        cmpl    $0x4444, %esi
        jne     9f
        cmpl    $0x5555, %r8d
        jne     9f
        cmpl    $0x7777, %r10d
        jne     9f
        cmpl    $0x8888, %r11d
        jne     9f
        cmpl    $0x9999, %r12d
        jne     9f
        cmpl    $0xaaaa, %r13d
        jne     9f
        cmpl    $0xbbbb, %r14d
        jne     9f
        cmpl    $0xcccc, %r15d
        jne     9f
        cmpq    %rsp, %rbp
        jne     9f
        movl    $1, %eax
        jmp     3f
9:      xorl    %eax, %eax
3:      movq    %rbx, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret

        .section .fixup_table, "a"
        .quad   661b, 662b

        .section .note.GNU-stack, "", @progbits
