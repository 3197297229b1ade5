// Faults on demand that only instructions of this processor can provoke.

#include "arch/x86_64/crash.h"

// Addresses that the compiler can't know anything about.
static volatile uintptr_t unmapped = 0x0000400000000000, non_canonical = 0x8000000000000000;

static void crash_divide(void)
{
    __asm__ volatile("xorl %%edx, %%edx\n\tmovl $1, %%eax\n\txorl %%ecx, %%ecx\n\tdivl %%ecx"
                     :
                     :
                     : "eax", "ecx", "edx", "cc");
}

static void crash_debug(void)
{
    __asm__ volatile("int $1");
}

static void crash_nmi(void)
{
    __asm__ volatile("int $2");
}

static void crash_breakpoint(void)
{
    __asm__ volatile("int3");
}

static void crash_opcode(void)
{
    __asm__ volatile("ud2");
}

static void crash_double(void)
{
    // A fault whose frame can't be pushed, since the stack is nowhere.
    __asm__ volatile("movq %0, %%rsp\n\tud2" : : "r"(unmapped));
}

static void crash_stack_segment(void)
{
    uint64_t value;
    __asm__ volatile("pushq %%rbp\n\tmovq %1, %%rbp\n\tmovq (%%rbp), %0\n\tpopq %%rbp"
                     : "=a"(value)
                     : "r"(non_canonical));
}

static void crash_machine_check(void)
{
    __asm__ volatile("int $18");
}

static void crash_hang(void)
{
    __asm__ volatile("cli\n"
                     "1:\tpause\n\t"
                     "jmp 1b");
}

const struct crash_kind arch_crash_kinds[] = {
    {"breakpoint", crash_breakpoint},
    {"debug", crash_debug},
    {"divide", crash_divide},
    {"double", crash_double},
    {"hang", crash_hang},
    {"machine-check", crash_machine_check},
    {"nmi", crash_nmi},
    {"opcode", crash_opcode},
    {"stack-segment", crash_stack_segment},
    {NULL, NULL},
};
