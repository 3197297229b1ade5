// Views of the kernel's address space, and the proof of all memory's invariants.

#include "arch/arch.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/stack.h"
#include "kernel/console.h"
#include "lib/format.h"
#include "mm/layout.h"
#include "mm/slab.h"
#include "mm/vspace.h"
#include "monitor/command.h"
#include "monitor/memory_views.h"

struct part {
    uintptr_t start, end;
    const char *name;
};

enum { PARTS = 5 };

// What is no range because it was there before there were any.
static void list_parts(struct part parts[PARTS])
{
    const struct part all[PARTS] = {
        {direct_map_base, direct_map_base + direct_map_size, "direct map"},
        {(uintptr_t)kernel_text_start, (uintptr_t)kernel_text_end, "image: text"},
        {(uintptr_t)kernel_rodata_start, (uintptr_t)kernel_rodata_end, "image: constants"},
        {(uintptr_t)kernel_data_start, (uintptr_t)kernel_data_end, "image: data"},
        {(uintptr_t)kernel_symbols_start, (uintptr_t)kernel_symbols_end, "image: symbols"},
    };
    __builtin_memcpy(parts, all, sizeof(all));
}

static void show_extent(uintptr_t start, uintptr_t end, const char *name)
{
    char size[FORMAT_SIZE_MAX];
    struct mapping mapping;
    print("%016lx..%016lx %10s  %s", start, end, format_size(size, end - start), name);
    if (vspace_translate(start, &mapping))
        print(", 0x%lx", mapping.physical + (start - mapping.start));
    print("\n");
}

enum status memory_show_ranges(int argc, char **argv)
{
    struct part parts[PARTS];
    const struct vspace_range *range;
    (void)argv;
    if (argc > 0)
        return BAD_ARGUMENT;
    list_parts(parts);
    show_extent(parts[0].start, parts[0].end, parts[0].name);
    for (unsigned i = 0; (range = vspace_range(i)) && !command_interrupted(); i++)
        show_extent(range->start, range->end, range->name);
    for (unsigned i = 1; i < PARTS; i++)
        show_extent(parts[i].start, parts[i].end, parts[i].name);
    return OK;
}

static void show_owner(uintptr_t address)
{
    struct part parts[PARTS];
    bool is_guard;
    const struct vspace_range *range = vspace_find(address, &is_guard);
    const char *stack = stack_guard_find(address);
    list_parts(parts);
    if (stack && !range) {
        print("a guard of the %s stack\n", stack);
        return;
    }
    if (range) {
        print("%s%s: %016lx..%016lx\n", is_guard ? "a guard of " : "", range->name, range->start,
              range->end);
        return;
    }
    for (unsigned i = 0; i < PARTS; i++) {
        if (address < parts[i].start || address >= parts[i].end)
            continue;
        print("%s: %016lx..%016lx\n", parts[i].name, parts[i].start, parts[i].end);
        return;
    }
    print("nobody's\n");
}

enum status memory_show_mapping(int argc, char **argv)
{
    uint64_t address;
    struct mapping mapping;
    char size[FORMAT_SIZE_MAX];
    if (argc != 1)
        return BAD_ARGUMENT;
    if (!command_address(argv[0], &address))
        return FAILED;
    show_owner(address);
    if (!vspace_translate(address, &mapping)) {
        print("nothing is mapped there\n");
        return OK;
    }
    print("physical 0x%lx, in a page of %s: read%s%s, %s\n",
          mapping.physical + (address - mapping.start), format_size(size, mapping.size),
          mapping.rights & MAP_WRITE ? ", write" : "",
          mapping.rights & MAP_EXECUTE ? ", execute" : "",
          mapping.rights & MAP_UNCACHED          ? "not cached"
          : mapping.rights & MAP_WRITE_COMBINING ? "write-combining"
                                                 : "cached");
    return OK;
}

static void show_flags(uint64_t entry, bool is_leaf, bool is_large)
{
    static const struct {
        uint64_t bit;
        const char *name;
        bool of_leaf;
    } flags[] = {
        {PTE_WRITE, "write", false},       {PTE_NX, "no-execute", false},
        {PTE_PWT, "PWT", false},           {PTE_PCD, "PCD", false},
        {PTE_GLOBAL, "global", true},      {PTE_DIRTY, "dirty", true},
        {PTE_ACCESSED, "accessed", false},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
        if (entry & flags[i].bit && (is_leaf || !flags[i].of_leaf))
            print(" %s", flags[i].name);
    if (is_leaf && entry & (is_large ? PTE_LARGE_PAT : PTE_PAT))
        print(" PAT");
    print("\n");
}

// Bits 63 to 47 are all the same [SDM3 5.5.4].
static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

enum status memory_walk(int argc, char **argv)
{
    static const char *const names[] = {"PML4", "PDPT", "PD", "PT"};
    uint64_t address;
    if (argc != 1)
        return BAD_ARGUMENT;
    if (!command_address(argv[0], &address))
        return FAILED;
    if (!is_canonical(address)) {
        print("no address: bits 63 to 47 differ\n");
        return FAILED;
    }
    paddr_t table = read_cr3() & PTE_ADDRESS;
    for (unsigned level = 0; level < ARRAY_SIZE(names); level++) {
        uint64_t entry, *entries = phys_to_virt(table, PAGE_SIZE);
        unsigned index = address >> (39 - 9 * level) & 511;
        if (!entries || arch_probe_read((uintptr_t)&entries[index], 8, &entry) != OK) {
            print("the table at 0x%lx can't be read\n", table);
            return FAULT;
        }
        bool is_large = level < 3 && entry & PTE_LARGE, is_leaf = level == 3 || is_large;
        print("%-4s[%3u] of 0x%09lx: %016lx", names[level], index, table, entry);
        if (!(entry & PTE_PRESENT)) {
            print(" not present\n");
            return OK;
        }
        show_flags(entry, is_leaf, is_large);
        if (is_leaf)
            return OK;
        table = entry & PTE_ADDRESS;
    }
    return OK;
}

static unsigned complaints;

printf_like(1, 2) static void complain(const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    complaints++;
    print("  %s\n", text);
}

enum status memory_run_checks(int argc, char **argv)
{
    static const struct {
        const char *what;
        unsigned (*check)(mm_complain *complain);
    } checks[] = {
        {"pages", page_check},
        {"objects", slab_check},
        {"address space", vspace_check},
    };
    (void)argv;
    if (argc > 0)
        return BAD_ARGUMENT;
    complaints = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(checks); i++) {
        unsigned found = checks[i].check(complain);
        print("%-14s %s\n", checks[i].what, found ? "WRONG" : "ok");
    }
    return complaints ? FAILED : OK;
}
