// Physical pages: all of the machine's usable memory, handed out in pages of 4 KiB, runs of them,
// blocks of 2 MiB and runs of those, up to 1 GiB and beyond.
//
// Invariant: a page is free if its bit in its block's field is clear and its block isn't handed out
// as a whole, or if it is in some processor's hot word; nowhere else is it written down. So a wrong
// free is known at once, by everybody. docs/memory.md has the whole picture.
//
// Any context but NMI and machine check, on any processor. Only who finds no memory waits, for the
// moment in which other processors may hold what they then leave alone.
//
// When memory runs out, other processors' hot words aren't drained, up to 64 pages each: whoever
// allocates may hold a lock that they wait for, and then they wouldn't hear. In the debug build
// metadata is 260 KiB per 128 MiB; where that finds no room below what can be accessed at boot, as
// on machines of a TiB and more, upper memory is given up for it, and the log says so.
#pragma once

#include "lib/bits.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/layout.h"
#include "mm/memory_map.h"

// Page 0 is nobody's: this is what an allocation returns when there is no memory.
#define NO_PAGE ((paddr_t)0)

#define BLOCK_SIZE  LARGE_PAGE_SIZE
#define BLOCK_PAGES (BLOCK_SIZE / PAGE_SIZE)

enum page_flags {
    PAGE_ANY = 0,
    PAGE_ZERO = 1 << 0,     // filled with zeros
    PAGE_BELOW_1M = 1 << 1, // the whole run lies there; for what starts processors
    PAGE_BELOW_4G = 1 << 2,
};

// A flag that prefers memory of NUMA node `node` (0 to 254); any other is taken when it has none.
#define PAGE_NODE(node) (((node) + 1u) << 8)

// Takes over the usable memory of `map`, which must stay where it is: memory given back later is
// entered there. What the metadata needs is taken from below `reach`, the end of what can be
// accessed at this time, and entered as the kernel's. NO_MEMORY where not even that is there; then
// every allocation fails. Memory is handed out as far as the direct map reaches, and no farther:
// when that has grown, there is more.
must_use enum status page_init(struct memory_map *map, paddr_t reach);

// One page. NO_PAGE when there is none.
must_use paddr_t page_alloc(unsigned flags);

// `count` pages that follow each other, at least 1; above BLOCK_PAGES rounded up to whole blocks.
// The first one's address is a multiple of the run's size rounded up to a power of two, up to
// 1 GiB. BLOCK_PAGES of them are a 2 MiB block, 262144 a 1 GiB one.
must_use paddr_t page_alloc_run(size_t count, unsigned flags);

// Gives pages back, as they were got. A wrong address or count (not allocated, of another size, not
// ours, already free) is refused, logged with the caller, and a panic in the debug build. In the
// release build a run of less than a block may also be given back in parts.
void page_free(paddr_t page);
void page_free_run(paddr_t first, size_t count);

// Takes exactly these pages, or none: NOT_FOUND where one isn't free or isn't usable memory, or is
// in another processor's hot word. `count` as above; whole blocks must begin at one, pages at one
// (BAD_ARGUMENT).
must_use enum status page_reserve(paddr_t first, size_t count);

// Gives memory to the allocator that was reserved at boot: whole pages of [start, end) that the map
// knows, of any kind but MEMORY_USABLE, become usable in the map and free.
// BAD_ARGUMENT, and nothing is changed, where part of it is in no range or usable already, or there
// is no whole page; NO_MEMORY where the map or the metadata have no room for it. Nobody else may
// change the map meanwhile.
must_use enum status page_donate(paddr_t start, paddr_t end);

// The inverse: free pages [start, end) stop being the allocator's and become `kind`, which isn't
// MEMORY_USABLE, in the map. All of them or none: BAD_ARGUMENT where these aren't whole pages that
// the map calls usable, NOT_FOUND where one isn't free, NO_MEMORY where the map has no room.
// Start-up only, while no other processor allocates.
must_use enum status page_withhold(paddr_t start, paddr_t end, enum memory_kind kind);

// Says that memory [start, end) belongs to a NUMA node; to the nearest 128 MiB. Start-up only.
void page_set_node(paddr_t start, paddr_t end, unsigned node);

// Gives this processor's hot word back, and forgets where it has found memory last: to be called
// when the direct map has grown.
void page_drain(void);

// Asked when memory has run out, before an allocation fails, with interrupts off; returns how many
// pages came back. It may allocate, and isn't asked again for that. One only.
void page_set_reclaim(size_t (*reclaim)(void));

// Blocks of zeros are kept ready: from the first call on, page_zero_step() zeroes a piece of the
// next one at `now_ns` of clock_ns(), and returns whether there is more to do. For who has nothing
// else to do; any processor. What is kept ready counts as free. The first is start-up only.
void page_zero_enable(void);
bool page_zero_step(uint64_t now_ns);

struct page_stats {
    uint64_t total, free; // pages
    uint64_t zeroed;      // whole blocks, of those that are free
    uint64_t free_blocks; // whole ones
    uint64_t free_gigs;   // whole and aligned GiBs
    uint64_t metadata;    // bytes, for all memory
    uint64_t allocs, frees, failed, refused;
};

// A consistent picture only while nobody allocates.
void page_get_stats(struct page_stats *stats);

// Free bytes in [start, end), for pictures.
uint64_t page_free_bytes(paddr_t start, paddr_t end);

// The return address of whoever allocated `page`; 0: free, unknown, or not a debug build.
uintptr_t page_owner(paddr_t page);

// Proves the metadata against itself: calls `complain` for everything wrong, returns how often.
// Nobody may allocate meanwhile.
typedef void mm_complain(const char *format, ...) printf_like(1, 2);
unsigned page_check(mm_complain *complain);
