// The processors' areas. The boot processor's exists before anything can be allocated; the others
// are made when it is known how many processors there are.

#include "kernel/percpu.h"
#include "lib/bits.h"
#include "mm/layout.h"
#include "mm/page.h"
#include "mm/slab.h"

struct percpu boot_percpu; // self, canary and GS base are set by the entry stub

static struct percpu *first[1] = {&boot_percpu};
static struct percpu **areas = first;
static unsigned count = 1;

unsigned percpu_count(void)
{
    return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

struct percpu *percpu_get(uint32_t cpu)
{
    return cpu < percpu_count() ? areas[cpu] : NULL;
}

enum status percpu_reserve(unsigned processors)
{
    // NOLINTNEXTLINE(bugprone-sizeof-expression): of pointers
    struct percpu **more = kcalloc(processors, sizeof(*more));
    if (!more)
        return NO_MEMORY;
    more[0] = &boot_percpu;
    areas = more;
    return OK;
}

// No two have the same canary, and none has one that a string can hold.
static uintptr_t make_canary(uint32_t cpu)
{
    const uint64_t golden = 0x9e3779b97f4a7c15;
    return (boot_percpu.stack_canary ^ arch_ticks() ^ cpu * golden) * golden & ~0xffull;
}

struct percpu *percpu_create(void)
{
    size_t pages = align_up(sizeof(struct percpu), PAGE_SIZE) / PAGE_SIZE;
    paddr_t memory = page_alloc_run(pages, PAGE_ZERO);
    if (!memory)
        return NULL;
    struct percpu *cpu = phys_to_virt(memory, pages * PAGE_SIZE);
    cpu->self = cpu;
    cpu->cpu = count;
    cpu->stack_canary = make_canary(cpu->cpu);
    slab_cpu_init(&cpu->slab);
    areas[count] = cpu;
    __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
    return cpu;
}
