// What the files of the page allocator share: words, blocks and trees.
//
//   word    64 pages, 256 KiB: 64 bits of a field, a set bit is a page that isn't free
//   block   512 pages, 2 MiB:  8 words, and one atomic state: how many of its pages may be taken
//   tree    64 blocks, 128 MiB: what is set up together, and only when first used
//
// The state comes first, the bits follow: who takes pages counts them down before looking for clear
// bits, who gives them back clears the bits before counting up. So at every moment the clear bits
// of a block are at least as many as its count, and whoever has counted down finds some.
//
// Everything else (a tree's masks, the lists of trees) is derived from the states. It is corrected
// by whoever has changed a state, and wrong only for the time between.
#pragma once

#include "kernel/lock.h"
#include "kernel/percpu.h"
#include "lib/bits.h"
#include "mm/layout.h"
#include "mm/memory_map.h"
#include "mm/page.h"
#include "mm/percpu.h"

enum {
    WORD_PAGES = 64,
    WORD_SIZE = WORD_PAGES * PAGE_SIZE,
    BLOCK_WORDS = BLOCK_PAGES / WORD_PAGES,
    TREE_BLOCKS = 64,
    TREE_WORDS = TREE_BLOCKS * BLOCK_WORDS,
    TREE_PAGES = TREE_BLOCKS * BLOCK_PAGES,
    TREE_SHIFT = 27,
    TREE_SIZE = 1 << TREE_SHIFT,
    TREES_BELOW_4G = 32,
    TREES_MAX = 1 << 19, // 64 TiB
    PAGE_CPUS = 1024,    // more processors than that go without a hot word
};

// A block's state. Exactly BLOCK_WHOLE: all of it is free and nobody's.
enum {
    BLOCK_COUNT = 0x3ff, // pages that may be taken
    BLOCK_TAKEN = 1 << 10,
    BLOCK_TAIL = 1 << 11,  // taken, as a part of the same run as the block before
    BLOCK_MIXED = 1 << 12, // not all of it is our memory
    BLOCK_READY = 1 << 14, // taken, and kept ready by mm/page_zero.c
    BLOCK_ASIDE = 1 << 13, // on no list: the lowest, for PAGE_BELOW_1M and as a last resort
    BLOCK_OWNER_SHIFT = 16,
    BLOCK_OWNER = (int)0xffff0000, // the processor whose hot word is in this block
    BLOCK_WHOLE = BLOCK_PAGES,
};

// Where a tree is listed: at PARTIAL beside one of the others, or nowhere.
enum tree_list {
    TREES_PARTIAL, // has blocks with free pages that aren't whole
    TREES_SOME,    // has whole blocks
    TREES_ENTIRE,  // has nothing else
    TREES_FRESH,   // has nothing else, and isn't set up
    TREE_LISTS
};

#ifdef KEELSON_DEBUG
#define PAGE_RECORDS 1
#else
#define PAGE_RECORDS 0
#endif

// Who has taken a page, in the debug build.
struct page_record {
    int32_t caller; // distance from page_init(); 0: free
    uint32_t count; // length of the run that begins here; 0: inside one
};

struct tree {
    uint64_t field[TREE_WORDS];
    uint32_t block[TREE_BLOCKS];
    uint8_t usable[TREE_BLOCKS]; // bit i: all of the block's word i is our memory
    uint64_t partial, whole;     // bit i: block i is
    uint32_t index;              // its address >> TREE_SHIFT
    uint16_t owner;              // the processor that has chosen it
    struct page_record record[PAGE_RECORDS ? TREE_PAGES : 0];
} __attribute__((aligned(64)));

struct page_world {
    unsigned count; // entries of the tables
    struct tree **trees;
    uint64_t *lists[TREE_LISTS]; // one bit per tree
    uint8_t *nodes;
    struct tree *slots; // storage for trees, in the order of first use
    unsigned slot_count, slots_used;

    struct memory_map *map;
    struct lock map_lock;
    paddr_t reserve_start, reserve_end; // holds the tables and slots
    uint64_t total, failed, refused;
    size_t warned; // length of the run whose failure was logged; 0: none
    unsigned calm; // how many of them could be had since the last failure
    size_t (*reclaim)(void);

    unsigned cpu_count;
    struct page_cpu *cpus[PAGE_CPUS + 1]; // by their ids
};

extern struct page_world pages;

// To be called whenever pages have become free: whoever has looked for some meanwhile, and found
// none, looks again.
static inline void note_return(struct page_cpu *cpu)
{
    __atomic_store_n(&cpu->returns, cpu->returns + 1, __ATOMIC_RELEASE);
}

// --- Words and blocks ----------------------------------------------------------------------------

enum block_class { BLOCK_IS_USED, BLOCK_IS_PARTIAL, BLOCK_IS_WHOLE };

