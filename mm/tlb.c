// Making all processors forget translations.
//
// Tables that are out of use stay where they are until no processor can be on its way through them.

#include "mm/tlb.h"
#include "arch/arch.h"
#include "kernel/remote.h"
#include "lib/compiler.h"

static void flush_ranges(void *argument)
{
    const struct tlb_batch *batch = argument;
    for (unsigned i = 0; i < batch->count; i++)
        arch_tlb_flush(batch->ranges[i].start, batch->ranges[i].size);
}

static void flush_everywhere(struct tlb_batch *batch)
{
    flush_ranges(batch);
    remote_call_all(flush_ranges, batch);
}

noinline static void shoot_down(uintptr_t start, size_t size)
{
    struct tlb_batch batch = {.count = 1, .ranges = {{.start = start, .size = size}}};
    flush_everywhere(&batch);
}

void tlb_shootdown(uintptr_t start, size_t size)
{
    if (likely(remote_online() == 1))
        arch_tlb_flush(start, size);
    else
        shoot_down(start, size);
}

void tlb_batch_add(struct tlb_batch *batch, uintptr_t start, size_t size, paddr_t tables)
{
    if (batch->count == TLB_BATCH_MAX)
        tlb_batch_flush(batch);
    batch->ranges[batch->count++] = (struct tlb_range){start, size, tables};
}

void tlb_batch_flush(struct tlb_batch *batch)
{
    if (batch->count)
        flush_everywhere(batch);
    for (unsigned i = 0; i < batch->count; i++)
        if (batch->ranges[i].tables)
            arch_free_tables(batch->ranges[i].tables);
    batch->count = 0;
}
