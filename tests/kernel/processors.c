// Processors: calls arrive once and where they were sent, whoever calls whom at the same time, and
// no processor goes on with a translation that another has taken away.

#include "arch/arch.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "kernel/clock.h"
#include "kernel/idle.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"
#include "kernel/test.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "mm/vspace.h"

enum {
    STORM_CALLS = 200,
    STORM_RANGES = 96 /* of all together */,
    PROCESSORS_MAX = 64,
    PATTERN = 0x5a
};

#define STORM_NS 20000000000ull

static unsigned processors(void)
{
    unsigned count = percpu_count();
    return count < PROCESSORS_MAX ? count : PROCESSORS_MAX;
}

static void note_processor(void *argument)
{
    *(uint32_t *)argument = this_cpu()->cpu;
}

KTEST(processors, a_call_runs_where_it_is_sent)
{
    unsigned called = 0;
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++) {
        uint32_t ran_on = UINT32_MAX;
        if (remote_call(cpu, note_processor, &ran_on) != OK)
            continue;
        KTEST_EQUAL(ran_on, cpu);
        called++;
    }
    KTEST_EQUAL(called, remote_online());
    uint32_t nowhere = UINT32_MAX;
    KTEST_EQUAL(remote_call(percpu_count(), note_processor, &nowhere), NOT_FOUND);
    KTEST_EQUAL(nowhere, UINT32_MAX);
}

static void count_one(void *argument)
{
    __atomic_fetch_add((unsigned *)argument, 1, __ATOMIC_RELAXED);
}

KTEST(processors, a_call_to_all_runs_on_all_others)
{
    unsigned ran = 0;
    remote_call_all(count_one, &ran);
    KTEST_EQUAL(ran, remote_online() - 1);
}

// --- Storms: every processor at work at the same time -------------------------------------------

static struct {
    unsigned counts[PROCESSORS_MAX]; // calls that have run on each
    unsigned wanted[PROCESSORS_MAX];
    unsigned misplaced, failed, finished;
} storm;

static void count_here(void *argument)
{
    uint32_t own = this_cpu()->cpu, wanted = *(const uint32_t *)argument;
    __atomic_fetch_add(&storm.counts[own], 1, __ATOMIC_RELAXED);
    if (own != wanted)
        __atomic_fetch_add(&storm.misplaced, 1, __ATOMIC_RELAXED);
}

