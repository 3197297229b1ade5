// The proof: every page that the tables map, against what its place in the address space allows.

#include "lib/bits.h"
#include "mm/vspace_priv.h"

enum { NOT_MAPPED = -1 };

struct check {
    mm_complain *complain;
    unsigned count;
};

#define wrong(check, ...) ((check)->count++, (check)->complain(__VA_ARGS__))

// The rights of a page of the image; NOT_MAPPED for the stacks' guards and the boot's tables.
static int image_rights(uintptr_t page)
{
    static const struct {
        const char *start, *end;
        int rights;
    } parts[] = {
        {kernel_boot_tables_start, kernel_boot_tables_end, NOT_MAPPED},
        {kernel_text_start, kernel_text_end, MAP_EXECUTE},
        {kernel_rodata_start, kernel_rodata_end, MAP_READ},
        {kernel_data_start, kernel_data_end, MAP_WRITE},
        {kernel_symbols_start, kernel_symbols_end, MAP_READ},
    };
    if (arch_boot_guard(page))
        return NOT_MAPPED;
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
        if (page >= align_down((uintptr_t)parts[i].start, PAGE_SIZE) &&
            page < (uintptr_t)parts[i].end)
            return parts[i].rights;
    return NOT_MAPPED;
}

static void check_image(const struct mapping *page, struct check *check)
{
    if (page->physical != kernel_image_phys((const void *)page->start))
        wrong(check, "%lx: part of the image, mapped to 0x%lx", page->start, page->physical);
    for (uintptr_t at = page->start; at - page->start < page->size; at += PAGE_SIZE) {
        int rights = image_rights(at);
        if (rights == NOT_MAPPED)
            wrong(check, "%lx: mapped, and must not be", at);
        else if ((unsigned)rights != page->rights)
            wrong(check, "%lx: rights %x of the image, expected %x", at, page->rights,
                  (unsigned)rights);
    }
}

static void check_direct(const struct mapping *page, struct check *check)
{
    if (page->physical != page->start - direct_map_base)
        wrong(check, "%lx: direct map of 0x%lx", page->start, page->physical);
    paddr_t end, stop = page->physical + page->size;
    for (paddr_t at = page->physical; at < stop; at = end) {
        int rights = direct_map_rights(vspace.map, at, &end);
        if (rights == DIRECT_ABSENT)
            wrong(check, "%lx: 0x%lx isn't ours, and in the direct map", page->start, at);
        else if ((unsigned)rights != page->rights)
            wrong(check, "%lx: rights %x in the direct map, expected %x", page->start, page->rights,
                  (unsigned)rights);
    }
}

static void check_range(const struct mapping *page, struct check *check)
{
    bool is_guard;
    const struct vspace_range *range = vspace_find(page->start, &is_guard);
    if (!range)
        wrong(check, "%lx: mapped, and nobody's", page->start);
    else if (is_guard)
        wrong(check, "%lx: guard page of %s, mapped", page->start, range->name);
    else if (page->start + page->size > range->end)
        wrong(check, "%lx: reaches beyond %s", page->start, range->name);
}

static void check_page(const struct mapping *page, void *context)
{
    struct check *check = context;
    bool is_image =
        page->start >= (uintptr_t)kernel_image_start && page->start < (uintptr_t)kernel_image_end;
    if (page->rights & MAP_WRITE && page->rights & MAP_EXECUTE)
        wrong(check, "%lx: writable and executable", page->start);
    if (page->rights & MAP_EXECUTE && !is_image)
        wrong(check, "%lx: executable, and not in the image", page->start);
    if (page->rights & MAP_WRITE && is_constant_memory(page->physical, page->physical + page->size))
        wrong(check, "%lx: writable alias of the image's 0x%lx", page->start, page->physical);
    if (is_image)
        check_image(page, check);
    else if (page->start - direct_map_base < kernel_ranges_base - direct_map_base)
        check_direct(page, check);
    else if (page->start - kernel_ranges_base < KERNEL_RANGES_SIZE)
        check_range(page, check);
    else
        wrong(check, "%lx: mapped, and nobody's", page->start);
}

static void check_image_is_whole(struct check *check)
{
    struct mapping page;
    for (uintptr_t at = (uintptr_t)kernel_image_start; at < (uintptr_t)kernel_image_end;
         at += PAGE_SIZE)
        if (image_rights(at) != NOT_MAPPED && !arch_translate(at, &page))
            wrong(check, "%lx: part of the image, not mapped", at);
}

// Complains once for each gap.
static void check_is_mapped(uintptr_t start, uintptr_t end, struct check *check)
{
    struct mapping page;
    for (uintptr_t at = start; at < end; at = page.start + page.size) {
        bool is_there = arch_find_page(at, end, &page);
        if (is_there && page.start <= at)
            continue;
        wrong(check, "%lx: should be in the direct map up to %lx, not mapped", at,
              is_there ? page.start : end);
        if (!is_there)
            return;
    }
}

static void check_direct_map_is_whole(struct check *check)
{
    for (paddr_t at = 0, end; at < direct_map_size; at = end) {
        bool is_absent = direct_map_rights(vspace.map, at, &end) == DIRECT_ABSENT;
        if (end > direct_map_size)
            end = direct_map_size;
        if (!is_absent)
            check_is_mapped(direct_map_base + at, direct_map_base + end, check);
    }
}

// Whether the direct map ends where memory does.
static void check_direct_map_end(struct check *check)
{
    const struct memory_map *map = vspace.map;
    paddr_t room = kernel_ranges_base - direct_map_base, next;
    for (unsigned i = 0; i < map->count; i++)
        if (map->ranges[i].end > direct_map_size && map->ranges[i].end <= room &&
            direct_map_rights(map, map->ranges[i].end - 1, &next) != DIRECT_ABSENT)
            wrong(check, "0x%lx: the direct map ends below, at 0x%lx", map->ranges[i].end,
                  direct_map_size);
}

unsigned vspace_check(mm_complain *complain)
{
    struct check check = {complain, 0};
    if (!vspace.is_ready)
        return 0;
    unsigned broken = arch_walk_tables(check_page, &check);
    if (broken)
        wrong(&check, "%u tables or entries break the tables' own rules", broken);
    check_image_is_whole(&check);
    check_direct_map_is_whole(&check);
    check_direct_map_end(&check);
    return check.count;
}
