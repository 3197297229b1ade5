// What memory costs.

#include "arch/arch.h"
#include "kernel/bench.h"
#include "mm/slab.h"
#include "tests/random.h"

enum { OBJECTS = 1000, SIZE_MAX_MIXED = 4096, SIZE_STEP = 16 };

BENCH(memory, kmalloc_64)
{
    kfree(kmalloc(64));
}

static uint16_t sizes[OBJECTS], order[OBJECTS];
static void *objects[OBJECTS];

static void choose(void)
{
    random_state = 1;
    for (unsigned i = 0; i < OBJECTS; i++) {
        sizes[i] = (random_below(SIZE_MAX_MIXED / SIZE_STEP) + 1) * SIZE_STEP;
        unsigned other = random_below(i + 1);
        order[i] = order[other];
        order[other] = i;
    }
}

static uint64_t pass(void)
{
    uint64_t start = arch_ticks();
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = kmalloc(sizes[i]);
    for (unsigned i = 0; i < OBJECTS; i++)
        kfree(objects[order[i]]);
    return arch_ticks() - start;
}

FIGURE(memory, kmalloc_mixed_1000, "instructions per pair")
{
    choose();
    (void)pass();
    return pass() / OBJECTS;
}