static void call_everybody(void *argument)
{
    (void)argument;
    uint32_t own = this_cpu()->cpu, count = processors();
    for (unsigned i = 0; i < STORM_CALLS; i++) {
        uint32_t cpu = (own + i) % count;
        if (remote_call(cpu, count_here, &cpu) == OK)
            __atomic_fetch_add(&storm.wanted[cpu], 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&storm.finished, 1, __ATOMIC_RELEASE);
}

// Ranges come and go on all processors: what each has written it reads again, whatever has been
// mapped at that address before, by whomever.
static void use_ranges(void *argument)
{
    (void)argument;
    uint32_t own = this_cpu()->cpu;
    for (unsigned i = 0; i <= STORM_RANGES / processors(); i++) {
        size_t size = (1 + i % 3) * PAGE_SIZE;
        uint8_t *memory = vspace_alloc(size, "storm"), pattern = (uint8_t)(own * 37 + i);
        if (memory)
            memset(memory, pattern, size);
        if (!memory || memory[0] != pattern || memory[size - 1] != pattern)
            __atomic_fetch_add(&storm.failed, 1, __ATOMIC_RELAXED);
        vspace_free(memory);
    }
    __atomic_fetch_add(&storm.finished, 1, __ATOMIC_RELEASE);
}

// Runs `work` on all processors at the same time; returns how many have come to its end.
static unsigned run_storm(remote_function *work)
{
    static struct remote_work posted[PROCESSORS_MAX];
    memset(&storm, 0, sizeof(storm));
    unsigned started = 1;
    for (uint32_t cpu = 1; cpu < processors(); cpu++)
        started += remote_post(cpu, &posted[cpu], work, NULL);
    work(NULL);
    uint64_t start = clock_ns();
    while (__atomic_load_n(&storm.finished, __ATOMIC_ACQUIRE) < started &&
           clock_ns() - start < STORM_NS)
        arch_pause();
    return started == storm.finished ? started : 0;
}

KTEST(processors, no_call_of_a_storm_is_lost)
{
    KTEST_CHECK(run_storm(call_everybody));
    KTEST_EQUAL(storm.misplaced, 0);
    for (unsigned cpu = 0; cpu < processors(); cpu++)
        KTEST_EQUAL(storm.counts[cpu], storm.wanted[cpu]);
    KTEST_CHECK(storm.wanted[0] >= STORM_CALLS / processors());
}

static unsigned complaints;

static void complain(const char *format, ...)
{
    (void)format;
    complaints++;
}

KTEST(processors, ranges_come_and_go_everywhere)
{
    KTEST_CHECK(run_storm(use_ranges));
    KTEST_EQUAL(storm.failed, 0);
    complaints = 0;
    KTEST_EQUAL(vspace_check(complain), 0);
    KTEST_EQUAL(page_check(complain), 0);
}

// --- Stale translations -------------------------------------------------------------------------

struct look {
    uintptr_t address;
    uint64_t value;
    enum status status;
};

static void look(void *argument)
{
    struct look *at = argument;
    at->status = arch_probe_read(at->address, 8, &at->value);
}

static paddr_t page_with(uint64_t value)
{
    paddr_t page = page_alloc(PAGE_ANY);
    if (page)
        *(uint64_t *)phys_to_virt(page, PAGE_SIZE) = value;
    return page;
}

static bool sees(uint32_t cpu, uintptr_t address, uint64_t value)
{
    struct look at = {.address = address};
    return remote_call(cpu, look, &at) == OK && at.status == OK && at.value == value;
}

static bool faults(uint32_t cpu, uintptr_t address)
{
    struct look at = {.address = address};
    return remote_call(cpu, look, &at) == OK && at.status == FAULT;
}

KTEST(processors, no_translation_outlives_its_mapping)
{
    uintptr_t range;
    paddr_t first = page_with(1), second = page_with(2);
    uint32_t last = percpu_count() - 1;
    if (remote_online() == 1)
        KTEST_SKIP("needs two processors");
    KTEST_EQUAL(vspace_reserve(PAGE_SIZE, PAGE_SIZE, "test", &range), OK);
    KTEST_EQUAL(vspace_map(range, first, PAGE_SIZE, MAP_READ), OK);
    KTEST_CHECK(sees(last, range, 1)); // and remembers where it is
    KTEST_EQUAL(vspace_unmap(range, PAGE_SIZE), OK);
    KTEST_CHECK(faults(last, range));
    KTEST_EQUAL(vspace_map(range, second, PAGE_SIZE, MAP_READ), OK);
    KTEST_CHECK(sees(last, range, 2));
    vspace_release(range);
    KTEST_CHECK(faults(last, range));
    page_free(first);
    page_free(second);
}

// --- What each has for itself --------------------------------------------------------------------

static void check_own(void *argument)
{
    unsigned *wrong = argument;
    struct percpu *cpu = this_cpu();
    uint64_t value;
    void *object = kmalloc(64);
    *wrong += cpu->self != cpu || percpu_get(cpu->cpu) != cpu;
    *wrong += cpu->stack_canary == percpu_get(0)->stack_canary && cpu->cpu != 0;
    *wrong += arch_probe_read(0, 8, &value) != FAULT; // its own traps, and nothing is at 0
    *wrong += !object;
    kfree(object);
}

KTEST(processors, each_has_its_own)
{
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++) {
        unsigned wrong = 0;
        if (remote_call(cpu, check_own, &wrong) == OK)
            KTEST_EQUAL(wrong, 0);
    }
}

enum { TYPE_REGISTERS = 5 };

static void read_types(void *argument)
{
    static const uint32_t registers[TYPE_REGISTERS] = {MSR_PAT, MSR_MTRR_DEFAULT, MSR_MTRR_FIX_64K,
                                                       MSR_MTRR_BASE(0), MSR_MTRR_MASK(0)};
    uint64_t *values = argument;
    for (unsigned i = 0; i < TYPE_REGISTERS; i++)
        if (msr_read(registers[i], &values[i]) != OK)
            values[i] = 0;
}

KTEST(processors, memory_has_one_type_on_all)
{
    uint64_t first[TYPE_REGISTERS], other[TYPE_REGISTERS];
    read_types(first);
    for (uint32_t cpu = 1; cpu < percpu_count(); cpu++) {
        if (remote_call(cpu, read_types, other) != OK)
            continue;
        for (unsigned i = 0; i < TYPE_REGISTERS; i++)
            KTEST_EQUAL(other[i], first[i]);
    }
}
