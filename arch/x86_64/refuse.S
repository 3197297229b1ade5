// The end of a start that can't go on: one line on COM1 and on the screen, and halt.
//
// GRUB may have set a graphics mode, in which the text memory at 0xB8000 isn't shown. Where there is
// a BIOS, the way back to real mode is short, and the BIOS sets text mode 3 (INT 10h, AH 0). Under
// UEFI there is none, and the line on COM1 has to do.

#include "arch/x86_64/boot32.h"
#include "arch/x86_64/registers.h"

#define COM1           0x3f8
#define VGA_SEGMENT    0xb800
#define VGA_CELLS      (80 * 25)
#define WHITE_ON_RED   0x4f
#define BLANK          0x20
#define VIDEO_VECTOR   (0x10 * 4) // in the real-mode interrupt table: offset, segment
#define ROM_SEGMENT_HIGH 0xc0     // a video BIOS lies at 0xC0000 or above
#define LOW_CODE       0x7000     // conventional memory; nobody else needs it any more
#define LOW_MESSAGE    0x7800
#define MESSAGE_MAX    128
#define LOW(label)     (LOW_CODE + (label) - real_mode)

        .section .text.boot, "ax"
        .code32

// In:  EBX address of the line, ended by CR LF NUL; EBP slide. On a stack of its own.
        .globl  refuse
refuse:
        call    show_on_serial
        call    show_on_screen
halt:   cli
        hlt
        jmp     halt

show_on_serial:
        leal    AT(uart_setup), %esi
        movl    $((uart_setup_end - uart_setup) / 2), %ecx
1:      movzbl  (%esi), %edx
        addl    $COM1, %edx
        movb    1(%esi), %al
        outb    %al, %dx
        addl    $2, %esi
        loop    1b
        movl    %ebx, %esi
2:      movl    $100000, %ecx                   // bounded wait for an empty transmitter
        movl    $(COM1 + 5), %edx
3:      inb     %dx, %al
        testb   $0x20, %al
        loopz   3b
        movl    $COM1, %edx
        lodsb
        testb   %al, %al
        jz      4f
        outb    %al, %dx
        jmp     2b
4:      ret

// Returns only where there is no BIOS.
show_on_screen:
        cmpb    $ROM_SEGMENT_HIGH, VIDEO_VECTOR + 3
        jb      4b
        movl    %ebx, %esi
        movl    $LOW_MESSAGE, %edi
        movl    $MESSAGE_MAX, %ecx
        rep movsb
        leal    AT(real_mode), %esi
        movl    $LOW_CODE, %edi
        movl    $(real_mode_end - real_mode), %ecx
        rep movsb
        call    load_boot_gdt
        pushl   $0                              // the real-mode interrupt table: 1 KiB at 0
        pushl   $(0x3ff << 16)
        lidt    2(%esp)
        ljmp    $SELECTOR_CODE16, $LOW_CODE

// Runs at LOW_CODE: first in 16-bit protected mode, then in real mode.
        .code16
real_mode:
        movw    $SELECTOR_DATA16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    %cr0, %eax
        andb    $~CR0_PE, %al
        movl    %eax, %cr0
        ljmp    $0, $LOW(1f)
1:      xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $LOW_CODE, %sp
        movw    $0x0003, %ax
        int     $0x10
        cld
        movw    $VGA_SEGMENT, %ax
        movw    %ax, %es
        xorw    %di, %di
        movw    $VGA_CELLS, %cx
        movw    $(WHITE_ON_RED << 8 | BLANK), %ax
        rep stosw
        xorw    %di, %di
        movw    $LOW_MESSAGE, %si
2:      lodsb
        cmpb    $BLANK, %al                     // CR ends the row
        jb      3f
        stosw
        jmp     2b
3:      cli
        hlt
        jmp     3b
real_mode_end:

        .section .rodata.boot, "a"
uart_setup:                                     // register, value: 115200 8N1, FIFO on [16550]
        .byte 1, 0x00, 3, 0x80, 0, 0x01, 1, 0x00, 3, 0x03, 2, 0x07, 4, 0x03
uart_setup_end:

        .section .note.GNU-stack, "", @progbits
