// What memory costs.

#include "arch/arch.h"
#include "kernel/bench.h"
#include "kernel/boot_info.h"
#include "kernel/timer.h"
#include "mm/layout.h"
#include "mm/page.h"
#include "tests/random.h"

BENCH(memory, page_hot)
{
    page_free(page_alloc(PAGE_ANY));
}

BENCH(memory, page_zeroed)
{
    page_free(page_alloc(PAGE_ZERO));
}

BENCH(memory, run_of_64)
{
    page_free_run(page_alloc_run(64, PAGE_ANY), 64);
}

BENCH(memory, block_2m)
{
    page_free_run(page_alloc_run(BLOCK_PAGES, PAGE_ANY), BLOCK_PAGES);
}

FIGURE(memory, page_random_200, "instructions per pair")
{
    enum { COUNT = 200, ROUNDS = 50 };
    static paddr_t held[COUNT];
    static uint16_t order[COUNT];
    uint64_t ticks = 0;
    random_state = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            unsigned j = (unsigned)random_below(i + 1);
            order[i] = order[j];
            order[j] = (uint16_t)i;
        }
        uint64_t start = arch_ticks();
        for (unsigned i = 0; i < COUNT; i++)
            held[i] = page_alloc(PAGE_ANY);
        for (unsigned i = 0; i < COUNT; i++)
            page_free(held[order[i]]);
        ticks += arch_ticks() - start;
    }
    return ticks / (COUNT * ROUNDS);
}

// --- The worst of a million ----------------------------------------------------------------------

struct piece {
    uint32_t frame, count;
};

struct trace {
    struct piece *held;
    unsigned count, room;
    uint64_t pages, limit; // held, and how many are to be held at most for now
    uint64_t singles, worst;
};

static void piece_free(struct trace *trace, unsigned i)
{
    struct piece piece = trace->held[i];
    trace->held[i] = trace->held[--trace->count];
    trace->pages -= piece.count;
    if (piece.count == 1)
        page_free((paddr_t)piece.frame << PAGE_SHIFT);
    else
        page_free_run((paddr_t)piece.frame << PAGE_SHIFT, piece.count);
}

static paddr_t single_alloc(struct trace *trace)
{
    uint64_t start = arch_ticks();
    paddr_t page = page_alloc(PAGE_ANY);
    uint64_t ticks = arch_ticks() - start;
    if (page == NO_PAGE)
        return NO_PAGE;
    trace->singles++;
    trace->worst = ticks > trace->worst ? ticks : trace->worst;
    return page;
}

static void piece_alloc(struct trace *trace)
{
    uint64_t choice = random_below(1000);
    uint32_t count = choice < 970   ? 1
                     : choice < 996 ? 2 + (uint32_t)random_below(63)
                     : choice < 998 ? 65 + (uint32_t)random_below(447)
                                    : BLOCK_PAGES;
    paddr_t page = count == 1 ? single_alloc(trace) : page_alloc_run(count, PAGE_ANY);
    if (page == NO_PAGE)
        return;
    trace->held[trace->count++] = (struct piece){(uint32_t)(page >> PAGE_SHIFT), count};
    trace->pages += count;
}

// How much is held goes up and down between nothing and 95 % of what is free.
static void trace_step(struct trace *trace, uint64_t free)
{
    if (random_below(20000) == 0)
        trace->limit = random_below(free * 95 / 100);
    bool full = trace->pages + BLOCK_PAGES > trace->limit || trace->count == trace->room;
    if (trace->count && random_below(100) < (full ? 70 : 30))
        piece_free(trace, (unsigned)random_below(trace->count));
    else if (trace->count < trace->room && trace->pages + BLOCK_PAGES <= free * 97 / 100)
        piece_alloc(trace);
}

FIGURE(memory, page_worst_of_1000000, "instructions")
{
    enum { HELD_PAGES = 512, STEPS_MAX = 20000000 };
    struct trace trace = {.room = HELD_PAGES * PAGE_SIZE / sizeof(struct piece)};
    paddr_t table = page_alloc_run(HELD_PAGES, PAGE_ANY);
    if (table == NO_PAGE)
        return UINT64_MAX;
    trace.held = phys_to_virt(table, HELD_PAGES * PAGE_SIZE);
    uint64_t free = page_free_bytes(0, direct_map_size) / PAGE_SIZE;
    random_state = 2;
    trace.limit = free / 2;
    for (unsigned i = 0; trace.singles < 1000000 && i < STEPS_MAX; i++)
        trace_step(&trace, free);
    while (trace.count)
        piece_free(&trace, trace.count - 1);
    page_free_run(table, HELD_PAGES);
    return trace.singles == 1000000 ? trace.worst : UINT64_MAX;
}

// This machine's, as far as it grows with memory.
FIGURE(memory, page_metadata_4g, "bytes")
{
    enum { TREE = 128 << 20 };
    struct page_stats stats;
    page_get_stats(&stats);
    uint64_t size = align_up(stats.total * PAGE_SIZE, TREE);
    return stats.metadata * (4ull << 30) / size;
}

// What the kernel has of the machine: its image, the metadata, and every page that is allocated.
FIGURE(memory, all_in_use, "bytes")
{
    struct page_stats stats;
    page_drain();
    page_get_stats(&stats);
    return (stats.total - stats.free) * PAGE_SIZE +
           memory_map_total(&boot_info.memory, MEMORY_KERNEL);
}

// --- Zeros ---------------------------------------------------------------------------------------

// Of those that are ready by now; who is idle makes more.
FIGURE(memory, block_of_zeros, "instructions")
{
    enum { BLOCKS = 2, TRIES = 100 };
    struct page_stats stats;
    paddr_t blocks[BLOCKS];
    page_get_stats(&stats);
    for (unsigned i = 0; i < TRIES && stats.zeroed < BLOCKS; i++) {
        sleep_ns(20000000);
        page_get_stats(&stats);
    }
    uint64_t start = arch_ticks();
    for (unsigned i = 0; i < BLOCKS; i++)
        blocks[i] = page_alloc_run(BLOCK_PAGES, PAGE_ZERO);
    uint64_t ticks = (arch_ticks() - start) / BLOCKS;
    for (unsigned i = 0; i < BLOCKS; i++)
        if (blocks[i] != NO_PAGE)
            page_free_run(blocks[i], BLOCK_PAGES);
    return ticks;
}
