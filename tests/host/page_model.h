// What the page allocator is to do, as an array with one entry per page: the naive reference that
// random tests compare it with.
#pragma once

#include "tests/host/page_machine.h"

enum page_kind { FOREIGN, FREE, SMALL, INSIDE, HEAD, TAIL }; // first of a run, the rest; of blocks

enum { MODEL_PAGES = 1 << 17 }; // 512 MiB

static uint8_t model[MODEL_PAGES];
static uint16_t model_block_free[MODEL_PAGES / 512];
static uint64_t model_free;

struct held {
    uint32_t first, count; // pages
};

static struct held held[MODEL_PAGES];
static unsigned held_count;

static bool model_is(uint64_t first, uint64_t count, enum page_kind kind)
{
    for (uint64_t i = first; i < first + count; i++)
        if (i >= MODEL_PAGES || model[i] != kind)
            return false;
    return true;
}

static void model_set(uint64_t first, uint64_t count, enum page_kind head, enum page_kind rest)
{
    for (uint64_t i = first; i < first + count; i++) {
        bool was_free = model[i] == FREE;
        model[i] = i == first ? head : rest;
        model_block_free[i / 512] += (model[i] == FREE) - was_free;
        model_free += (uint64_t)(model[i] == FREE) - was_free;
    }
}

static uint64_t power_of_two(uint64_t count)
{
    uint64_t power = 1;
    while (power < count)
        power *= 2;
    return power;
}

// Checks that such a run could be had, and takes it.
static void model_take(uint64_t first, uint64_t count, bool exact)
{
    uint64_t alignment = power_of_two(count) < 262144 ? power_of_two(count) : 262144;
    assert_true(model_is(first, count, FREE));
    assert_true(exact || first % alignment == 0);
    if (count < 512)
        model_set(first, count, SMALL, INSIDE);
    else
        model_set(first, count, HEAD, TAIL);
    held[held_count++] = (struct held){(uint32_t)first, (uint32_t)count};
}

// Whether a run of that length is there, aligned as it is to be.
static bool model_has(uint64_t count)
{
    uint64_t step = power_of_two(count);
    for (uint64_t first = 0; first + count <= MODEL_PAGES; first += step) {
        if (model_block_free[first / 512] < (count < 512 ? count : 512)) {
            first |= step < 512 ? 511 & ~(step - 1) : 0; // the block's last place
            continue;
        }
        if (model_is(first, count, FREE))
            return true;
    }
    return false;
}

// Whether giving this back is right in the release build, where a run of less than a block may come
// back in parts.
static bool model_may_give(uint64_t first, uint64_t count)
{
    if (count == 0)
        return false;
    if (count < 512) {
        for (uint64_t i = first; i < first + count; i++)
            if (i >= MODEL_PAGES || (model[i] != SMALL && model[i] != INSIDE))
                return false;
        return true;
    }
    count = (count + 511) / 512 * 512;
    return first % 512 == 0 && first + count <= MODEL_PAGES && model[first] == HEAD &&
           model_is(first + 1, count - 1, TAIL) &&
           (first + count == MODEL_PAGES || model[first + count] != TAIL);
}

static void model_give(unsigned index)
{
    struct held run = held[index];
    held[index] = held[--held_count];
    model_set(run.first, run.count, FREE, FREE);
}

static void model_begin(void)
{
    held_count = 0;
    model_free = 0;
    for (unsigned i = 0; i < MODEL_PAGES; i++) {
        const struct memory_range *range = memory_map_find(&machine_ram, i * 4096ull);
        model[i] = range && range->kind == MEMORY_USABLE ? FREE : FOREIGN;
        model_block_free[i / 512] = i % 512 ? model_block_free[i / 512] : 0;
        model_block_free[i / 512] += model[i] == FREE;
        model_free += model[i] == FREE;
    }
}

// All that can be asked of the allocator agrees with the model.
static void model_compare(void)
{
    struct page_stats stats = machine_stats();
    uint64_t blocks = 0;
    machine_complaints = 0;
    assert_int_equal(page_check(machine_complain), 0);
    assert_int_equal(stats.free, model_free);
    assert_int_equal(page_free_bytes(0, MODEL_PAGES * 4096ull), model_free * 4096);
    for (unsigned i = 0; i < MODEL_PAGES / 512; i++) {
        assert_int_equal(page_free_bytes(i * 2 * MIB, (i + 1) * 2 * MIB),
                         model_block_free[i] * 4096u);
        blocks += model_block_free[i] == 512;
    }
    // A whole block may hold the hot word.
    assert_in_range(stats.free_blocks, blocks ? blocks - 1 : 0, blocks);
}
