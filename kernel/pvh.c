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

// Entry `index` of a list at a physical address; false where it can't be reached. Copied, since
// lists may lie at any address.
static bool read_entry(paddr_t list, uint64_t index, void *entry, size_t size)
{
    const uint8_t *bytes = phys_to_virt(list, (index + 1) * size);
    if (bytes)
        memcpy(entry, bytes + index * size, size);
    return list && bytes;
}

static void read_modules(const struct start_info *info, struct boot_info *boot)
{
    for (uint32_t i = 0; i < info->module_count && i <= BOOT_MODULES_MAX; i++) {
        struct start_module module;
        if (!read_entry(info->modules, i, &module, sizeof(module))) {
            boot_complain(boot, "PVH: module %u of %u at 0x%lx can't be read", i,
                          info->module_count, info->modules);
            return;
        }
        size_t length;
        const char *text = text_at(module.command_line, BOOT_MODULE_COMMAND_LINE_MAX, &length);
        paddr_t end;
        if (__builtin_add_overflow(module.address, module.size, &end))
            end = 0; // refused as inverted
        boot_add_module(boot, module.address, end, text, length);
    }
}

static void read_memory(const struct start_info *info, struct boot_info *boot)
{
    for (uint32_t i = 0; i < info->memory_map_count; i++) {
        struct start_memory range;
        if (i == BOOT_MEMORY_ENTRIES_MAX ||
            !read_entry(info->memory_map, i, &range, sizeof(range))) {
            boot_complain(boot, "PVH: entry %u of %u of the memory map at 0x%lx can't be read", i,
                          info->memory_map_count, info->memory_map);
            return;
        }
        memory_map_add(&boot->memory, range.address, range.size, memory_kind_from_e820(range.type),
                       arch_physical_limit());
    }
}

enum status pvh_parse(paddr_t address, struct boot_info *boot)
{
    boot->protocol = "PVH";
    struct start_info info;
    if (!read_entry(address, 0, &info, sizeof(info)) || info.magic != PVH_MAGIC)
        return MALFORMED;
    boot->info_start = address;
    boot->info_end = address + sizeof(info);
    boot->rsdp_address = info.rsdp;

    size_t length;
    const char *text = text_at(info.command_line, BOOT_COMMAND_LINE_MAX, &length);
    if (!string_copy(boot->command_line, sizeof(boot->command_line), text, length))
        boot_complain(boot, "the command line was cut at %d characters", BOOT_COMMAND_LINE_MAX - 1);
    read_modules(&info, boot);
    if (info.version >= 1)
        read_memory(&info, boot);
    else
        boot_complain(boot, "PVH: version 0 has no memory map");
    return OK;
}
