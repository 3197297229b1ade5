// The kernel's address space on the real page tables and memory of the host. Only the tables are
// real: nobody comes to memory by the addresses that are mapped.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"
#include "tests/host/fake_pages.h"

#include "arch/x86_64/page_change.c"
#include "arch/x86_64/page_map.c"
#undef READ
#include "arch/x86_64/page_table.c"
#include "arch/x86_64/page_walk.c"

#include "mm/direct_map.c"
#include "mm/memory_map.c"
#include "mm/tlb.c"
#include "mm/vspace.c"
#include "mm/vspace_check.c"
#include "mm/vspace_mmio.c"
#include "mm/vspace_ranges.c"

// --- The machine ---------------------------------------------------------------------------------

// An image of no size, far from all memory.
#define IN_IMAGE(name) ".globl kernel_" #name "\nkernel_" #name ":\n"
__asm__(".data\n.balign 4096\n" IN_IMAGE(image_start) IN_IMAGE(image_end) IN_IMAGE(text_start)
            IN_IMAGE(text_end) IN_IMAGE(rodata_start) IN_IMAGE(rodata_end) IN_IMAGE(data_start)
                IN_IMAGE(data_end) IN_IMAGE(symbols_start) IN_IMAGE(symbols_end)
                    IN_IMAGE(boot_tables_start) IN_IMAGE(boot_tables_end) ".skip 4096\n.previous");
uint64_t kernel_slide;

enum { HOLE_START = 0x4000000, HOLE_END = 0x5000000, MEMORY_END = FAKE_PAGES * PAGE_SIZE };

static struct memory_map memory;
static uint64_t drained_at; // the direct map's size when hot words were given back last
static unsigned remote_calls;
static void (*before_flush)(uintptr_t address, size_t size);

void page_drain(void)
{
    drained_at = direct_map_size;
}

paddr_t page_alloc(unsigned flags)
{
    paddr_t page = page_alloc_run(1, flags);
    if (page && flags & PAGE_ZERO)
        memset((void *)(direct_map_base + page), 0, PAGE_SIZE);
    return page;
}

void page_free(paddr_t page)
{
    assert_true(page && page % PAGE_SIZE == 0 && page < MEMORY_END);
    page_free_run(page, 1);
}

enum status arch_tables_init(const struct memory_map *map)
{
    (void)map;
    page_table_init(true, true);
    return OK;
}

void arch_tables_enable(void)
{
}

paddr_t arch_physical_limit(void)
{
    return 1ull << 46;
}

const char *arch_boot_guard(uintptr_t address)
{
    (void)address;
    return NULL;
}

void arch_write_back_caches(void)
{
}

void arch_tlb_flush(uintptr_t address, size_t size)
{
    if (before_flush)
        before_flush(address, size);
}

// One more processor, which is called at once.
unsigned remote_online(void)
{
    return 2;
}

void remote_call_all(remote_function *run, void *argument)
{
    __atomic_fetch_add(&remote_calls, 1, __ATOMIC_RELAXED);
    run(argument);
}

paddr_t mtrr_uniform_end(paddr_t address, paddr_t limit)
{
    (void)address;
    return limit;
}

void panic(const char *format, ...)
{
    fail_msg("panic: %s", format);
    abort();
}

static int machine_start(void **state)
{
    (void)state;
    fake_pages_init();
    memset(&vspace, 0, sizeof(vspace));
    memset(kernel_pml4, 0, sizeof(kernel_pml4));
    memory.count = 0;
    memory_map_add(&memory, 0, HOLE_START, MEMORY_USABLE, arch_physical_limit());
    memory_map_add(&memory, HOLE_END, MEMORY_END - HOLE_END, MEMORY_USABLE, arch_physical_limit());
    for (unsigned page = HOLE_START / PAGE_SIZE; page < HOLE_END / PAGE_SIZE; page++)
        fake_pages.used[page] = true;
    idle_tables = 0;
    page_forget();
    drained_at = 0;
    direct_map_size /= 2; // the boot's tables reach less
    before_flush = NULL;
    remote_calls = 0;
    return vspace_init(&memory) == OK ? 0 : -1;
}

static void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(log_last, sizeof(log_last), format, args);
    va_end(args);
}

static inline void assert_right(void)
{
    if (vspace_check(complain))
        fail_msg("%s", log_last);
}
