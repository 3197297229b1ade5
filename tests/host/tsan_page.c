// The page allocator on four processors at once, under ThreadSanitizer: single pages, runs and
// blocks, half of them given back by another processor than took them. Catches a page that is
// handed out twice, memory that is lost between processors, metadata that no longer agrees with
// itself, and a page that reaches its next owner before its last one was done with it.

#define HOST_THREADS 1

#include <pthread.h>

#include "tests/host/page_machine.h"

enum { THREADS = 4, OPERATIONS = 120000, HELD = 350, SLOTS = 512, PAGES = 64 << 8 };

static struct percpu cpus[THREADS];
static uint8_t owner[PAGES];    // of each page: 1 while somebody has it
static uint64_t mailbox[SLOTS]; // runs for whoever comes by: address and, below it, count
static unsigned twice, mixed_up;
static uint64_t allocated, exchanged;

struct worker {
    unsigned id, count;
    uint64_t random;
    uint64_t held[HELD];
    uint64_t allocs, exchanges;
};

static struct worker workers[THREADS];

static uint64_t worker_random(struct worker *worker, uint64_t limit)
{
    worker->random = worker->random * 6364136223846793005 + 1442695040888963407;
    return (worker->random >> 33) % limit;
}

static uint64_t *memory_of(uint64_t run)
{
    return phys_to_virt(run & ~4095ull, PAGE_SIZE);
}

static void own(uint64_t run, uint8_t from, uint8_t to)
{
    for (uint64_t i = 0; i < (run & 4095); i++)
        if (__atomic_exchange_n(&owner[run / PAGE_SIZE + i], to, __ATOMIC_RELAXED) != from)
            __atomic_fetch_add(&twice, 1, __ATOMIC_RELAXED);
}

static void worker_free(uint64_t run)
{
    if (*memory_of(run) != run) // plain accesses: their order is the allocator's to see to
        __atomic_fetch_add(&mixed_up, 1, __ATOMIC_RELAXED);
    *memory_of(run) = 0;
    own(run, 1, 0);
    if ((run & 4095) == 1)
        page_free(run & ~4095ull);
    else
        page_free_run(run & ~4095ull, run & 4095);
}

static void worker_alloc(struct worker *worker)
{
    uint64_t choice = worker_random(worker, 100);
    uint64_t count = choice < 88 ? 1 : choice < 99 ? 2 + worker_random(worker, 63) : BLOCK_PAGES;
    paddr_t page = count == 1 ? page_alloc(PAGE_ANY) : page_alloc_run(count, PAGE_ANY);
    if (page == NO_PAGE)
        return;
    own(page | count, 0, 1);
    *memory_of(page | count) = page | count;
    worker->held[worker->count++] = page | count;
    worker->allocs++;
}

static void worker_part(struct worker *worker)
{
    unsigned which = (unsigned)worker_random(worker, worker->count);
    uint64_t run = worker->held[which];
    worker->held[which] = worker->held[--worker->count];
    if (worker_random(worker, 2)) { // somebody else's comes back, or nothing
        uint64_t *slot = &mailbox[worker_random(worker, SLOTS)];
        run = __atomic_exchange_n(slot, run, __ATOMIC_ACQ_REL);
        worker->exchanges++;
    }
    if (run)
        worker_free(run);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    machine_other = &cpus[worker->id];
    for (unsigned i = 0; i < OPERATIONS; i++) {
        if (worker->count < HELD && worker_random(worker, 100) < (i / 20000 % 2 ? 40 : 60))
            worker_alloc(worker);
        else if (worker->count)
            worker_part(worker);
        if (worker_random(worker, 5000) == 0)
            page_drain();
    }
    while (worker->count)
        worker_part(worker);
    page_drain();
    return NULL;
}

static void nothing_is_lost_or_shared(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    machine_usual(64 * MIB);
    assert_int_equal(page_init(&machine_ram, 64 * MIB), OK);
    struct page_stats before = machine_stats();
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.id = i, .random = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        allocated += workers[i].allocs;
        exchanged += workers[i].exchanges;
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (mailbox[i])
            worker_free(mailbox[i]);
    page_drain();
    struct page_stats after = machine_stats();
    assert_int_equal(twice, 0);
    assert_int_equal(mixed_up, 0);
    assert_int_equal(after.refused, 0);
    assert_int_equal(after.free, before.free);
    assert_int_equal(after.free_blocks, before.free_blocks);
    assert_int_equal(page_check(machine_complain), 0);
    assert_true(allocated > THREADS * (OPERATIONS / 4) && exchanged > allocated / 4);
}

// All of them at the same few pages and blocks.
static void *fight(void *argument)
{
    struct worker *worker = argument;
    machine_other = &cpus[worker->id];
    for (unsigned i = 0; i < OPERATIONS / 8; i++) {
        uint64_t count = i % 50 == 0 ? BLOCK_PAGES : i % 7 == 0 ? 200 : 1;
        paddr_t page = page_alloc_run(count, PAGE_ANY);
        if (page != NO_PAGE) {
            own(page | count, 0, 1);
            *memory_of(page | count) = page | count;
            worker->held[worker->count++] = page | count;
        }
        while (worker->count > (i % 1000 < 500 ? 250 : 3))
            worker_free(worker->held[--worker->count]);
    }
    while (worker->count)
        worker_free(worker->held[--worker->count]);
    page_drain();
    return NULL;
}

