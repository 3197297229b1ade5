// Commands about memory. Physical memory as a table and as a picture is shown here.

#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "kernel/memory.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/failpoint.h"
#include "monitor/command.h"
#include "monitor/memory_picture.h"
#include "monitor/memory_views.h"

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

static enum status show_map(int argc, char **argv)
{
    if (argc > 0)
        return memory_show_mapping(argc, argv);
    show_picture(&boot_info.memory);
    return OK;
}

COMMAND(memory, "[map|pages|slabs|leaks|ranges|walk|check] [ADDRESS]",
        "what memory there is, who has it, what is mapped where, is it sound", "memory pages")
{
    static const struct {
        const char *word;
        memory_view *show;
    } views[] = {
        {"map", show_map},
        {"pages", memory_show_pages},
        {"slabs", memory_show_slabs},
        {"leaks", memory_show_leaks},
        {"ranges", memory_show_ranges},
        {"walk", memory_walk},
        {"check", memory_run_checks},
    };
    if (argc == 1) {
        show_table(&boot_info.memory);
        return OK;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(views); i++)
        if (string_equal(argv[1], views[i].word))
            return views[i].show(argc - 2, argv + 2);
    return BAD_ARGUMENT;
}

COMMAND(failpoint, "[page=N|slab=N]",
        "make an allocation fail, the Nth from now on, to see what comes of it",
        "failpoint page=1; peek phys:0xfee00030")
{
    if (argc > 2 || (argc == 2 && failpoint_set_by_name(argv[1]) != OK))
        return BAD_ARGUMENT;
    if (argc == 1)
        print("page=%lu slab=%lu\n", failpoint_get(FAILPOINT_PAGE), failpoint_get(FAILPOINT_SLAB));
    return OK;
}

COMMAND(module, "free NUMBER", "free a module, one of those that `boot` lists", "module free 0")
{
    uint64_t number;
    if (argc != 3 || !string_equal(argv[1], "free"))
        return BAD_ARGUMENT;
    if (!command_number(argv[2], &number))
        return FAILED;
    enum status status = number > UINT32_MAX ? OUT_OF_RANGE : memory_free_module((unsigned)number);
    if (status == OUT_OF_RANGE)
        print("there is no module %lu: `boot` lists them\n", number);
    else if (status != OK)
        print("its memory isn't free to go: %s\n", status_name(status));
    return status == OK ? OK : FAILED;
}
