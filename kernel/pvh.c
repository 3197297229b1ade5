// PVH start information. All pointers are physical addresses, each checked against the direct map.

#include "kernel/pvh.h"
#include "arch/arch.h"
#include "lib/string.h"
#include "mm/layout.h"

struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp;
    uint64_t memory_map; // from here on: version 1 and later
    uint32_t memory_map_count, reserved;
};

struct start_module {
    uint64_t address, size, command_line, reserved;
};

struct start_memory {
    uint64_t address, size;
    uint32_t type, reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "start_info.h");
_Static_assert(sizeof(struct start_module) == 32, "start_info.h");
_Static_assert(sizeof(struct start_memory) == 24, "start_info.h");

// The text at `address`, with its length up to `limit`; "" where there is none.
static const char *text_at(paddr_t address, size_t limit, size_t *length)
{
    const char *text = address ? phys_to_virt(address, limit) : NULL;
    *length = text ? strnlen(text, limit) : 0;
    return text ? text : "";
}

static void read_modules(const struct start_info *info, struct boot_info *boot)
{
    uint32_t count = info->module_count;
    const struct start_module *modules =
        phys_to_virt(info->modules, count * sizeof(struct start_module));
    if (count && !modules) {
        boot_complain(boot, "PVH: %u modules listed at 0x%lx can't be read", count, info->modules);
        return;
    }
    for (uint32_t i = 0; i < count && i <= BOOT_MODULES_MAX; i++) {
        size_t length;
        const char *text = text_at(modules[i].command_line, BOOT_MODULE_COMMAND_LINE_MAX, &length);
        paddr_t end;
        if (__builtin_add_overflow(modules[i].address, modules[i].size, &end))
            end = 0;
        boot_add_module(boot, modules[i].address, end, text, length);
    }
}

static void read_memory(const struct start_info *info, struct boot_info *boot)
{
    uint32_t count = info->memory_map_count;
    const struct start_memory *map = count <= BOOT_MEMORY_ENTRIES_MAX
                                         ? phys_to_virt(info->memory_map, count * sizeof(*map))
                                         : NULL;
    if (!map) {
        boot_complain(boot, "PVH: a memory map of %u entries at 0x%lx can't be read", count,
                      info->memory_map);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        memory_map_add(&boot->memory, map[i].address, map[i].size,
                       memory_kind_from_e820(map[i].type), arch_physical_limit());
}

enum status pvh_parse(paddr_t address, struct boot_info *boot)
{
    boot->protocol = "PVH";
    const struct start_info *info = phys_to_virt(address, sizeof(*info));
    if (!info || info->magic != PVH_MAGIC || address % 4)
        return MALFORMED;
    boot->info_start = address;
    boot->info_end = address + sizeof(*info);
    boot->rsdp_address = info->rsdp;

    size_t length;
    const char *text = text_at(info->command_line, BOOT_COMMAND_LINE_MAX, &length);
    if (!string_copy(boot->command_line, sizeof(boot->command_line), text, length))
        boot_complain(boot, "the command line was cut at %d characters", BOOT_COMMAND_LINE_MAX - 1);
    read_modules(info, boot);
    if (info->version >= 1)
        read_memory(info, boot);
    else
        boot_complain(boot, "PVH: version 0 has no memory map");
    return OK;
}
