// The page allocator's interface: what is asked most often is answered here, from the hot word; all
// else goes on to page_hot.c, page_run.c and page_large.c.

#include "mm/page.h"
#include "arch/arch.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "mm/failpoint.h"
#include "mm/page_priv.h"

#define CALLER ((uintptr_t)__builtin_return_address(0))

static size_t rounded(size_t count)
{
    return count > BLOCK_PAGES ? align_up(count, BLOCK_PAGES) : count;
}

// --- Taking --------------------------------------------------------------------------------------

static paddr_t take(struct page_cpu *cpu, size_t count, unsigned flags)
{
    struct zone zones[ZONES_MAX];
    paddr_t page = NO_PAGE;
    if (count == 1 && !failpoint_left[FAILPOINT_PAGE])
        page = hot_take(cpu, flags);
    unsigned zone_count = flags & PAGE_BELOW_1M ? 0 : zones_from_flags(flags, zones);
    for (unsigned i = 0; page == NO_PAGE && i < zone_count; i++)
        page = count < BLOCK_PAGES ? run_take(&zones[i], (unsigned)count)
                                   : blocks_take(cpu, &zones[i], count / BLOCK_PAGES);
    if (page == NO_PAGE && count < BLOCK_PAGES)
        page = low_take((unsigned)count, flags);
    return page;
}

// Whoever sees what was taken in between sees `trying` too.
static void trying_begin(struct page_cpu *cpu)
{
    __atomic_store_n(&cpu->trying, cpu->trying + 1, __ATOMIC_RELAXED);
}

static void trying_end(struct page_cpu *cpu)
{
    __atomic_store_n(&cpu->trying, cpu->trying + 1, __ATOMIC_RELEASE);
}

static paddr_t take_once(struct page_cpu *cpu, size_t count, unsigned flags)
{
    trying_begin(cpu);
    paddr_t page = take(cpu, count, flags);
    trying_end(cpu);
    return page;
}

static uint64_t returns_of_others(const struct page_cpu *cpu)
{
    uint64_t sum = 0;
    for (unsigned id = 1; id <= __atomic_load_n(&pages.cpu_count, __ATOMIC_ACQUIRE); id++) {
        const struct page_cpu *other = __atomic_load_n(&pages.cpus[id], __ATOMIC_ACQUIRE);
        if (other && other != cpu)
            sum += __atomic_load_n(&other->returns, __ATOMIC_ACQUIRE);
    }
    return sum;
}

// Until each of those that were at it has done. Not for ever: one may have been stopped.
static void wait_for_others(void)
{
    enum { PATIENCE = 1 << 20 };
    unsigned left = PATIENCE;
    for (unsigned id = 1; id <= __atomic_load_n(&pages.cpu_count, __ATOMIC_ACQUIRE); id++) {
        const struct page_cpu *other = __atomic_load_n(&pages.cpus[id], __ATOMIC_ACQUIRE);
        uint32_t trying = other ? __atomic_load_n(&other->trying, __ATOMIC_ACQUIRE) : 0;
        for (; trying & 1 && left; left--) {
            if (__atomic_load_n(&other->trying, __ATOMIC_ACQUIRE) != trying)
                break;
            arch_pause();
        }
    }
}

// Another processor may hold for a moment what it then leaves alone: pages that are too few for its
// run, or a fresh tree that it sets up. And it may give pages back where this one has just looked.
// So that there is none is believed when nobody has given any back all the while; or in the end.
static paddr_t take_patiently(struct page_cpu *cpu, size_t count, unsigned flags)
{
    enum { TRIES = 16 };
    (void)cpu_register(cpu); // others are to see it
    paddr_t page = take_once(cpu, count, flags);
    if (page != NO_PAGE || __atomic_load_n(&pages.cpu_count, __ATOMIC_RELAXED) < 2)
        return page;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t before = returns_of_others(cpu);
        if ((page = take_once(cpu, count, flags)) != NO_PAGE)
            return page;
        wait_for_others();
        if (returns_of_others(cpu) == before)
            break;
    }
    return NO_PAGE;
}

