// Stacks with a guard page below them, for C and assembly. Overflowing one is a fault at once.
#pragma once

#include "mm/layout.h"

#define STACK_SIZE 0x4000
#define STACK_TOP  (PAGE_SIZE + STACK_SIZE) // offset from the object's start

#ifndef __ASSEMBLER__

#include "lib/compiler.h"
#include "lib/types.h"

struct guarded_stack {
    uint8_t guard[PAGE_SIZE]; // unmapped by paging_init()
    uint8_t body[STACK_SIZE];
} page_aligned;

// The stacks of the boot processor: the one that it runs on, and those that the IDT switches to.
enum boot_stack_name { BOOT_STACK_MAIN, BOOT_STACK_DF, BOOT_STACK_NMI, BOOT_STACK_MC, BOOT_STACKS };

extern struct guarded_stack boot_stack[BOOT_STACKS];

// "boot", "double fault" and so on for the stack whose guard page holds `address`, or NULL.
const char *stack_guard_find(uintptr_t address);

#endif
