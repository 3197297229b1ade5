// Physical memory, as far as code that reads loaders' and firmware's structures sees it: one piece
// of the heap as the direct map, so that a step past its end is reported; and what must hold of a
// struct boot_info whatever it was read from.
#pragma once

#include "kernel/boot_info.h"
#include "mm/layout.h"

#ifdef HOST_FUZZ
#define CHECK_TRUE(condition)                                                        \
    do {                                                                             \
        if (!(condition))                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort(); \
    } while (0)
#else
#define CHECK_TRUE(condition) assert_true(condition)
#endif

#define PHYSICAL_LIMIT (1ull << 46)

uintptr_t direct_map_base, direct_map_size;
uint64_t kernel_slide;

paddr_t arch_physical_limit(void)
{
    return PHYSICAL_LIMIT;
}

// [address, address + size) of physical memory is at `memory`, nothing lies above it, and nobody
// may look below.
static inline void machine_map(const void *memory, paddr_t address, size_t size)
{
    direct_map_base = (uintptr_t)memory - address;
    direct_map_size = address + size;
}

// The C library's are an order of magnitude faster than ours under sanitizers.
#pragma push_macro("memset")
#undef memset
static inline void machine_zero(void *object, size_t size)
{
    memset(object, 0, size);
}

static inline bool machine_terminated(const char *text, size_t size)
{
    return memchr(text, 0, size) != NULL;
}
#pragma pop_macro("memset")

static inline void machine_check_map(const struct memory_map *map)
{
    CHECK_TRUE(map->count <= MEMORY_MAP_MAX);
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        CHECK_TRUE(range->start < range->end && range->end <= PHYSICAL_LIMIT);
        CHECK_TRUE((range->start | range->end) % PAGE_SIZE == 0);
        CHECK_TRUE((unsigned)range->kind < MEMORY_KINDS);
        CHECK_TRUE(i == 0 || range[-1].end <= range->start);
    }
}

static inline void machine_check_screen(const struct boot_framebuffer *screen)
{
    if (screen->kind == FRAMEBUFFER_NONE)
        return;
    bool text = screen->kind == FRAMEBUFFER_TEXT;
    unsigned bits = screen->bits_per_pixel;
    uint64_t row = text ? screen->width * 2ull : screen->width * (uint64_t)((bits + 7) / 8);
    uint64_t size = (uint64_t)screen->pitch * screen->height;
    CHECK_TRUE(screen->width && screen->height && screen->address);
    CHECK_TRUE(text || (bits >= 1 && bits <= 32));
    CHECK_TRUE(screen->pitch >= row);
    CHECK_TRUE(screen->address < PHYSICAL_LIMIT && size <= PHYSICAL_LIMIT - screen->address);
    CHECK_TRUE(screen->kind != FRAMEBUFFER_INDEXED || screen->palette_colors <= 256);
    if (screen->kind != FRAMEBUFFER_RGB)
        return;
    CHECK_TRUE(screen->red.size && screen->red.position + screen->red.size <= (int)bits);
    CHECK_TRUE(screen->green.size && screen->green.position + screen->green.size <= (int)bits);
    CHECK_TRUE(screen->blue.size && screen->blue.position + screen->blue.size <= (int)bits);
}

// Whatever the loader has said.
static inline void machine_check(const struct boot_info *boot)
{
    machine_check_map(&boot->memory);
    machine_check_screen(&boot->framebuffer);
    CHECK_TRUE(boot->protocol);
    CHECK_TRUE(machine_terminated(boot->loader_name, sizeof(boot->loader_name)));
    CHECK_TRUE(machine_terminated(boot->command_line, sizeof(boot->command_line)));
    CHECK_TRUE(boot->module_count <= BOOT_MODULES_MAX);
    for (unsigned i = 0; i < boot->module_count; i++) {
        const struct boot_module *module = &boot->modules[i];
        CHECK_TRUE(module->start < module->end && module->end <= PHYSICAL_LIMIT);
        CHECK_TRUE(machine_terminated(module->command_line, sizeof(module->command_line)));
    }
    CHECK_TRUE(boot->smbios.length <= sizeof(boot->smbios.entry_point));
    CHECK_TRUE(boot->rsdp_length == 0 || boot->rsdp_length == 20 || boot->rsdp_length == 36);
    CHECK_TRUE(boot->dhcp_length <= sizeof(boot->dhcp_ack));
    CHECK_TRUE(boot->info_start <= boot->info_end);
    CHECK_TRUE((uint64_t)boot->sections.count * boot->sections.entry_size <=
               boot->info_end - boot->info_start);
}
