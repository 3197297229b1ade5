// Brings memory up, in the order in which its parts need each other.

#include "kernel/memory.h"
#include "kernel/boot_info.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/failpoint.h"
#include "mm/page.h"
#include "mm/slab.h"
#include "mm/vspace.h"

// Ranges of one kind, wherever they lie: what overlapped something of more worth has stayed that.
static uint64_t donate_kind(enum memory_kind kind)
{
    struct memory_map *map = &boot_info.memory;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < map->count;) {
        paddr_t start = map->ranges[i].start, end = map->ranges[i].end;
        if (map->ranges[i].kind != kind || page_donate(start, end) != OK) {
            i++;
            continue;
        }
        bytes += end - start;
        i = 0; // the range has merged with its neighbours
    }
    return bytes;
}

static uint64_t donate_boot_tables(void)
{
    paddr_t start = kernel_image_phys(kernel_boot_tables_start),
            end = kernel_image_phys(kernel_boot_tables_end);
    return page_donate(start, end) == OK ? end - start : 0;
}

static void report(uint64_t given_back)
{
    char total[FORMAT_SIZE_MAX], back[FORMAT_SIZE_MAX];
    log_info("memory: %s, %s from the boot",
             format_size(total, memory_map_total(&boot_info.memory, MEMORY_USABLE)),
             format_size(back, given_back));
}

void memory_init(void)
{
    uint64_t given_back = 0;
    enum status status = page_init(&boot_info.memory, direct_map_size);
    slab_init(); // without pages there are no objects either, and everybody is told so
    if (status != OK) {
        log_error("memory: there is none to be had: %s", status_name(status));
        return;
    }
    given_back += donate_kind(MEMORY_BOOT_INFO);
    status = vspace_init(&boot_info.memory);
    if (status == OK)
        given_back += donate_boot_tables();
    else
        log_error("memory: no final page tables, the boot's stay in use: %s", status_name(status));
    report(given_back);
}

// Loaders may put two modules into one page.
static bool is_shared(const struct boot_info *boot, unsigned index, paddr_t page)
{
    for (unsigned i = 0; i < boot->module_count; i++)
        if (i != index && boot->modules[i].start < page + PAGE_SIZE && boot->modules[i].end > page)
            return true;
    return false;
}

// Whatever a loader says, the image and the screen are no module's: only what the map holds for
// modules goes back.
static enum status donate_module(const struct boot_info *boot, unsigned index)
{
    paddr_t start = align_down(boot->modules[index].start, PAGE_SIZE);
    paddr_t end = align_up(boot->modules[index].end, PAGE_SIZE);
    while (start < end && is_shared(boot, index, start))
        start += PAGE_SIZE;
    while (start < end && is_shared(boot, index, end - PAGE_SIZE))
        end -= PAGE_SIZE;
    while (start < end) {
        const struct memory_range *range = memory_map_find(&boot->memory, start);
        paddr_t stop = !range ? start + PAGE_SIZE : range->end < end ? range->end : end;
        if (range && range->kind == MEMORY_MODULE && page_donate(start, stop) != OK)
            return NO_MEMORY;
        start = stop;
    }
    return OK;
}

enum status memory_free_module(unsigned index)
{
    struct boot_info *boot = &boot_info;
    if (index >= boot->module_count)
        return OUT_OF_RANGE;
    enum status status = donate_module(boot, index);
    if (status != OK)
        return status;
    struct boot_module *module = &boot->modules[index];
    boot->module_count--;
    memmove(module, module + 1, (boot->module_count - index) * sizeof(*module));
    return OK;
}

OPTION(failpoint, "page=N|slab=N", "make the Nth allocation fail, of pages or of objects")
{
    return failpoint_set_by_name(value);
}
