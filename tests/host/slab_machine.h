// The object allocator on a machine of a few processors, which a test switches between.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"
#include "tests/host/fake_pages.h"

#include "mm/slab.h"

enum { MACHINE_CPUS = 4 };

static struct percpu machine_cpus[MACHINE_CPUS];
static _Thread_local struct percpu *machine_cpu = &machine_cpus[0];

struct percpu *fake_percpu(void)
{
    return machine_cpu;
}

bool fake_can_read(uintptr_t address)
{
    return fake_pages_hold(address);
}

#include "kernel/panic.h"

static jmp_buf panic_exit;
static bool panic_expected;
static char panic_text[256];

void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(panic_text, sizeof(panic_text), format, args);
    va_end(args);
    if (!panic_expected)
        fail_msg("panic: %s", panic_text);
    longjmp(panic_exit, 1);
}

// Whether `statement` panics with a text that has `words` in it.
#define EXPECT_PANIC(statement, words)                              \
    do {                                                            \
        panic_expected = true;                                      \
        if (setjmp(panic_exit) == 0) {                              \
            statement;                                              \
            fail_msg("no panic: %s", #statement);                   \
        }                                                           \
        panic_expected = false;                                     \
        if (!strstr(panic_text, words))                             \
            fail_msg("\"%s\" is not in \"%s\"", words, panic_text); \
    } while (0)

#include "mm/failpoint.c"

void page_drain(void)
{
}

#include "mm/kmalloc.c"
#include "mm/slab.c"
#include "mm/slab_arena.c"
#include "mm/slab_debug.c"
#include "mm/slab_large.c"
#include "mm/slab_magazine.c"
#include "mm/slab_objects.c"
#include "mm/slab_stats.c"

static unsigned complaints;

static void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(log_last, sizeof(log_last), format, args);
    va_end(args);
    complaints++;
}

static void assert_consistent(void)
{
    complaints = 0;
    unsigned wrong = slab_check(complain);
    if (wrong)
        fail_msg("%s", log_last);
    assert_int_equal(complaints, 0);
}

// A machine whose boot hasn't come to slab_init().
static int machine_off(void **state)
{
    (void)state;
    fake_pages_init();
    log_forget();
    memset(slab_caches, 0, sizeof(slab_caches));
    memset(buckets, 0, sizeof(buckets));
    total.count = total.pages = total.failed = 0;
    slab_cpus = NULL;
    is_exhausted = false;
#ifdef KEELSON_DEBUG
    memset(quarantine, 0, sizeof(quarantine));
#endif
    memset(arenas, 0, sizeof(arenas));
    memset(machine_cpus, 0, sizeof(machine_cpus));
    slab_secret = 0;
    failpoint_left[FAILPOINT_SLAB] = 0; // nothing is to be drained of a world that is gone
    machine_cpu = &machine_cpus[0];
    return 0;
}

// One on which nothing has been allocated yet.
static int machine_start(void **state)
{
    machine_off(state);
    machine_cpu->stack_canary = 0x1234567890abcd00;
    slab_init();
    for (unsigned i = 1; i < MACHINE_CPUS; i++)
        slab_cpu_init(&machine_cpus[i].slab);
    return 0;
}

// Gives everything back that nobody uses.
static unsigned pages_after_reclaim(void)
{
    for (unsigned i = MACHINE_CPUS; i--;) {
        machine_cpu = &machine_cpus[i];
        (void)slab_reclaim();
    }
    return fake_pages.in_use;
}

static unsigned stats_find(const char *name, struct slab_stats *stats)
{
    unsigned index = 0;
    while (slab_get_stats(index, stats)) {
        if (strcmp(stats->name, name) == 0)
            return index;
        index++;
    }
    fail_msg("no cache %s", name);
    return 0;
}

// Objects handed out, of all caches but the allocator's own.
static uint64_t objects_in_use(void)
{
    struct slab_stats stats;
    uint64_t in_use = 0;
    for (unsigned i = 0; slab_get_stats(i, &stats); i++)
        if (strcmp(stats.name, "magazines") != 0 && strcmp(stats.name, "large records") != 0)
            in_use += stats.objects;
    return in_use;
}
