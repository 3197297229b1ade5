// Making all processors forget translations, before the memory behind them goes to somebody else.
//
// Other processors are interrupted for it, and waited for: so without a lock that one may be
// waiting for with its interrupts off.
#pragma once

#include "lib/types.h"

// Makes all processors forget [start, start + size).
void tlb_shootdown(uintptr_t start, size_t size);

// Several ranges for one interruption of the others. All zero is empty.
enum { TLB_BATCH_MAX = 8 };
struct tlb_batch {
    unsigned count;
    struct tlb_range {
        uintptr_t start;
        size_t size;
        paddr_t tables; // what arch_take_tables() has said of it: given back when it is forgotten
    } ranges[TLB_BATCH_MAX];
};

// One that is full is flushed first.
void tlb_batch_add(struct tlb_batch *batch, uintptr_t start, size_t size, paddr_t tables);
void tlb_batch_flush(struct tlb_batch *batch);
