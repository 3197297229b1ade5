// The pool of zeroed blocks: who has nothing else to do fills it, a piece at a time, and who wants
// a block of zeros needn't wait for one. What it holds counts as free memory, and is that again as
// soon as anything else has run out.
//
// All of it is under a lock, with which the blocks are zeroed too: so at every moment each of them
// can be given back.

#include "kernel/lock.h"
#include "kernel/panic.h"
#include "mm/page_priv.h"

// Where memory has run out it isn't taken again at once.
#define REST_NS 1000000000ull

enum {
    PIECE_PAGES = 4, // zeroed at a time, with interrupts off: some microseconds
    SHARE = 32,      // one block of so many that there are
    BLOCKS_MAX = 32, // 64 MiB
};

static struct {
    struct lock lock;
    unsigned limit, count;
    paddr_t blocks[BLOCKS_MAX];
    paddr_t unfinished; // NO_PAGE: none
    size_t zeroed;      // pages of that one
    bool has_run_out;   // memory, since the last step
    uint64_t rest_until_ns;
} pool;

// So marked, it can't be given back by mistake.
static void mark(paddr_t block, uint32_t from, uint32_t to)
{
    bool is_marked = block_change(tree_at(block), block_at(block), from, to);
    ASSERT(is_marked);
}

static void start_block(paddr_t block)
{
    if (block == NO_PAGE)
        return;
    mark(block, BLOCK_TAKEN, BLOCK_TAKEN | BLOCK_READY);
    pool.unfinished = block;
    pool.zeroed = 0;
}

static bool is_resting(uint64_t now_ns)
{
    if (pool.has_run_out)
        pool.rest_until_ns = now_ns + REST_NS;
    pool.has_run_out = false;
    return now_ns < pool.rest_until_ns;
}

// With the lock held. Returns whether there is one to be zeroed.
static bool has_block(uint64_t now_ns)
{
    if (pool.unfinished != NO_PAGE)
        return true;
    if (pool.count >= pool.limit || is_resting(now_ns))
        return false;
    start_block(page_take_block());
    return pool.unfinished != NO_PAGE;
}

static void zero_piece(void)
{
    page_zero(pool.unfinished + pool.zeroed * PAGE_SIZE, PIECE_PAGES);
    pool.zeroed += PIECE_PAGES;
    if (pool.zeroed < BLOCK_PAGES)
        return;
    pool.blocks[pool.count++] = pool.unfinished;
    pool.unfinished = NO_PAGE;
}

bool page_zero_step(uint64_t now_ns)
{
    uintptr_t state;
    if (__atomic_load_n(&pool.count, __ATOMIC_RELAXED) >=
            __atomic_load_n(&pool.limit, __ATOMIC_RELAXED) ||
        !lock_try_irqsave(&pool.lock, &state))
        return false;
    bool has_work = has_block(now_ns);
    if (has_work)
        zero_piece();
    unlock_irqrestore(&pool.lock, state);
    return has_work;
}

void page_zero_enable(void)
{
    uint64_t limit = pages.total / BLOCK_PAGES / SHARE;
    __atomic_store_n(&pool.limit, limit < BLOCKS_MAX ? (unsigned)limit : BLOCKS_MAX,
                     __ATOMIC_RELAXED);
}

paddr_t page_zero_take(void)
{
    if (!__atomic_load_n(&pool.count, __ATOMIC_RELAXED))
        return NO_PAGE;
    uintptr_t state = lock_irqsave(&pool.lock);
    paddr_t block = pool.count ? pool.blocks[--pool.count] : NO_PAGE;
    if (block != NO_PAGE)
        mark(block, BLOCK_TAKEN | BLOCK_READY, BLOCK_TAKEN);
    unlock_irqrestore(&pool.lock, state);
    return block;
}

static size_t return_block(paddr_t block)
{
    mark(block, BLOCK_TAKEN | BLOCK_READY, BLOCK_TAKEN);
    return block_give_whole(block) ? 0 : BLOCK_PAGES;
}

size_t page_zero_reclaim(void)
{
    size_t count = 0;
    uintptr_t state = lock_irqsave(&pool.lock);
    while (pool.count)
        count += return_block(pool.blocks[--pool.count]);
    if (pool.unfinished != NO_PAGE)
        count += return_block(pool.unfinished);
    pool.unfinished = NO_PAGE;
    pool.has_run_out = true;
    unlock_irqrestore(&pool.lock, state);
    return count;
}

// --- Seeing it -----------------------------------------------------------------------------------

uintptr_t page_zero_lock(void)
{
    return lock_irqsave(&pool.lock);
}

void page_zero_unlock(uintptr_t state)
{
    unlock_irqrestore(&pool.lock, state);
}

unsigned page_zero_count(bool *has_unfinished)
{
    *has_unfinished = pool.unfinished != NO_PAGE;
    return pool.count;
}