static inline enum block_class block_class(uint32_t state)
{
    if (state == BLOCK_WHOLE)
        return BLOCK_IS_WHOLE;
    return state & BLOCK_COUNT && !(state & BLOCK_ASIDE) ? BLOCK_IS_PARTIAL : BLOCK_IS_USED;
}

static inline uint32_t block_state(const struct tree *tree, unsigned block)
{
    return __atomic_load_n(&tree->block[block], __ATOMIC_SEQ_CST);
}

static inline unsigned block_owner(uint32_t state)
{
    return state >> BLOCK_OWNER_SHIFT;
}

// Bits [first, first + count) of a field, as far as they lie in its word `word`.
static inline uint64_t word_mask(unsigned first, unsigned count, unsigned word)
{
    unsigned base = word * WORD_PAGES;
    unsigned low = first > base ? first - base : 0, high = first + count - base;
    return BITS((high < WORD_PAGES ? high : WORD_PAGES) - 1, low);
}

// Bits of `free` where `count` set ones begin, 1 to 64, at a multiple of the power of two above.
uint64_t run_starts(uint64_t free, unsigned count);

// The list, besides TREES_PARTIAL, that a tree with this mask belongs to; TREE_LISTS: none.
static inline enum tree_list tree_class(uint64_t whole)
{
    return !whole ? TREE_LISTS : ~whole ? TREES_SOME : TREES_ENTIRE;
}

// Corrects the lists after a change of the tree's class.
void tree_publish(struct tree *tree);

// Whoever makes the change that changes the tree's class sees it.
static inline void mask_put(struct tree *tree, uint64_t *mask, unsigned block, bool set)
{
    uint64_t bit = BIT(block), old = __atomic_load_n(mask, __ATOMIC_SEQ_CST);
    if (!(old & bit) == !set)
        return;
    old = set ? __atomic_fetch_or(mask, bit, __ATOMIC_SEQ_CST)
              : __atomic_fetch_and(mask, ~bit, __ATOMIC_SEQ_CST);
    if (unlikely(tree_class(old) != tree_class(set ? old | bit : old & ~bit)))
        tree_publish(tree);
}

// Corrects the tree's masks and lists after a change of the block's class.
void block_publish(struct tree *tree, unsigned block);

// Changes the state's count. block_count_down() returns false where there are too few.
bool block_count_down(struct tree *tree, unsigned block, unsigned count);

static inline void block_count_up(struct tree *tree, unsigned block, unsigned count)
{
    uint32_t old = __atomic_fetch_add(&tree->block[block], count, __ATOMIC_SEQ_CST);
    if (unlikely(!(old & BLOCK_COUNT) || old + count == BLOCK_WHOLE))
        block_publish(tree, block);
}

// Takes a run of 1 to 511 pages that begins in the words [low, high) of the block; returns its
// first page's number in the block, or -1.
int block_take(struct tree *tree, unsigned block, unsigned count, unsigned low, unsigned high);

// Takes exactly these pages of the block.
bool block_take_exact(struct tree *tree, unsigned block, unsigned first, unsigned count);

// Gives back those of the pages that aren't free; returns how many these were.
unsigned block_give(struct tree *tree, unsigned block, unsigned first, unsigned count);

