// Faults on demand, each as it would happen by mistake: for trying the panic screen. Those that
// need instructions of their own come from the architecture.

#include "arch/arch.h"
#include "arch/x86_64/crash.h"
#include "kernel/console.h"
#include "kernel/panic.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "monitor/command.h"
#include "monitor/completion.h"

// Addresses that the compiler can't know anything about.
static volatile uintptr_t unmapped = 0x0000400000000000, non_canonical = 0x8000000000000000;
static volatile uintptr_t null;

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

static void broken_flush(struct console_sink *sink)
{
    broken_write(sink, NULL, 0);
}

static void crash_nested(void)
{
    static struct console_sink broken = {
        .name = "serial", .write = broken_write, .flush = broken_flush};
    console_add_sink(&broken);
    broken_armed = true;
    panic("asked for, with a broken console");
}

static const struct crash_kind kinds[] = {
    {"assert", crash_assert},
    {"canary", crash_canary},
    {"execute", crash_execute},
    {"nested", crash_nested},
    {"null", crash_null},
    {"overflow", crash_overflow},
    {"panic", crash_panic},
    {"read", crash_read},
    {"write", crash_write},
    {"protection", crash_protection},
    {NULL, NULL},
};

static const struct crash_kind *find_kind(const struct crash_kind *kind, const char *name)
{
    while (kind->name && !string_equal(kind->name, name))
        kind++;
    return kind->name ? kind : NULL;
}

static void list_kinds(const struct crash_kind *kind)
{
    for (; kind->name; kind++)
        print(" %s", kind->name);
}

static void offer_kinds(struct completion *completion, const struct crash_kind *kind)
{
    for (; kind->name; kind++)
        completion_offer(completion, kind->name);
}

COMPLETER(KIND)
{
    offer_kinds(completion, kinds);
    offer_kinds(completion, arch_crash_kinds);
}

COMMAND(crash, "KIND", "provoke a fault, or list the kinds there are", "crash divide")
{
    if (argc > 2)
        return BAD_ARGUMENT;
    const struct crash_kind *kind = NULL;
    if (argc == 2 && !(kind = find_kind(kinds, argv[1])))
        kind = find_kind(arch_crash_kinds, argv[1]);
    if (kind) {
        kind->run();
        print("crash %s: survived\n", kind->name);
        return FAILED;
    }
    print("kinds:");
    list_kinds(kinds);
    list_kinds(arch_crash_kinds);
    print("\n");
    return argc == 1 ? OK : NOT_FOUND;
}
