// The command that shows physical memory: as a table, and as a picture.

#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "lib/format.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/memory_picture.h"

static void show_table(const struct memory_map *map)
{
    char size[FORMAT_SIZE_MAX];
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        print("  %012lx..%012lx %10s  %s\n", range->start, range->end,
              format_size(size, range->end - range->start), memory_kind_name(range->kind));
    }
    print("%s usable; %u ranges in all\n", format_size(size, memory_map_total(map, MEMORY_USABLE)),
          map->count);
}

static void show_bar(const struct memory_map *map, enum memory_kind kind, paddr_t end)
{
    char size[FORMAT_SIZE_MAX], bar[PICTURE_BAR_MAX];
    uint64_t bytes = picture_bytes(map, kind, 0, end);
    if (bytes)
        print("%-16s %10s |%s|\n", memory_kind_name(kind), format_size(size, bytes),
              picture_bar(map, kind, end, bar));
}

// The width of the bars: 0 at their left end, the end of memory at their right one.
static void show_scale(paddr_t end)
{
    char last[20];
    snprintf(last, sizeof(last), "0x%lx", end);
    print("%-27s |0%*s|\n", "", PICTURE_SLICES - 1, last);
}

static void show_legend(paddr_t end)
{
    char size[FORMAT_SIZE_MAX];
    print("Each block is %s:", format_size(size, end / PICTURE_SLICES));
    print(" %s less than 1/3, %s less than 2/3, %s more, %s all.\n", picture_block(SHARE_LOW),
          picture_block(SHARE_MIDDLE), picture_block(SHARE_HIGH), picture_block(SHARE_ALL));
}

static void show_what_is_above(const struct memory_map *map, paddr_t end)
{
    static const enum memory_kind devices[] = {MEMORY_RESERVED, MEMORY_FRAMEBUFFER};
    char size[FORMAT_SIZE_MAX];
    bool any = false;
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        uint64_t bytes = picture_bytes(map, devices[i], end, UINT64_MAX);
        if (!bytes)
            continue;
        print("%s %s %s", any ? "," : "Above:", format_size(size, bytes),
              memory_kind_name(devices[i]));
        any = true;
    }
    print(any ? ".\n" : "");
}

static void show_picture(const struct memory_map *map)
{
    paddr_t end = picture_end(map);
    if (!end) {
        print("no memory is known\n");
        return;
    }
    show_scale(end);
    for (unsigned kind = 0; kind < MEMORY_KINDS; kind++)
        show_bar(map, (enum memory_kind)kind, end);
    show_legend(end);
    show_what_is_above(map, end);
}

COMMAND(memory, "[map]", "physical memory; map: drawn, as the firmware and the loader see it",
        "memory map")
{
    if (argc > 2 || (argc == 2 && !string_equal(argv[1], "map")))
        return BAD_ARGUMENT;
    if (argc == 2)
        show_picture(&boot_info.memory);
    else
        show_table(&boot_info.memory);
    return OK;
}
