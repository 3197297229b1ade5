// Faults on demand, each as it would happen by mistake: for trying the panic screen.

#include "arch/arch.h"
#include "arch/x86_64/registers.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "monitor/command.h"

// Addresses that the compiler can't know anything about.
static volatile uintptr_t unmapped = 0x0000400000000000, non_canonical = 0x8000000000000000;
static volatile uintptr_t null;

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

static void crash_protection(void)
{
    (void)*(volatile uint64_t *)non_canonical;
}

static void crash_read(void)
{
    (void)*(volatile uint64_t *)unmapped;
}

static void crash_null(void)
{
    *(volatile uint64_t *)null = 1;
}

static void crash_write(void)
{
    *(volatile uint8_t *)kernel_text_start = 0;
}

static void crash_execute(void)
{
    static volatile uint8_t code[] = {0xc3}; // RET, in memory that isn't for code
    ((void (*)(void))(uintptr_t)code)();
}

// Deeper than any stack; the compiler can't see how deep, or make a loop of it.
static volatile unsigned depth_limit = 1u << 30;

// NOLINTNEXTLINE(misc-no-recursion)
noinline static unsigned recurse(volatile unsigned *depth)
{
    volatile unsigned deeper = *depth + 1;
    return deeper < depth_limit ? recurse(&deeper) + deeper : 0;
}

static void crash_overflow(void)
{
    volatile unsigned depth = 0;
    (void)recurse(&depth);
}

static void crash_canary(void)
{
    volatile char buffer[16];
    volatile unsigned length = 64;
    for (unsigned i = 0; i < length; i++)
        ((volatile char *)buffer)[i] = 'x';
}

static void crash_machine_check(void)
{
    __asm__ volatile("int $18");
}

static void crash_assert(void)
{
    volatile unsigned frames = 1;
    ASSERT(frames == 2);
}

static void crash_panic(void)
{
    panic("asked for");
}

static bool broken_armed; // not while the sink is given the log

static void broken_write(struct console_sink *sink, const char *text, size_t length)
{
    (void)sink, (void)text, (void)length;
    if (broken_armed)
        crash_read();
}

static void crash_nested(void)
{
    static struct console_sink broken = {.name = "serial", .write = broken_write};
    console_add_sink(&broken);
    broken_armed = true;
    panic("this won't be seen: showing it fails");
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"assert", crash_assert},
    {"breakpoint", crash_breakpoint},
    {"canary", crash_canary},
    {"debug", crash_debug},
    {"divide", crash_divide},
    {"double", crash_double},
    {"execute", crash_execute},
    {"machine-check", crash_machine_check},
    {"nested", crash_nested},
    {"nmi", crash_nmi},
    {"null", crash_null},
    {"opcode", crash_opcode},
    {"overflow", crash_overflow},
    {"panic", crash_panic},
    {"protection", crash_protection},
    {"read", crash_read},
    {"stack-segment", crash_stack_segment},
    {"write", crash_write},
};

COMMAND(crash, "KIND", "provoke a fault (without KIND: list them)", "crash divide")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    for (unsigned i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++) {
        if (!string_equal(argv[1], kinds[i].name))
            continue;
        kinds[i].run();
        print("crash %s: survived\n", kinds[i].name);
        return FAILED;
    }
    print("kinds:");
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        print(" %s", kinds[i].name);
    print("\n");
    return argc == 1 ? OK : NOT_FOUND;
}
