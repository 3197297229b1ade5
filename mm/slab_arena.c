// Arenas: 64 pages, aligned to their size, of which the first describes the others. The page
// allocator keeps free pages in words of 64, so an arena is to be had wherever one of them is free.
//
// Invariant: a page is in its arena's bitmap, or its descriptor has the tag of who has it. Arenas
// stand in lists by their longest run of free pages, so that one with room is found at once.

#include "lib/bits.h"
#include "mm/slab_priv.h"

enum {
    LISTS = 8,
    WHOLE = LISTS - 1, // nothing is in these
    SPARE = 2,         // of them that are kept
    CANDIDATES = 8,    // looked at in the one list where a run may be long enough or not
};

#define ALL_PAGES (~0ull - 1) // but the descriptors'

static struct lock arenas_lock;
static struct link arenas[LISTS]; // list n: longest run of 2^(n-1) to 2^n - 1 pages; 0: full
static unsigned spares;

void arena_init(void)
{
    for (unsigned i = 0; i < LISTS; i++)
        link_init(&arenas[i]);
    spares = 0;
}

unsigned slab_page_flags(void)
{
    return direct_map_size <= BOOT_DIRECT_MAP_SIZE ? PAGE_BELOW_4G : PAGE_ANY;
}

static struct arena *arena_from_link(struct link *link)
{
    return (struct arena *)((char *)link - offsetof(struct arena, link));
}

static uint64_t arena_bits(unsigned first, unsigned count)
{
    return (BIT(count) - 1) << first;
}

// The list for what is free.
static unsigned longest_run(uint64_t free)
{
    if (free == ALL_PAGES)
        return WHOLE;
    unsigned list = 0;
    for (unsigned length = 1; free; length *= 2) {
        list++;
        free &= free >> length;
    }
    return list;
}

// The lowest page of a run, or 0.
static unsigned run_find(uint64_t free, unsigned pages)
{
    while (pages > 1) { // a bit stays where as many again follow
        unsigned half = pages / 2;
        free &= free >> half;
        pages -= half;
    }
    return free ? __builtin_ctzll(free) : 0;
}

static void arena_file(struct arena *arena)
{
    arena->longest = longest_run(arena->free);
    link_insert(&arena->link, arenas[arena->longest].next);
    spares += arena->longest == WHOLE;
}

static void arena_unfile(struct arena *arena)
{
    link_remove(&arena->link);
    spares -= arena->longest == WHOLE;
}

static void arena_refile(struct arena *arena)
{
    if (longest_run(arena->free) == arena->longest)
        return;
    arena_unfile(arena);
    arena_file(arena);
}

// An arena with such a run: the one with the shortest, so that long ones stay whole.
static struct arena *arena_find(unsigned pages)
{
    unsigned list = 64 - __builtin_clzll(pages), looked = 0;
    for (struct link *link = arenas[list].next; link != &arenas[list]; link = link->next) {
        if (run_find(arena_from_link(link)->free, pages))
            return arena_from_link(link);
        if (++looked == CANDIDATES)
            break;
    }
    while (++list < LISTS)
        if (arenas[list].next != &arenas[list])
            return arena_from_link(arenas[list].next);
    return NULL;
}

static struct slab *arena_carve(struct arena *arena, unsigned pages, unsigned index)
{
    unsigned first = run_find(arena->free, pages);
    struct slab *slab = arena_slab(arena, first);
    for (unsigned i = 0; i < pages; i++) {
        slab[i].tag = index ^ slab_secret;
        slab[i].first = first;
    }
    slab->pages = pages;
    arena->free &= ~arena_bits(first, pages);
    arena_refile(arena);
    return slab;
}

static struct arena *arena_create(void)
{
    paddr_t pages = page_alloc_run(ARENA_PAGES, slab_page_flags());
    if (pages == NO_PAGE)
        return NULL;
    struct arena *arena = phys_to_virt(pages, ARENA_SIZE);
    if (!arena) {
        page_free_run(pages, ARENA_PAGES);
        return NULL;
    }
    for (unsigned i = 0; i < ARENA_PAGES; i++)
        arena_slab(arena, i)->tag = 0;
    arena->free = ALL_PAGES;
    arena->self = arena;
    return arena;
}

static void arena_destroy(struct arena *arena)
{
    arena->self = NULL;
    page_free_run((uintptr_t)arena - direct_map_base, ARENA_PAGES);
}

