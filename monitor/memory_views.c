// Views of what has been handed out: pages and objects.

#include "monitor/memory_views.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "lib/format.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "monitor/command.h"
#include "monitor/memory_picture.h"

static uint64_t count_used(const void *context, paddr_t start, paddr_t end)
{
    const struct memory_map *map = context;
    start = align_up(start, PAGE_SIZE);
    end = align_up(end, PAGE_SIZE);
    uint64_t usable = picture_bytes(map, MEMORY_USABLE, start, end);
    uint64_t free = page_free_bytes(start, end);
    return usable > free ? usable - free : 0;
}

static void show_used(const struct page_stats *stats)
{
    char size[FORMAT_SIZE_MAX], bar[PICTURE_BAR_MAX], last[20];
    paddr_t end = picture_end(&boot_info.memory);
    snprintf(last, sizeof(last), "0x%lx", end);
    print("%-27s |0%*s|\n", "", PICTURE_SLICES - 1, last);
    print("%-16s %10s |%s|\n", "in use",
          format_size(size, (stats->total - stats->free) * PAGE_SIZE),
          picture_draw(count_used, &boot_info.memory, end, bar));
}

enum status memory_show_pages(int argc, char **argv)
{
    struct page_stats stats;
    char total[FORMAT_SIZE_MAX], free[FORMAT_SIZE_MAX];
    (void)argv;
    if (argc > 0)
        return BAD_ARGUMENT;
    page_get_stats(&stats);
    show_used(&stats);
    print("%lu pages, %s; %lu free, %s\n", stats.total, format_size(total, stats.total * PAGE_SIZE),
          stats.free, format_size(free, stats.free * PAGE_SIZE));
    print("%lu blocks of 2 MiB free, and among them %lu of 1 GiB; %lu are filled with zeros\n",
          stats.free_blocks, stats.free_gigs, stats.zeroed);
    print("%lu allocated, %lu given back; %lu failed, %lu refused as wrong\n", stats.allocs,
          stats.frees, stats.failed, stats.refused);
    print("besides, the kernel itself: %s, %s of it to describe these pages\n",
          format_size(total, memory_map_total(&boot_info.memory, MEMORY_KERNEL)),
          format_size(free, stats.metadata));
    return OK;
}

static void show_cache(const struct slab_stats *stats)
{
    enum { METER = 20 };
    char bar[PICTURE_BAR_MAX];
    print("%-16.16s %5zu %8lu %7lu %8lu %6lu |%s|\n", stats->name, stats->size, stats->objects,
          stats->cached, stats->room, stats->pages,
          picture_meter(stats->objects, stats->room, METER, bar));
}

enum status memory_show_slabs(int argc, char **argv)
{
    struct slab_stats stats;
    uint64_t pages = 0, failed = 0;
    char size[FORMAT_SIZE_MAX];
    (void)argv;
    if (argc > 0)
        return BAD_ARGUMENT;
    print("%-16s %5s %8s %7s %8s %6s\n", "cache", "size", "in use", "cached", "room", "pages");
    for (unsigned i = 0; slab_get_stats(i, &stats); i++) {
        if (stats.room)
            show_cache(&stats);
        pages += stats.pages;
        failed += stats.failed;
    }
    print("%s in all; %lu failed\n", format_size(size, pages * PAGE_SIZE), failed);
    return OK;
}

static bool show_site(uintptr_t caller, uint64_t objects, uint64_t bytes)
{
    char size[FORMAT_SIZE_MAX];
    print("%8lu object%s %10s  %pS\n", objects, objects == 1 ? " " : "s", format_size(size, bytes),
          (void *)caller);
    return !command_interrupted();
}

enum status memory_show_leaks(int argc, char **argv)
{
    (void)argv;
    if (argc > 0)
        return BAD_ARGUMENT;
    enum status status = slab_leaks(show_site);
    if (status == NOT_SUPPORTED)
        print("only a debug build (make DEBUG=1) knows who has allocated what\n");
    return status;
}
