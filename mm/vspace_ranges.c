// Who has which range of addresses: a sorted array. Places are looked for from the last one on, so
// that an address isn't used again soon.

#include "lib/bits.h"
#include "lib/string.h"
#include "mm/vspace_priv.h"

struct vspace vspace;

static size_t pages_for(unsigned capacity)
{
    size_t size = sizeof(struct range_list) + capacity * sizeof(struct vspace_range);
    return align_up(size, PAGE_SIZE) / PAGE_SIZE;
}

static unsigned capacity_of(size_t pages)
{
    return (unsigned)((pages * PAGE_SIZE - sizeof(struct range_list)) /
                      sizeof(struct vspace_range));
}

// Readers without a lock go on in the old list, which stays as it is.
static enum status grow(void)
{
    const struct range_list *old = vspace.list;
    size_t pages = old ? 2 * pages_for(old->capacity) : 1;
    paddr_t run = page_alloc_run(pages, PAGE_ZERO);
    struct range_list *list = run ? phys_to_virt(run, pages * PAGE_SIZE) : NULL;
    if (!list)
        return NO_MEMORY;
    list->capacity = capacity_of(pages);
    list->count = old ? old->count : 0;
    if (old)
        memcpy(list->ranges, old->ranges, old->count * sizeof(old->ranges[0]));
    __atomic_store_n(&vspace.list, list, __ATOMIC_RELEASE);
    return OK;
}

enum status ranges_init(uintptr_t start, uintptr_t end)
{
    vspace.start = vspace.next = start;
    vspace.end = end;
    return vspace.list ? OK : grow();
}

static const struct range_list *list_now(void)
{
    static const struct range_list empty;
    const struct range_list *list = __atomic_load_n(&vspace.list, __ATOMIC_ACQUIRE);
    return list ? list : &empty;
}

static unsigned count_of(const struct range_list *list)
{
    return __atomic_load_n(&list->count, __ATOMIC_ACQUIRE);
}

// The first range that ends above `address`; `count`: none.
static unsigned index_in(const struct range_list *list, unsigned count, uintptr_t address)
{
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (list->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

unsigned range_index(uintptr_t address)
{
    const struct range_list *list = vspace.list;
    return index_in(list, list->count, address);
}

bool range_copy(uintptr_t address, enum vspace_kind kind, struct vspace_range *range)
{
    uintptr_t state = lock_irqsave(&vspace.lock);
    const struct range_list *list = list_now();
    unsigned index = index_in(list, list->count, address);
    bool is_there = index < list->count && address >= list->ranges[index].start &&
                    list->ranges[index].kind == kind;
    if (is_there)
        *range = list->ranges[index];
    unlock_irqrestore(&vspace.lock, state);
    return is_there;
}

bool range_recall(uintptr_t address)
{
    unsigned index = range_index(address);
    if (index == vspace.list->count || address < vspace.list->ranges[index].start)
        return false;
    vspace.recent = vspace.list->ranges[index].start;
    vspace.recent_size = vspace.list->ranges[index].end - vspace.recent;
    return true;
}

// The place for a range below range `index`, at `from` or above it; 0: it doesn't fit there.
static uintptr_t place_below(unsigned index, uintptr_t from, size_t size, size_t alignment,
                             size_t skew)
{
    const struct range_list *list = vspace.list;
    uintptr_t low = index ? list->ranges[index - 1].end + PAGE_SIZE : vspace.start;
    uintptr_t high = index < list->count ? list->ranges[index].start - PAGE_SIZE : vspace.end;
    if (low < from)
        low = from;
    low += PAGE_SIZE; // its own guards
    high -= PAGE_SIZE;
    uintptr_t place = align_up(low - skew, alignment) + skew;
    return place >= low && place < high && size <= high - place ? place : 0;
}

// Looks at the first place twice: from `next` on, and whole.
static uintptr_t find_place(size_t size, size_t alignment, size_t skew, unsigned *index)
{
    unsigned first = range_index(vspace.next), count = vspace.list->count;
    for (unsigned i = 0; i <= count + 1; i++) {
        bool is_around = first + i > count;
        *index = is_around ? first + i - count - 1 : first + i;
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
    if (vspace.list->count == vspace.list->capacity && grow() != OK)
        return NO_MEMORY;
    range.start = find_place(size, alignment, skew, &index);
    if (!range.start)
        return NO_MEMORY;
    range.end = range.start + size;
    struct range_list *list = vspace.list;
    memmove(&list->ranges[index + 1], &list->ranges[index], (list->count - index) * sizeof(range));
    list->ranges[index] = range;
    __atomic_store_n(&list->count, list->count + 1, __ATOMIC_RELEASE);
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
    enum status status =
        vspace.list ? insert(align_up(size, PAGE_SIZE), alignment, skew, range, start) : NO_MEMORY;
    unlock_irqrestore(&vspace.lock, state);
    return status;
}

void range_remove(unsigned index)
{
    struct range_list *list = vspace.list;
    unsigned count = list->count - 1;
    __atomic_store_n(&list->count, count, __ATOMIC_RELEASE);
    memmove(&list->ranges[index], &list->ranges[index + 1],
            (count - index) * sizeof(struct vspace_range));
    list->ranges[count] = (struct vspace_range){0};
    vspace.recent_size = 0;
}

const struct vspace_range *vspace_range(unsigned index)
{
    const struct range_list *list = list_now();
    return index < count_of(list) ? &list->ranges[index] : NULL;
}

const struct vspace_range *vspace_find(uintptr_t address, bool *is_guard)
{
    const struct range_list *list = list_now();
    unsigned count = count_of(list), above = index_in(list, count, address);
    for (unsigned i = above ? above - 1 : 0; i <= above && i < count; i++) {
        const struct vspace_range *range = &list->ranges[i];
        if (address < range->start - PAGE_SIZE || address >= range->end + PAGE_SIZE)
            continue;
        *is_guard = address < range->start || address >= range->end;
        return range;
    }
    return NULL;
}
