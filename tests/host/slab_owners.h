// A naive reference for the object allocator, which knows of every 16 bytes whether somebody owns
// them.
#pragma once

#include "tests/host/slab_machine.h"

enum { GRANULE = 16 };

static uint8_t owned[(size_t)FAKE_PAGES * PAGE_SIZE / GRANULE];

static uint8_t *granule_of(const void *memory)
{
    return &owned[((uintptr_t)memory - direct_map_base) / GRANULE];
}

static void own(const void *memory, size_t size)
{
    uint8_t *granule = granule_of(memory);
    size_t granules = (size + GRANULE - 1) / GRANULE;
    assert_true((uintptr_t)memory % GRANULE == 0);
    assert_true(fake_pages_hold((uintptr_t)memory) && size <= direct_map_size);
    for (size_t i = 0; i < granules; i++)
        if (granule[i])
            fail_msg("%p (%zu bytes) belongs to somebody", memory, size);
    memset(granule, 1, granules);
}

static void disown(const void *memory, size_t size)
{
    memset(granule_of(memory), 0, (size + GRANULE - 1) / GRANULE);
}
