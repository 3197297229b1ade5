// Who has which range of addresses: a sorted array. Places are looked for from the last one on, so
// that an address isn't used again soon.

#include "lib/bits.h"
#include "lib/string.h"
#include "mm/vspace_priv.h"

struct vspace vspace;

static unsigned capacity_of(size_t pages)
{
    return (unsigned)(pages * PAGE_SIZE / sizeof(struct vspace_range));
}

// Readers without a lock see the old array or the new one, and never beyond its end.
static enum status grow(void)
{
    size_t before = align_up(vspace.capacity * sizeof(struct vspace_range), PAGE_SIZE) / PAGE_SIZE;
    size_t pages = before ? 2 * before : 1;
    paddr_t run = page_alloc_run(pages, PAGE_ZERO);
    struct vspace_range *old = vspace.ranges,
                        *ranges = run ? phys_to_virt(run, pages * PAGE_SIZE) : NULL;
    if (!ranges)
        return NO_MEMORY;
    if (old)
        memcpy(ranges, old, vspace.count * sizeof(*old));
    __atomic_store_n(&vspace.ranges, ranges, __ATOMIC_RELEASE);
    vspace.capacity = capacity_of(pages);
    if (old)
        page_free_run((uintptr_t)old - direct_map_base, before);
    return OK;
}

enum status ranges_init(uintptr_t start, uintptr_t end)
{
    vspace.start = vspace.next = start;
    vspace.end = end;
    return vspace.ranges ? OK : grow();
}

unsigned range_index(uintptr_t address)
{
    const struct vspace_range *ranges = __atomic_load_n(&vspace.ranges, __ATOMIC_ACQUIRE);
    unsigned low = 0, high = vspace.count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool range_recall(uintptr_t address)
{
    unsigned index = range_index(address);
    if (index == vspace.count || address < vspace.ranges[index].start)
        return false;
    vspace.recent = vspace.ranges[index].start;
    vspace.recent_size = vspace.ranges[index].end - vspace.recent;
    return true;
}

// The place for a range below range `index`, at `from` or above it; 0: it doesn't fit there.
static uintptr_t place_below(unsigned index, uintptr_t from, size_t size, size_t alignment,
                             size_t skew)
{
    uintptr_t low = index ? vspace.ranges[index - 1].end + PAGE_SIZE : vspace.start;
    uintptr_t high = index < vspace.count ? vspace.ranges[index].start - PAGE_SIZE : vspace.end;
    if (low < from)
        low = from;
    low += PAGE_SIZE; // its own guards
    high -= PAGE_SIZE;
    uintptr_t place = align_up(low - skew, alignment) + skew;
    return place >= low && place < high && size <= high - place ? place : 0;
}

static uintptr_t find_place(size_t size, size_t alignment, size_t skew, unsigned *index)
{
    unsigned first = range_index(vspace.next);
    for (unsigned i = 0; i <= vspace.count + 1;
         i++) { // the first one twice: from `next`, and whole
        bool is_around = first + i > vspace.count;
        *index = is_around ? first + i - vspace.count - 1 : first + i;
        uintptr_t place =
            place_below(*index, is_around ? vspace.start : vspace.next, size, alignment, skew);
        if (place)
            return place;
    }
    return 0;
}

static enum status insert(size_t size, size_t alignment, size_t skew, struct vspace_range range,
                          uintptr_t *start)
{
    unsigned index;
    if (vspace.count == vspace.capacity && grow() != OK)
        return NO_MEMORY;
    range.start = find_place(size, alignment, skew, &index);
    if (!range.start)
        return NO_MEMORY;
    range.end = range.start + size;
    memmove(&vspace.ranges[index + 1], &vspace.ranges[index],
            (vspace.count - index) * sizeof(range));
    vspace.ranges[index] = range;
    vspace.count++;
    vspace.next = range.end + PAGE_SIZE;
    *start = range.start;
    return OK;
}

enum status range_insert(size_t size, size_t alignment, size_t skew, const char *name,
                         enum vspace_kind kind, uintptr_t *start)
{
    if (!size || size > KERNEL_RANGES_SIZE || alignment < PAGE_SIZE ||
        alignment > KERNEL_RANGES_SIZE || alignment & (alignment - 1) || skew >= alignment)
        return BAD_ARGUMENT;
    struct vspace_range range = {.name = name, .kind = kind};
    uintptr_t state = lock_irqsave(&vspace.lock);
    enum status status = vspace.ranges
                             ? insert(align_up(size, PAGE_SIZE), alignment, skew, range, start)
                             : NO_MEMORY;
    unlock_irqrestore(&vspace.lock, state);
    return status;
}

void range_remove(unsigned index)
{
    vspace.count--;
    memmove(&vspace.ranges[index], &vspace.ranges[index + 1],
            (vspace.count - index) * sizeof(struct vspace_range));
    vspace.ranges[vspace.count] = (struct vspace_range){0};
    vspace.recent_size = 0;
}

const struct vspace_range *vspace_range(unsigned index)
{
    return index < vspace.count ? &vspace.ranges[index] : NULL;
}

const struct vspace_range *vspace_find(uintptr_t address, bool *is_guard)
{
    unsigned above = range_index(address);
    for (unsigned i = above ? above - 1 : 0; i <= above && i < vspace.count; i++) {
        const struct vspace_range *range = &vspace.ranges[i];
        if (address < range->start - PAGE_SIZE || address >= range->end + PAGE_SIZE)
            continue;
        *is_guard = address < range->start || address >= range->end;
        return range;
    }
    return NULL;
}