static struct slab *take_from_what_is_there(unsigned pages, unsigned index)
{
    uintptr_t state = lock_irqsave(&arenas_lock);
    struct arena *arena = arena_find(pages);
    struct slab *slab = arena ? arena_carve(arena, pages, index) : NULL;
    unlock_irqrestore(&arenas_lock, state);
    return slab;
}

struct slab *arena_take(unsigned pages, unsigned index)
{
    struct slab *slab = take_from_what_is_there(pages, index);
    if (slab)
        return slab;
    struct arena *arena = arena_create();
    if (!arena) // but slab_reclaim() may have made room meanwhile
        return take_from_what_is_there(pages, index);
    arena->longest = 0;
    link_init(&arena->link);
    uintptr_t state = lock_irqsave(&arenas_lock);
    slab = arena_carve(arena, pages, index);
    unlock_irqrestore(&arenas_lock, state);
    return slab;
}

void arena_put(struct slab *slab)
{
    struct arena *arena = arena_of(slab);
    unsigned pages = slab->pages;
    uintptr_t state = lock_irqsave(&arenas_lock);
    arena->free |= arena_bits(slab->first, pages);
    for (unsigned i = 0; i < pages; i++)
        slab[i].tag = 0;
    arena_refile(arena);
    bool is_too_many = spares > SPARE && arena->longest == WHOLE;
    if (is_too_many)
        arena_unfile(arena);
    unlock_irqrestore(&arenas_lock, state);
    if (is_too_many)
        arena_destroy(arena);
}

size_t arena_reclaim(void)
{
    size_t count = 0;
    while (slab_is_ready()) {
        struct arena *arena = NULL;
        uintptr_t state = lock_irqsave(&arenas_lock);
        if (arenas[WHOLE].next != &arenas[WHOLE]) {
            arena = arena_from_link(arenas[WHOLE].next);
            arena_unfile(arena);
        }
        unlock_irqrestore(&arenas_lock, state);
        if (!arena)
            break;
        arena_destroy(arena);
        count += ARENA_PAGES;
    }
    return count;
}

static void visit_one(struct arena *arena, void (*visit)(struct slab *slab, void *context),
                      void *context)
{
    for (unsigned page = 1; page < ARENA_PAGES;) {
        struct slab *slab = arena_slab(arena, page);
        if (slab->tag)
            visit(slab, context);
        page += slab->tag ? slab->pages : 1;
    }
}

void arena_visit(void (*visit)(struct slab *slab, void *context), void *context)
{
    if (!slab_is_ready())
        return;
    uintptr_t state = lock_irqsave(&arenas_lock);
    for (unsigned i = 0; i < LISTS; i++)
        for (struct link *link = arenas[i].next; link != &arenas[i]; link = link->next)
            visit_one(arena_from_link(link), visit, context);
    unlock_irqrestore(&arenas_lock, state);
}

// The bitmap as the descriptors have it; a run that doesn't fit together is left out.
static uint64_t free_by_descriptors(struct arena *arena)
{
    uint64_t free = ALL_PAGES;
    for (unsigned page = 1; page < ARENA_PAGES;) {
        struct slab *slab = arena_slab(arena, page);
        if (!slab->tag || slab->first != page || !slab->pages || slab->pages > ARENA_PAGES - page) {
            page++;
            continue;
        }
        for (unsigned i = 0; i < slab->pages; i++)
            if (slab[i].tag == slab->tag && slab[i].first == page)
                free &= ~BIT(page + i);
        page += slab->pages;
    }
    return free;
}

static unsigned arena_check_one(struct arena *arena, unsigned list, mm_complain *complain)
{
    if (arena->self != arena || arena->tag) {
        complain("slab: %p has lost the mark of an arena", (void *)arena);
        return 1;
    }
    uint64_t free = free_by_descriptors(arena);
    if (free == arena->free && arena->longest == list && longest_run(free) == list)
        return 0;
    complain("slab: arena %p has the pages 0x%lx free, its descriptors 0x%lx, list %u",
             (void *)arena, arena->free, free, list);
    return 1;
}

unsigned arena_check(mm_complain *complain)
{
    unsigned wrong = 0;
    if (!slab_is_ready())
        return wrong;
    for (unsigned i = 0; i < LISTS; i++)
        for (struct link *link = arenas[i].next; link != &arenas[i]; link = link->next)
            wrong += arena_check_one(arena_from_link(link), i, complain);
    return wrong;
}
