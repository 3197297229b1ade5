// A machine's physical memory for the page allocator: addresses that are backed only where they are
// touched, a memory map, and processors that are threads.
#pragma once

#include "tests/host/lib.h"

#include <sys/mman.h>

#ifdef HOST_THREADS // which don't wait for each other to log
#include "kernel/log.h"

void log_write(enum log_level level, const char *format, ...)
{
    (void)level, (void)format;
}

static inline void log_forget(void)
{
}
#else
#include "tests/host/fake_log.h"
#endif

#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "mm/failpoint.c"

void slab_drain(void)
{
}

#include "mm/memory_map.c"
#include "mm/page.c"
#include "mm/page_block.c"
#include "mm/page_check.c"
#include "mm/page_hot.c"
#include "mm/page_init.c"
#include "mm/page_large.c"
#include "mm/page_record.c"
#include "mm/page_run.c"
#include "mm/page_tree.c"
#include "mm/page_zero.c"

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)

uintptr_t direct_map_base, direct_map_size;

// The image: its first page tables, which are given away after boot, are two pages in it.
uint64_t kernel_slide;
char kernel_image_start[0x75000];
__asm__(".globl kernel_image_end, kernel_boot_tables_start, kernel_boot_tables_end\n"
        ".set kernel_image_end, kernel_image_start + 0x75000\n"
        ".set kernel_boot_tables_start, kernel_image_start + 0x10000\n"
        ".set kernel_boot_tables_end, kernel_image_start + 0x12000\n");

static inline void machine_load(paddr_t image)
{
    kernel_slide = image - ((uintptr_t)kernel_image_start - KERNEL_BASE);
}

static struct memory_map machine_ram;
static __thread struct percpu machine_cpu;
static __thread struct percpu *machine_other; // when not NULL, what runs is this one

struct percpu *fake_percpu(void)
{
    return machine_other ? machine_other : &machine_cpu;
}

static jmp_buf panicked;

noreturn void panic(const char *format, ...)
{
    (void)format;
    longjmp(panicked, 1);
}

static void machine_begin(uint64_t size)
{
    if (direct_map_base)
        munmap((void *)direct_map_base, direct_map_size);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        fprintf(stderr, "no room for %llu MiB of addresses\n", (unsigned long long)(size / MIB)),
            abort();
    direct_map_base = (uintptr_t)memory;
    direct_map_size = size;
    machine_ram = (struct memory_map){0};
    machine_cpu = (struct percpu){0};
    machine_other = NULL;
    failpoint_set(FAILPOINT_PAGE, 0);
    machine_load(1ull << 52); // nowhere
    log_forget();
}

static void machine_add(uint64_t start, uint64_t end, enum memory_kind kind)
{
    memory_map_add(&machine_ram, start, end - start, kind, UINT64_MAX);
}

static unsigned machine_complaints;

static void machine_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char text[160];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (machine_complaints++ < 8)
        fprintf(stderr, "%s\n", text);
}

// The usual small machine: what a BIOS leaves below 1 MiB, the kernel at 2 MiB, and an end that
// isn't a block's.
static void machine_usual(uint64_t size)
{
    machine_begin(size);
    machine_add(0, 0x9fc00, MEMORY_USABLE);
    machine_add(0x9fc00, 0x100000, MEMORY_RESERVED);
    machine_add(0x100000, size - 0x21000, MEMORY_USABLE);
    machine_add(size - 0x21000, size, MEMORY_RESERVED);
    machine_add(0, 0x1000, MEMORY_RESERVED);
    machine_add(0x200000, 0x275000, MEMORY_KERNEL);
    machine_load(0x200000);
}

static struct page_stats machine_stats(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats;
}

static inline void assert_sound(void)
{
    machine_complaints = 0;
    assert_int_equal(page_check(machine_complain), 0);
}

static inline paddr_t taken(paddr_t page)
{
    assert_int_not_equal(page, NO_PAGE);
    return page;
}
