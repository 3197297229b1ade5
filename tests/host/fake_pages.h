// mm/page.h for code under test: a pool of host memory, found by looking at one page after the
// other. Wrong frees end the test.
#pragma once

#include "mm/page.h"

#include <pthread.h>

#ifndef FAKE_PAGES
#define FAKE_PAGES 32768 // 128 MiB
#endif

uintptr_t direct_map_base;
uintptr_t direct_map_size;

static struct {
    bool used[FAKE_PAGES];
    unsigned in_use;
    unsigned hint;           // nothing is free below
    uint64_t calls, fail_at; // the call that fails; 0: none
    bool fail_all;
    size_t (*reclaim)(void);
    pthread_mutex_t lock;
} fake_pages = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *fake_pages_memory;

static void fake_pages_init(void)
{
    if (!fake_pages_memory)
        fake_pages_memory = aligned_alloc(LARGE_PAGE_SIZE, (size_t)FAKE_PAGES * PAGE_SIZE);
    direct_map_base = (uintptr_t)fake_pages_memory;
    direct_map_size = (uintptr_t)FAKE_PAGES * PAGE_SIZE;
    memset(fake_pages.used, 0, sizeof(fake_pages.used));
    fake_pages.used[0] = true; // NO_PAGE
    fake_pages.in_use = fake_pages.hint = 0;
    fake_pages.calls = fake_pages.fail_at = 0;
    fake_pages.fail_all = false;
    fake_pages.reclaim = NULL;
}

static inline bool fake_pages_hold(uintptr_t address)
{
    return address >= direct_map_base && address - direct_map_base <= direct_map_size - 8;
}

static paddr_t fake_pages_find(size_t count)
{
    size_t step = 1;
    while (step < count)
        step *= 2;
    for (size_t at = fake_pages.hint / step * step; at + count <= FAKE_PAGES; at += step) {
        size_t length = 0;
        while (length < count && !fake_pages.used[at + length])
            length++;
        if (length < count)
            continue;
        memset(&fake_pages.used[at], true, count);
        fake_pages.in_use += count;
        while (fake_pages.hint < FAKE_PAGES && fake_pages.used[fake_pages.hint])
            fake_pages.hint++;
        return at * PAGE_SIZE;
    }
    return NO_PAGE;
}

static paddr_t fake_pages_take(size_t count)
{
    pthread_mutex_lock(&fake_pages.lock);
    fake_pages.calls++;
    bool fails = fake_pages.fail_all || fake_pages.calls == fake_pages.fail_at;
    paddr_t found = fails ? NO_PAGE : fake_pages_find(count);
    pthread_mutex_unlock(&fake_pages.lock);
    return found;
}

paddr_t page_alloc_run(size_t count, unsigned flags)
{
    (void)flags;
    paddr_t found = fake_pages_take(count);
    if (found == NO_PAGE && fake_pages.reclaim && fake_pages.reclaim() && !fake_pages.fail_all)
        found = fake_pages_take(count);
    return found;
}

void page_free_run(paddr_t first, size_t count)
{
    size_t page = first / PAGE_SIZE;
    pthread_mutex_lock(&fake_pages.lock);
    for (size_t i = 0; i < count; i++) {
        if (!fake_pages.used[page + i])
            abort();
        fake_pages.used[page + i] = false;
    }
    fake_pages.in_use -= count;
    if (page < fake_pages.hint)
        fake_pages.hint = page;
    pthread_mutex_unlock(&fake_pages.lock);
}

void page_set_reclaim(size_t (*reclaim)(void))
{
    fake_pages.reclaim = reclaim;
}