// The hook may allocate; that it has nothing to give then is no reason to ask it again.
static bool reclaim_once(struct page_cpu *cpu)
{
    if (!pages.reclaim || cpu->reclaiming)
        return false;
    cpu->reclaiming = true;
    size_t count = pages.reclaim();
    cpu->reclaiming = false;
    return count > 0;
}

static paddr_t take_at_last(struct page_cpu *cpu, size_t count, unsigned flags)
{
    paddr_t page = take_patiently(cpu, count, flags);
    if (page == NO_PAGE && hot_drain(cpu))
        page = take_patiently(cpu, count, flags);
    if (page == NO_PAGE && page_zero_reclaim())
        page = take_patiently(cpu, count, flags);
    if (page == NO_PAGE && reclaim_once(cpu)) {
        (void)hot_drain(cpu);
        page = take_patiently(cpu, count, flags);
    }
    return page;
}

// Eight at a time, which a compiler mustn't make a call of memset() of: that goes one by one.
void page_zero(paddr_t first, size_t count)
{
    uint64_t *word = phys_to_virt(first, count * PAGE_SIZE);
    ASSERT(word);
    for (uint64_t *end = word + count * PAGE_SIZE / sizeof(*word); word < end; word += 8) {
        word[0] = word[1] = word[2] = word[3] = 0;
        word[4] = word[5] = word[6] = word[7] = 0;
        __asm__ volatile("" : : : "memory");
    }
}

// Logged once, and again only when a shorter run can't be had either, or when runs of that size
// could be had many times in a row: where memory is just about used up, every other call fails.
static paddr_t fail_for_good(size_t count, uintptr_t caller)
{
    size_t warned = __atomic_load_n(&pages.warned, __ATOMIC_RELAXED);
    __atomic_fetch_add(&pages.failed, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&pages.calm, 0, __ATOMIC_RELAXED);
    if (warned && warned <= count)
        return NO_PAGE;
    __atomic_store_n(&pages.warned, count, __ATOMIC_RELAXED);
    log_warn("page: out of memory: no run of %zu pages for %pS", count, (void *)caller);
    return NO_PAGE;
}

static void note_success(size_t count)
{
    enum { CALM = 64 };
    size_t warned = __atomic_load_n(&pages.warned, __ATOMIC_RELAXED);
    if (unlikely(warned && count >= warned) &&
        __atomic_add_fetch(&pages.calm, 1, __ATOMIC_RELAXED) >= CALM)
        __atomic_store_n(&pages.warned, 0, __ATOMIC_RELAXED);
}

static paddr_t fail_on_purpose(size_t count, uintptr_t caller)
{
    __atomic_fetch_add(&pages.failed, 1, __ATOMIC_RELAXED);
    log_info("page: %zu pages refused to %pS by the failpoint", count, (void *)caller);
    return NO_PAGE;
}

noinline static paddr_t alloc(size_t count, unsigned flags, uintptr_t caller)
{
    if (failpoint_hit(FAILPOINT_PAGE))
        return fail_on_purpose(count, caller);
    if (count == 0 || count > SIZE_MAX - BLOCK_PAGES)
        return fail_for_good(count, caller);
    count = rounded(count);
    uintptr_t irq = arch_irq_save();
    struct page_cpu *cpu = &this_cpu()->page;
    paddr_t page = take_at_last(cpu, count, flags);
    cpu->allocs += page != NO_PAGE;
    arch_irq_restore(irq);
    if (page == NO_PAGE)
        return fail_for_good(count, caller);
    note_success(count);
    record_run(page, count, caller);
    if (flags & PAGE_ZERO)
        page_zero(page, count);
    return page;
}

