// The base as the kernel itself is compiled: without SSE, at its own addresses.

#include "arch/arch.h"
#include "kernel/boot_info.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/symbol.h"
#include "kernel/test.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/layout.h"

KTEST(string, copies_and_compares)
{
    char from[67], to[80];
    for (unsigned i = 0; i < sizeof(from); i++)
        from[i] = (char)(i * 7);
    for (size_t size = 0; size <= sizeof(from); size++) {
        memset(to, 0x5a, sizeof(to));
        memcpy(to + 3, from, size);
        KTEST_EQUAL(memcmp(to + 3, from, size), 0);
        KTEST_EQUAL(to[2], 0x5a);
        KTEST_EQUAL(to[3 + size], 0x5a);
    }
    memcpy(to, "0123456789", 10);
    memmove(to + 1, to, 9);
    KTEST_EQUAL(memcmp(to, "0012345678", 10), 0);
}

KTEST(format, knows_symbols)
{
    char text[80];
    snprintf(text, sizeof(text), "%pS", (void *)((uintptr_t)snprintf + 4));
    KTEST_CHECK(string_equal(text, "snprintf+0x4"));
    snprintf(text, sizeof(text), "%d %5u %-4x| %08lx %s %c %%", -42, 7u, 0xabu, 0x1234ul, "ok",
             'c');
    KTEST_CHECK(string_equal(text, "-42     7 ab  | 00001234 ok c %"));
}

KTEST(symbol, finds_by_address_and_name)
{
    size_t offset;
    const char *name = symbol_find((uintptr_t)ktest_run, &offset);
    KTEST_CHECK(name && string_equal(name, "ktest_run"));
    KTEST_EQUAL(offset, 0);
    KTEST_EQUAL(symbol_address("ktest_run"), (uintptr_t)ktest_run);
    KTEST_EQUAL(symbol_address("boot_info"), (uintptr_t)&boot_info);
    KTEST_EQUAL(symbol_address("no_such_symbol"), 0);
    KTEST_CHECK(symbol_find(0, &offset) == NULL);
    KTEST_CHECK(symbol_find((uintptr_t)kernel_text_start - 1, &offset) == NULL);
    KTEST_CHECK(symbol_find(UINTPTR_MAX, &offset) == NULL);
}

static unsigned replayed;

static void count_replay(struct console_sink *sink, const char *text, size_t length)
{
    (void)sink;
    for (const char *at = text; at + 6 <= text + length; at++)
        replayed += memcmp(at, "marker", 6) == 0;
}

KTEST(log, a_new_console_is_given_what_was_logged)
{
    static struct console_sink late = {.name = "serial", .write = count_replay};
    if (late.next || replayed)
        KTEST_SKIP("a sink stays for good, so this runs once a boot");
    log_info("test: marker");
    console_add_sink(&late);
    late.write = count_replay;
    KTEST_EQUAL(replayed, log_console_level() >= LOG_INFO);
}

KTEST(clock, runs_forward_at_its_rate)
{
    uint64_t before = clock_ns();
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t now = clock_ns();
        KTEST_CHECK(now >= before);
        before = now;
    }
    uint64_t ticks = arch_ticks();
    clock_delay_ns(1000000);
    ticks = arch_ticks() - ticks;
    KTEST_CHECK(ticks >= clock_frequency() / 1000);
}

KTEST(percpu, is_found_through_gs)
{
    KTEST_CHECK(this_cpu() == this_cpu()->self);
    KTEST_EQUAL(this_cpu()->cpu, 0);
    KTEST_CHECK(this_cpu()->stack_canary != 0);
    KTEST_EQUAL(this_cpu()->stack_canary & 0xff, 0); // no string holds it
}

KTEST(boot, what_is_in_use_is_not_usable)
{
    const struct memory_map *map = &boot_info.memory;
    const struct memory_range *zero = memory_map_find(map, 0);
    KTEST_CHECK(!zero || zero->kind != MEMORY_USABLE);
    for (const char *at = kernel_image_start; at < kernel_image_end; at += PAGE_SIZE) {
        bool is_over = at >= kernel_boot_tables_start && at < kernel_boot_tables_end;
        const struct memory_range *range = memory_map_find(map, kernel_image_phys(at));
        KTEST_CHECK(range && range->kind == (is_over ? MEMORY_USABLE : MEMORY_KERNEL));
    }
    KTEST_EQUAL(memory_map_total(map, MEMORY_BOOT_INFO), 0); // given back
    KTEST_CHECK(memory_map_total(map, MEMORY_USABLE) > 16ull << 20);
}

noinline static unsigned trace_callers(uintptr_t *addresses, unsigned max)
{
    return arch_backtrace(NULL, __builtin_frame_address(0), addresses, max);
}

noinline static unsigned trace_here(uintptr_t *addresses, unsigned max)
{
    unsigned count = trace_callers(addresses, max);
    __asm__ volatile("" : : : "memory"); // not a tail call
    return count;
}

// The ABI promises a function's frame on a multiple of 16, and so do all that it calls.
KTEST(stack, is_aligned)
{
    KTEST_EQUAL((uintptr_t)__builtin_frame_address(0) % 16, 0);
}

KTEST(backtrace, names_its_callers)
{
    uintptr_t addresses[8];
    size_t offset;
    unsigned count = trace_here(addresses, ARRAY_SIZE(addresses));
    KTEST_CHECK(count >= 3);
    const char *name = symbol_find(addresses[0], &offset);
    KTEST_CHECK(name && string_equal(name, "trace_here"));
    bool reached_main = false;
    for (unsigned i = 0; i < count; i++) {
        name = symbol_find(addresses[i], &offset);
        reached_main |= name && string_equal(name, "kmain");
    }
    KTEST_CHECK(reached_main);
    KTEST_EQUAL(trace_here(addresses, 1), 1);
}
