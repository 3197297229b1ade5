// The debug build's records: which call has taken each page, and with how many others.

#include "mm/page_priv.h"

#if PAGE_RECORDS

// Of a run of whole blocks only each block's first page has a record.
static paddr_t record_step(size_t count)
{
    return count < BLOCK_PAGES ? PAGE_SIZE : BLOCK_SIZE;
}

static struct page_record *record_at(paddr_t page)
{
    struct tree *tree = tree_at(page);
    return tree ? &tree->record[page / PAGE_SIZE % TREE_PAGES] : NULL;
}

void record_run(paddr_t first, size_t count, uintptr_t caller)
{
    int32_t distance = (int32_t)(caller - (uintptr_t)page_init);
    paddr_t end = first + count * PAGE_SIZE;
    for (paddr_t page = first; page < end; page += record_step(count))
        *record_at(page) = (struct page_record){distance, page == first ? (uint32_t)count : 0};
}

const char *record_forget(paddr_t first, size_t count)
{
    struct page_record *record = is_aligned(first, PAGE_SIZE) ? record_at(first) : NULL;
    uint32_t expected = (uint32_t)count;
    if (!record || count == 0 || count > UINT32_MAX)
        return NULL; // nothing to forget; it will be refused
    if (!record->caller)
        return "not allocated";
    if (!__atomic_compare_exchange_n(&record->count, &expected, 0, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return expected ? "a run of another length" : "inside a run";
    paddr_t end = first + count * PAGE_SIZE;
    for (paddr_t page = first; page < end; page += record_step(count))
        *record_at(page) = (struct page_record){0};
    return NULL;
}

uintptr_t page_owner(paddr_t page)
{
    struct tree *tree = tree_at(page);
    if (!tree)
        return 0;
    if (block_state(tree, block_at(page)) & BLOCK_TAKEN)
        page = align_down(page, BLOCK_SIZE);
    int32_t caller = record_at(page)->caller;
    return caller ? (uintptr_t)page_init + (uintptr_t)(intptr_t)caller : 0;
}

#else

uintptr_t page_owner(paddr_t page)
{
    (void)page;
    return 0;
}

#endif
