// Stacks between guard pages, for C and assembly. Overflowing one is a fault at once. Those of the
// boot processor stand one above the other in the image: each has its guard below it, and one more
// is above the last (boot_stack_above of linker.ld).
#pragma once

#include "mm/layout.h"

#define STACK_SIZE 0x4000
#define STACK_TOP  (PAGE_SIZE + STACK_SIZE) // offset from the object's start

#ifndef __ASSEMBLER__

#include "lib/compiler.h"
#include "lib/types.h"

struct guarded_stack {
    uint8_t guard[PAGE_SIZE]; // not mapped
    uint8_t body[STACK_SIZE];
} page_aligned;

// The stacks of the boot processor: the one that it runs on, and those that the IDT switches to.
enum boot_stack_name { BOOT_STACK_MAIN, BOOT_STACK_DF, BOOT_STACK_NMI, BOOT_STACK_MC, BOOT_STACKS };

extern struct guarded_stack boot_stack[BOOT_STACKS];
extern uint8_t boot_stack_above[PAGE_SIZE];

// "boot", "double fault" and so on for the stack that has `address` in a guard page, or NULL. Any
// context.
const char *stack_guard_find(uintptr_t address);

#endif