static void a_full_machine(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        cpus[i] = (struct percpu){0};
    machine_usual(8 * MIB);
    assert_int_equal(page_init(&machine_ram, 8 * MIB), OK);
    struct page_stats before = machine_stats();
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.id = i};
        assert_int_equal(pthread_create(&threads[i], NULL, fight, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct page_stats after = machine_stats();
    assert_int_equal(twice, 0);
    assert_int_equal(mixed_up, 0);
    assert_true(after.failed > 0);
    assert_int_equal(after.refused, 0);
    assert_int_equal(after.free, before.free);
    assert_int_equal(after.free_blocks, before.free_blocks);
    assert_int_equal(page_check(machine_complain), 0);
}

// Fresh trees are set up once, whoever comes first.
static void *explore(void *argument)
{
    struct worker *worker = argument;
    machine_other = &cpus[worker->id];
    for (unsigned i = 0; i < 64; i++) {
        paddr_t run = page_alloc_run(64 * BLOCK_PAGES, PAGE_ANY);
        if (run == NO_PAGE)
            break;
        worker->held[worker->count++] = run;
    }
    return NULL;
}

static void fresh_trees(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned round = 0; round < 6; round++) {
        unsigned total = 0;
        for (unsigned i = 0; i < THREADS; i++)
            cpus[i] = (struct percpu){0};
        machine_usual(8 * GIB);
        assert_int_equal(page_init(&machine_ram, 8 * GIB), OK);
        for (unsigned i = 0; i < THREADS; i++) {
            workers[i] = (struct worker){.id = i};
            assert_int_equal(pthread_create(&threads[i], NULL, explore, &workers[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            total += workers[i].count;
        }
        assert_int_equal(total, 62);
        assert_int_equal(page_check(machine_complain), 0);
        for (unsigned i = 0; i < THREADS; i++)
            while (workers[i].count)
                page_free_run(workers[i].held[--workers[i].count], 64 * BLOCK_PAGES);
        assert_int_equal(machine_stats().refused, 0);
        assert_int_equal(page_check(machine_complain), 0);
    }
}

// --- Enough for all ------------------------------------------------------------------------------

enum { ROUNDS = 80000 };

static pthread_barrier_t together;

// Wants runs of `held[0]` pages, one at a time, and counts how often there was none.
static void *want(void *argument)
{
    struct worker *worker = argument;
    uint64_t count = worker->held[0];
    machine_other = &cpus[worker->id];
    pthread_barrier_wait(&together);
    for (unsigned i = 0; i < worker->held[1]; i++) {
        paddr_t run = page_alloc_run(count, PAGE_ANY);
        if (run != NO_PAGE)
            page_free_run(run, count);
        worker->count += run == NO_PAGE;
    }
    page_drain();
    return NULL;
}

static void all_want(const uint64_t counts[THREADS], uint64_t rounds)
{
    pthread_t threads[THREADS];
    assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.id = i, .held = {counts[i], rounds}};
        cpus[i] = (struct percpu){0};
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, want, &workers[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(machine_stats().refused, 0);
    assert_int_equal(page_check(machine_complain), 0);
}

// Three pairs for two who want one each, and two who count down more than they find.
static void vain_attempts_take_nothing(void **state)
{
    (void)state;
    paddr_t first = NO_PAGE, run;
    machine_usual(8 * MIB);
    assert_int_equal(page_init(&machine_ram, 8 * MIB), OK);
    while ((run = page_alloc_run(16, PAGE_ANY)) != NO_PAGE)
        first = run >= 2 * MIB ? run : first;
    while (page_alloc_run(1, PAGE_ANY) != NO_PAGE)
        ;
    for (unsigned i = 0; i < 3; i++)
        page_free_run(first + i * 4 * PAGE_SIZE, 2);
    page_drain();
    all_want((const uint64_t[]){2, 2, 5, 5}, ROUNDS);
    assert_int_equal(workers[0].count + workers[1].count, 0);
    assert_int_equal(workers[2].count + workers[3].count, 2 * ROUNDS);
}

// While one sets a tree up, there is nothing else.
static void trees_in_the_making(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        machine_begin(2 * GIB);
        machine_add(MIB, MIB + 64 * PAGE_SIZE, MEMORY_USABLE);
        machine_add(GIB, GIB + 128 * MIB, MEMORY_USABLE);
        assert_int_equal(page_init(&machine_ram, 2 * GIB), OK);
        while (page_alloc_run(1, PAGE_BELOW_1M) != NO_PAGE)
            ;
        all_want((const uint64_t[]){5, 5, 5, 5}, 3);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(workers[i].count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_shared),
        cmocka_unit_test(a_full_machine),
        cmocka_unit_test(fresh_trees),
        cmocka_unit_test(vain_attempts_take_nothing),
        cmocka_unit_test(trees_in_the_making),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