paddr_t page_alloc(unsigned flags)
{
    if (unlikely(flags))
        return alloc(1, flags, CALLER);
    uintptr_t irq = arch_irq_save();
    struct page_cpu *cpu = &this_cpu()->page;
    uint64_t free = cpu->free;
    if (unlikely(!free)) {
        arch_irq_restore(irq);
        return alloc(1, flags, CALLER);
    }
    __atomic_store_n(&cpu->free, free & (free - 1), __ATOMIC_RELAXED);
    paddr_t page = cpu->start + ((paddr_t)(unsigned)__builtin_ctzll(free) << PAGE_SHIFT);
    cpu->allocs++;
    arch_irq_restore(irq);
    record_run(page, 1, CALLER);
    return page;
}

paddr_t page_take_block(void)
{
    struct page_cpu *cpu = &this_cpu()->page;
    (void)cpu_register(cpu);
    return take_once(cpu, BLOCK_PAGES, PAGE_ANY);
}

// A block of zeros that was kept ready.
static paddr_t take_zeroed(uintptr_t caller)
{
    uintptr_t irq = arch_irq_save();
    paddr_t block = page_zero_take();
    this_cpu()->page.allocs += block != NO_PAGE;
    arch_irq_restore(irq);
    if (block != NO_PAGE)
        record_run(block, BLOCK_PAGES, caller);
    return block;
}

paddr_t page_alloc_run(size_t count, unsigned flags)
{
    if (count == BLOCK_PAGES && flags == PAGE_ZERO && !failpoint_left[FAILPOINT_PAGE]) {
        paddr_t block = take_zeroed(CALLER);
        if (block != NO_PAGE)
            return block;
    }
    if (count == BLOCK_PAGES && !(flags | failpoint_left[FAILPOINT_PAGE])) {
        uintptr_t irq = arch_irq_save();
        struct page_cpu *cpu = &this_cpu()->page;
        paddr_t block = block_take_again(cpu);
        cpu->allocs += block != NO_PAGE;
        arch_irq_restore(irq);
        if (likely(block != NO_PAGE)) {
            record_run(block, count, CALLER);
            return block;
        }
    }
    return alloc(count, flags, CALLER);
}

// --- Giving back ---------------------------------------------------------------------------------

noinline static void refuse(paddr_t page, size_t count, const char *wrong, uintptr_t caller)
{
    __atomic_fetch_add(&pages.refused, 1, __ATOMIC_RELAXED);
    if (PAGE_RECORDS)
        panic("page: %pS gives back %zu pages at 0x%lx: %s", (void *)caller, count, page, wrong);
    log_error("page: %pS gives back %zu pages at 0x%lx: %s; refused", (void *)caller, count, page,
              wrong);
}

// Nothing but a clear bit can be said against giving back a page of the word: no other processor
// has it, and all of it is our memory.
static bool is_plain(const struct page_cpu *cpu, const struct tree *tree, paddr_t page,
                     uint32_t state)
{
    uint32_t flags = state & ~(uint32_t)(BLOCK_COUNT | BLOCK_MIXED);
    if (flags && flags != (uint32_t)cpu->id << BLOCK_OWNER_SHIFT)
        return false;
    return !(state & BLOCK_MIXED) || word_is_usable(tree, page);
}

static const char *page_give(const struct page_cpu *cpu, paddr_t page)
{
    struct tree *tree = tree_at(page);
    if (unlikely(!tree || !is_aligned(page, PAGE_SIZE)))
        return run_give(page, 1);
    unsigned block = block_at(page);
    uint64_t *word = word_at(tree, page), bit = page_bit(page);
    uint32_t state = block_state(tree, block);
    if (unlikely(word == cpu->word || !is_plain(cpu, tree, page, state)))
        return run_give(page, 1);
    if (unlikely(!(__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST) & bit)))
        return "already free";
    block_count_up(tree, block, 1);
    return NULL;
}