// Between whole and taken as a whole. Only that mask changes, unless somebody is quicker to change
// the state again. False: it isn't in the state to begin with.
static inline bool block_change(struct tree *tree, unsigned block, uint32_t from, uint32_t to)
{
    if (!__atomic_compare_exchange_n(&tree->block[block], &from, to, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return false;
    mask_put(tree, &tree->whole, block, to == BLOCK_WHOLE);
    if (unlikely(block_state(tree, block) != to))
        block_publish(tree, block);
    return true;
}

static inline bool block_claim(struct tree *tree, unsigned block, bool tail)
{
    return block_change(tree, block, BLOCK_WHOLE, BLOCK_TAKEN | (tail ? BLOCK_TAIL : 0));
}

static inline bool block_release(struct tree *tree, unsigned block, bool tail)
{
    return block_change(tree, block, BLOCK_TAKEN | (tail ? BLOCK_TAIL : 0), BLOCK_WHOLE);
}

// --- Trees ---------------------------------------------------------------------------------------

static inline struct tree *tree_at(paddr_t address)
{
    uint64_t index = address >> TREE_SHIFT;
    if (index >= pages.count)
        return NULL;
    return __atomic_load_n(&pages.trees[index], __ATOMIC_ACQUIRE);
}

static inline unsigned block_at(paddr_t address)
{
    return address / BLOCK_SIZE % TREE_BLOCKS;
}

static inline paddr_t tree_start(const struct tree *tree)
{
    return (paddr_t)tree->index << TREE_SHIFT;
}

static inline paddr_t block_start(const struct tree *tree, unsigned block)
{
    return tree_start(tree) + (paddr_t)block * BLOCK_SIZE;
}

static inline uint64_t *block_field(struct tree *tree, unsigned block)
{
    return &tree->field[block * BLOCK_WORDS];
}

static inline uint64_t *word_at(struct tree *tree, paddr_t address)
{
    return &tree->field[address / WORD_SIZE % TREE_WORDS];
}

// All pages of the word that holds the address are our memory.
static inline bool word_is_usable(const struct tree *tree, paddr_t address)
{
    unsigned words = __atomic_load_n(&tree->usable[block_at(address)], __ATOMIC_RELAXED);
    return words >> address / WORD_SIZE % BLOCK_WORDS & 1;
}

static inline uint64_t page_bit(paddr_t page)
{
    return BIT(page / PAGE_SIZE % WORD_PAGES);
}

static inline bool tree_is_listed(enum tree_list list, unsigned index)
{
    return __atomic_load_n(&pages.lists[list][index / 64], __ATOMIC_SEQ_CST) >> index % 64 & 1;
}

void tree_list(enum tree_list list, unsigned index, bool listed);

// The tree, set up if it was fresh; NULL where there is no memory, or somebody is setting it up.
struct tree *tree_open(unsigned index);

// A tree without any memory; NULL when the storage is used up.
struct tree *tree_create(unsigned index);

// Makes [start, end) of the tree, nothing of which was ours, free.
void tree_add(struct tree *tree, paddr_t start, paddr_t end);

// Takes all of [start, end) out of the tree, free as it must be; or nothing, and returns false.
bool tree_remove(struct tree *tree, paddr_t start, paddr_t end);

// What is usable in the tree's blocks of [start, end) is read from the map again, after it has
// become less.
void tree_recount(struct tree *tree, paddr_t start, paddr_t end);

// Trees in which an allocation looks: [first, end), those of one node or all.
struct zone {
    unsigned first, end;
    unsigned node; // plus 1, as in the flags; 0: any
};

enum { ZONES_MAX = 4 };

// Those that the flags allow, in the order in which to look. Returns how many.
unsigned zones_from_flags(unsigned flags, struct zone zones[ZONES_MAX]);

// The zone's first tree on a list at or above `from`; the zone's end: none.
unsigned zone_next(const struct zone *zone, enum tree_list list, unsigned from);

// --- Hot words -----------------------------------------------------------------------------------

// Gives this processor its number. False where there are too many.
bool cpu_register(struct page_cpu *cpu);

// A page from this processor's hot word, or from the one it takes next. NO_PAGE where the flags
// don't allow it.
paddr_t hot_take(struct page_cpu *cpu, unsigned flags);

// Gives the hot word back. Returns whether there was one.
bool hot_drain(struct page_cpu *cpu);

// The pages of a field's word that are free in the hot word of processor `id`.
uint64_t hot_free(unsigned id, const uint64_t *word);

// --- Runs ----------------------------------------------------------------------------------------

// Takes 1 to 511 pages from a zone; `blocks` whole blocks; or pages of the lowest block.
paddr_t run_take(const struct zone *zone, unsigned count);
paddr_t blocks_take(struct page_cpu *cpu, const struct zone *zone, size_t blocks);
paddr_t low_take(unsigned count, unsigned flags);

// A whole block from the tree that this processor took the last one from.
paddr_t block_take_again(struct page_cpu *cpu);

// Takes exactly this run, or nothing.
bool run_take_exact(paddr_t first, unsigned count);
bool blocks_take_exact(paddr_t first, size_t blocks);

// Gives a run back. Returns NULL, or what is wrong with it; then nothing is changed.
const char *run_give(paddr_t first, unsigned count);
const char *block_give_whole(paddr_t first);
const char *blocks_give(paddr_t first, size_t blocks);

// --- Records -------------------------------------------------------------------------------------

// Who has taken [first, first + count); NULL or a complaint when it is given back.
#if PAGE_RECORDS
void record_run(paddr_t first, size_t count, uintptr_t caller);
const char *record_forget(paddr_t first, size_t count);
#else
static inline void record_run(paddr_t first, size_t count, uintptr_t caller)
{
    (void)first, (void)count, (void)caller;
}

static inline const char *record_forget(paddr_t first, size_t count)
{
    (void)first, (void)count;
    return NULL;
}
#endif

// --- mm/page_zero.c ------------------------------------------------------------------------------

paddr_t page_zero_take(void); // NO_PAGE: none is ready

// Gives all that is kept ready back; returns how many pages.
size_t page_zero_reclaim(void);

// In between nobody takes from it or adds to it; and what is in it then.
uintptr_t page_zero_lock(void);
void page_zero_unlock(uintptr_t state);
unsigned page_zero_count(bool *has_unfinished);

// --- mm/page.c -----------------------------------------------------------------------------------

// A block that nobody is known to have, without waiting for anybody; interrupts off. NO_PAGE: none.
paddr_t page_take_block(void);

void page_zero(paddr_t first, size_t count);