static const char *give(paddr_t first, size_t count)
{
    if (likely(count == BLOCK_PAGES))
        return block_give_whole(first);
    if (count == 0 || count > SIZE_MAX - BLOCK_PAGES)
        return "no run of pages";
    return count < BLOCK_PAGES ? run_give(first, (unsigned)count)
                               : blocks_give(first, count / BLOCK_PAGES);
}

// A page that isn't in this processor's hot word.
noinline static void free_elsewhere(struct page_cpu *cpu, paddr_t page, uintptr_t irq,
                                    uintptr_t caller)
{
    const char *wrong = page_give(cpu, page);
    cpu->frees += !wrong;
    note_return(cpu);
    arch_irq_restore(irq);
    if (unlikely(wrong))
        refuse(page, 1, wrong, caller);
}

void page_free(paddr_t page)
{
    const char *wrong = record_forget(page, 1);
    if (unlikely(wrong)) {
        refuse(page, 1, wrong, CALLER);
        return;
    }
    uintptr_t irq = arch_irq_save();
    struct page_cpu *cpu = &this_cpu()->page;
    paddr_t offset = page - cpu->start;
    uint64_t at = offset >> PAGE_SHIFT | offset << (64 - PAGE_SHIFT), free = cpu->free;
    if (likely(at < cpu->room) && // there is a word, it is in it, and a multiple of a page
        likely((__atomic_load_n(cpu->word, __ATOMIC_RELAXED) & ~free) >> at & 1)) {
        __atomic_store_n(&cpu->free, free | BIT(at), __ATOMIC_RELAXED);
        cpu->frees++;
        arch_irq_restore(irq);
        return;
    }
    free_elsewhere(cpu, page, irq, CALLER);
}

void page_free_run(paddr_t first, size_t count)
{
    count = rounded(count);
    const char *wrong = record_forget(first, count);
    if (unlikely(wrong)) {
        refuse(first, count, wrong, CALLER);
        return;
    }
    uintptr_t irq = arch_irq_save();
    struct page_cpu *cpu = &this_cpu()->page;
    wrong = give(first, count);
    cpu->frees += !wrong;
    note_return(cpu);
    arch_irq_restore(irq);
    if (unlikely(wrong))
        refuse(first, count, wrong, CALLER);
}

// --- Exact runs ----------------------------------------------------------------------------------

static bool take_exact(struct page_cpu *cpu, paddr_t first, size_t count)
{
    trying_begin(cpu);
    bool taken = count < BLOCK_PAGES ? run_take_exact(first, (unsigned)count)
                                     : blocks_take_exact(first, count / BLOCK_PAGES);
    trying_end(cpu);
    return taken;
}

enum status page_reserve(paddr_t first, size_t count)
{
    if (count == 0 || count > SIZE_MAX - BLOCK_PAGES)
        return BAD_ARGUMENT;
    count = rounded(count);
    if (!is_aligned(first, count < BLOCK_PAGES ? PAGE_SIZE : BLOCK_SIZE))
        return BAD_ARGUMENT;
    uintptr_t irq = arch_irq_save();
    struct page_cpu *cpu = &this_cpu()->page;
    (void)cpu_register(cpu);
    bool taken = take_exact(cpu, first, count) ||
                 (hot_drain(cpu) && take_exact(cpu, first, count)) ||
                 (page_zero_reclaim() && take_exact(cpu, first, count));
    cpu->allocs += taken;
    arch_irq_restore(irq);
    if (!taken)
        return NOT_FOUND;
    record_run(first, count, CALLER);
    return OK;
}

// --- The rest ------------------------------------------------------------------------------------

void page_drain(void)
{
    uintptr_t irq = arch_irq_save();
    (void)hot_drain(&this_cpu()->page);
    arch_irq_restore(irq);
}

void page_set_reclaim(size_t (*reclaim)(void))
{
    pages.reclaim = reclaim;
}
