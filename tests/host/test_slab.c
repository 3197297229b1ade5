// The object allocator against a naive reference that knows who owns every 16 bytes. Catches
// objects that overlap, memory that never goes back to the page allocator, an allocation that fails
// half-way and leaves something behind, and frees that are believed although they are wrong.

#include "tests/host/slab_machine.h"

enum { BIGGEST = 40000, SLOTS = 3000, OPERATIONS = 10000000, GRANULE = 16 };

// --- The reference -------------------------------------------------------------------------------

static uint8_t owned[(size_t)FAKE_PAGES * PAGE_SIZE / GRANULE];

static uint8_t *granule_of(const void *memory)
{
    return &owned[((uintptr_t)memory - direct_map_base) / GRANULE];
}

static void own(const void *memory, size_t size)
{
    uint8_t *granule = granule_of(memory);
    size_t granules = (size + GRANULE - 1) / GRANULE;
    assert_true((uintptr_t)memory % GRANULE == 0);
    assert_true(fake_pages_hold((uintptr_t)memory) && size <= direct_map_size);
    for (size_t i = 0; i < granules; i++)
        if (granule[i])
            fail_msg("%p (%zu bytes) belongs to somebody", memory, size);
    memset(granule, 1, granules);
}

static void disown(const void *memory, size_t size)
{
    memset(granule_of(memory), 0, (size + GRANULE - 1) / GRANULE);
}

// Its first and last word, from its address.
static void mark(void *memory, size_t size)
{
    uint8_t *bytes = memory;
    bytes[0] = (uintptr_t)memory >> 4;
    bytes[size - 1] = (uintptr_t)memory >> 4;
}

static void assert_marked(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    assert_int_equal(bytes[0], (uint8_t)((uintptr_t)memory >> 4));
    assert_int_equal(bytes[size - 1], (uint8_t)((uintptr_t)memory >> 4));
}

static void *slots[SLOTS];
static size_t slot_sizes[SLOTS];

// Small ones most of the time, as in life.
static size_t random_size(void)
{
    unsigned bits = random_below(64) ? 4 + random_below(9) : 4 + random_below(16);
    return 1 + random_below(1ull << bits);
}

static void free_slot(unsigned i)
{
    if (!slots[i])
        return;
    assert_marked(slots[i], slot_sizes[i]);
    disown(slots[i], slot_sizes[i]);
    kfree(slots[i]);
    slots[i] = NULL;
}

static void fill_slot(unsigned i)
{
    slot_sizes[i] = random_size();
    slots[i] = kmalloc(slot_sizes[i]);
    assert_non_null(slots[i]);
    own(slots[i], slot_sizes[i]);
    mark(slots[i], slot_sizes[i]);
}

static void resize_slot(unsigned i)
{
    size_t size = random_size(), kept = size < slot_sizes[i] ? size : slot_sizes[i];
    uint8_t first = *(uint8_t *)slots[i], last = ((uint8_t *)slots[i])[kept - 1];
    disown(slots[i], slot_sizes[i]);
    slots[i] = krealloc(slots[i], size);
    assert_non_null(slots[i]);
    assert_int_equal(*(uint8_t *)slots[i], first);
    assert_int_equal(((uint8_t *)slots[i])[kept - 1], last);
    slot_sizes[i] = size;
    own(slots[i], size);
    mark(slots[i], size);
}

static void random_operations_agree_with_the_reference(void **state)
{
    (void)state;
    unsigned at_start = pages_after_reclaim();
    random_seed(7);
    for (unsigned n = 0; n < OPERATIONS; n++) {
        unsigned i = random_below(n / (OPERATIONS / 8) % 2 ? SLOTS / 20 : SLOTS);
        if (n % 16 == 0)
            machine_cpu = &machine_cpus[random_below(MACHINE_CPUS)];
        if (slots[i] && random_below(16) == 0)
            resize_slot(i);
        else if (slots[i])
            free_slot(i);
        else
            fill_slot(i);
        if (n % (OPERATIONS / 100) == 0)
            assert_consistent();
        if (n % (OPERATIONS / 1000) == 0)
            (void)slab_reclaim();
    }
    for (unsigned i = 0; i < SLOTS; i++)
        free_slot(i);
    assert_consistent();
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_int_equal(pages_after_reclaim(), at_start);
}

// --- Sizes ---------------------------------------------------------------------------------------

static void every_size_is_aligned_and_its_own(void **state)
{
    (void)state;
    static void *memory[BIGGEST + 1];
    for (unsigned size = 0; size <= BIGGEST; size++) {
        unsigned slot = size % 1000;
        if (size >= 1000) {
            disown(memory[size - 1000], kmalloc_size(memory[size - 1000]));
            kfree(memory[size - 1000]);
        }
        memory[size] = kmalloc(size);
        assert_non_null(memory[size]);
        size_t room = kmalloc_size(memory[size]);
        assert_true(room >= size && room >= 1);
        assert_true(size < 16 || size > KMALLOC_CLASS_MAX || room < 2 * size);
        own(memory[size], room);
        memset(memory[size], slot, room);
    }
    for (unsigned size = BIGGEST - 999; size <= BIGGEST; size++) {
        for (unsigned i = 0; i < kmalloc_size(memory[size]); i += 61)
            assert_int_equal(((uint8_t *)memory[size])[i], (uint8_t)(size % 1000));
        disown(memory[size], kmalloc_size(memory[size]));
        kfree(memory[size]);
    }
    assert_consistent();
    assert_int_equal(objects_in_use(), 0);
}

static void classes_and_their_sizes_are_inverse(void **state)
{
    (void)state;
    for (size_t size = 1; size <= KMALLOC_CLASS_MAX; size++) {
        size_t class = kmalloc_class(size);
        assert_true(class < KMALLOC_CLASSES && class_size(class) >= size);
        assert_true(class == 0 || class_size(class - 1) < size);
    }
}

static void slabs_waste_little(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KMALLOC_CLASSES; i++) {
        size_t room = slab_caches[i].pages * (size_t)PAGE_SIZE;
        assert_true(room - slab_caches[i].per_slab * slab_caches[i].size <= room / 32);
    }
}

static void large_memory_comes_and_goes(void **state)
{
    (void)state;
    unsigned at_start = pages_after_reclaim();
    static const size_t sizes[] = {
        KMALLOC_CLASS_MAX + 1, 100000, 258048, 258049, ARENA_SIZE, 1000000, 2 << 20, (5 << 20) + 1};
    void *memory[ARRAY_SIZE(sizes)];
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        memory[i] = kmalloc(sizes[i]);
        assert_non_null(memory[i]);
        assert_true(kmalloc_size(memory[i]) >= sizes[i]);
        own(memory[i], kmalloc_size(memory[i]));
        memset(memory[i], i, kmalloc_size(memory[i]));
    }
    assert_consistent();
    assert_int_equal(objects_in_use(), ARRAY_SIZE(sizes));
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_int_equal(((uint8_t *)memory[i])[sizes[i] - 1], i);
        disown(memory[i], kmalloc_size(memory[i]));
        kfree(memory[i]);
    }
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_int_equal(pages_after_reclaim(), at_start);
    assert_null(kmalloc(SIZE_MAX));
    assert_null(kmalloc(SIZE_MAX - PAGE_SIZE));
}

static void kcalloc_zeroes_and_refuses_overflow(void **state)
{
    (void)state;
    uint8_t *dirty = kmalloc(480);
    memset(dirty, 0xff, 480);
    kfree(dirty);
    uint8_t *clean = kcalloc(10, 48);
    assert_ptr_equal(clean, dirty);
    for (unsigned i = 0; i < 480; i++)
        assert_int_equal(clean[i], 0);
    kfree(clean);
    assert_null(kcalloc(SIZE_MAX / 8, 16));
    assert_null(kcalloc(1ull << 32, 1ull << 32));
    void *nothing = kcalloc(0, 16);
    assert_non_null(nothing);
    kfree(nothing);
}

static void krealloc_keeps_contents(void **state)
{
    (void)state;
    uint8_t *memory = krealloc(NULL, 10);
    for (unsigned i = 0; i < 10; i++)
        memory[i] = i;
    for (size_t size = 10; size < 600000; size = size * 5 / 4) {
        memory = krealloc(memory, size);
        assert_non_null(memory);
        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(memory[i], i);
    }
    memory = krealloc(memory, 5);
    assert_true(kmalloc_size(memory) < 64);
    assert_int_equal(memory[4], 4);
    uint8_t *same = krealloc(memory, kmalloc_size(memory));
    assert_ptr_equal(same, memory);
    assert_null(krealloc(same, SIZE_MAX));
    assert_int_equal(same[4], 4);
    kfree(same);
    assert_int_equal(objects_in_use(), 0);
}

// --- Caches --------------------------------------------------------------------------------------

static unsigned constructed;

static void construct(void *object)
{
    *(uint64_t *)object = 0x600d;
    constructed++;
}

static void objects_are_constructed_once_and_aligned(void **state)
{
    (void)state;
    static const size_t alignments[] = {8, 16, 64, 256, 4096};
    for (unsigned a = 0; a < ARRAY_SIZE(alignments); a++) {
        for (size_t size = 8; size <= 9000; size = size * 2 + 1) {
            void *objects[100];
            constructed = 0;
            struct slab_cache *cache = slab_create("test", size, alignments[a], construct);
            assert_non_null(cache);
            for (unsigned round = 0; round < 3; round++) {
                for (unsigned i = 0; i < 100; i++) {
                    uint64_t *object = objects[i] = slab_alloc(cache);
                    assert_true((uintptr_t)object % alignments[a] == 0);
                    assert_true(*object == 0x600d || *object == 0xfeed);
                    *object = 0xfeed;
                }
                for (unsigned i = 0; i < 100; i++)
                    slab_free(cache, objects[i]);
            }
            struct slab_stats stats;
            (void)stats_find("test", &stats);
            assert_int_equal(stats.objects, 0);
            assert_true(constructed >= 100);
            assert_true(size > 100 || alignments[a] > 64 ||
                        constructed == stats.room); // no slab has gone meanwhile
            assert_int_equal(slab_destroy(cache), OK);
        }
    }
    assert_consistent();
}

static void expect_no_cache(size_t size, size_t alignment, const char *words)
{
    struct slab_cache *cache = NULL;
    EXPECT_PANIC(cache = slab_create("odd", size, alignment, NULL), words);
    (void)cache;
}

static void alignments_are_powers_of_two(void **state)
{
    (void)state;
    static const size_t wrong[] = {3, 24, 48, 4095, 6144, 8192, SIZE_MAX};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        expect_no_cache(24, wrong[i], "alignment");
    expect_no_cache(0, 8, "size");
    expect_no_cache(KMALLOC_CLASS_MAX + 1, 8, "size");
    fake_pages.fail_all = true; // nothing of it is wanted yet
    for (size_t right = 1; right <= PAGE_SIZE; right *= 2)
        assert_int_equal(slab_destroy(slab_create("even", 24, right, NULL)), OK);
}

static void a_cache_in_use_stays(void **state)
{
    (void)state;
    struct slab_cache *cache = slab_create("kept", 100, 0, NULL);
    void *object = slab_alloc(cache);
    machine_cpu = &machine_cpus[1];
    slab_free(cache, slab_alloc(cache)); // leaves some in this processor's magazine
    assert_int_equal(slab_destroy(cache), FAILED);
    assert_int_equal(log_lines[LOG_ERROR], 1);
    slab_free(cache, object);
    assert_int_equal(slab_destroy(cache), OK);
    struct slab_stats stats;
    for (unsigned i = 0; slab_get_stats(i, &stats); i++)
        assert_string_not_equal(stats.name, "kept");
    assert_consistent();
}

static void the_table_of_caches_fills_up_and_empties(void **state)
{
    (void)state;
    struct slab_cache *caches[SLAB_CACHES_MAX];
    unsigned made = 0;
    while ((caches[made] = slab_create("one", 32, 0, NULL)))
        made++;
    assert_int_equal(made, SLAB_RUNS - SLAB_FIRST_CUSTOM);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < made; i++)
            slab_free(caches[i], slab_alloc(caches[i]));
        for (unsigned i = 0; i < made; i++)
            assert_int_equal(slab_destroy(caches[i]), OK);
        for (unsigned i = 0; i < made; i++)
            assert_non_null(caches[i] = slab_create("again", 3000, 64, NULL));
    }
    for (unsigned i = 0; i < made; i++)
        assert_int_equal(slab_destroy(caches[i]), OK);
    assert_consistent();
}

// --- Memory that goes back -----------------------------------------------------------------------

static void fuller_slabs_are_used_first(void **state)
{
    (void)state;
    enum { MANY = 40000 };
    static void *objects[MANY];
    unsigned kept = 0;
    for (unsigned i = 0; i < MANY; i++)
        objects[i] = kmalloc(256);
    random_seed(3);
    for (unsigned i = 0; i < MANY; i++) // nine of ten go
        if (random_below(10) == 0)
            objects[kept++] = objects[i];
        else
            kfree(objects[i]);
    unsigned before = fake_pages.in_use;
    for (unsigned n = 0; n < 200; n++) { // and the rest is exchanged, a tenth at a time
        unsigned first = random_below(kept - kept / 10);
        for (unsigned i = first; i < first + kept / 10; i++)
            kfree(objects[i]);
        for (unsigned i = first; i < first + kept / 10; i++)
            objects[i] = kmalloc(256);
    }
    assert_true(pages_after_reclaim() < before / 2);
    for (unsigned i = 0; i < kept; i++)
        kfree(objects[i]);
}

static void memory_comes_back_when_pages_run_out(void **state)
{
    (void)state;
    static void *objects[2 * FAKE_PAGES];
    unsigned n = 0;
    while ((objects[n] = kmalloc(PAGE_SIZE)))
        n++;
    assert_true(n > (FAKE_PAGES / 64 - 1) * 63 - 200); // the pool's first arena is cut
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_null(kmalloc(PAGE_SIZE));
    assert_null(kmalloc(1 << 20));
    assert_int_equal(log_lines[LOG_WARN], 1); // once
    struct slab_stats stats;
    (void)stats_find("kmalloc-4096", &stats);
    assert_int_equal(stats.failed, 2);
    assert_int_equal(stats.objects, n);
    while (n)
        kfree(objects[--n]);
    void *other = kmalloc(1 << 20); // what the cache has kept is taken back for it
    assert_non_null(other);
    kfree(other);
    while ((objects[n] = kmalloc(2048)))
        n++;
    assert_int_equal(log_lines[LOG_WARN], 2);
    while (n)
        kfree(objects[--n]);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_consistent();
}

// --- Failures ------------------------------------------------------------------------------------

// A little of everything; how many allocations have failed.
static unsigned scenario(void)
{
    enum { EACH = 40 };
    static void *memory[EACH * 6];
    unsigned missing = 0, n = 0;
    struct slab_cache *cache = slab_create("scenario", 3000, 64, construct);
    for (unsigned i = 0; i < EACH; i++) {
        memory[n++] = kmalloc(64);
        memory[n++] = kmalloc(3000);
        memory[n++] = kcalloc(3, 10000);
        memory[n++] = kmalloc(70000);
        memory[n++] = i < 4 ? kmalloc(600000) : kmalloc(20);
        void *grown = memory[n - 1] ? krealloc(memory[n - 1], 50000) : NULL;
        memory[n - 1] = grown ? grown : memory[n - 1];
        missing += !grown;
        memory[n++] = slab_alloc(cache);
    }
    for (unsigned i = 0; i < n; i++) {
        missing += !memory[i];
        if (i % 6 == 5 && memory[i])
            slab_free(cache, memory[i]);
        else
            kfree(memory[i]);
    }
    assert_int_equal(slab_destroy(cache), OK);
    return missing;
}

static void no_failing_page_allocation_leaves_anything_behind(void **state)
{
    (void)state;
    assert_int_equal(scenario(), 0);
    unsigned at_start = pages_after_reclaim();
    fake_pages.calls = 0;
    assert_int_equal(scenario(), 0);
    uint64_t calls = fake_pages.calls;
    assert_true(calls > 20);
    for (uint64_t n = 1; n <= calls; n++) {
        (void)pages_after_reclaim();
        fake_pages.calls = 0;
        fake_pages.fail_at = n;
        (void)scenario();
        fake_pages.fail_at = 0;
        assert_consistent();
        assert_int_equal(objects_in_use(), 0);
    }
    assert_int_equal(pages_after_reclaim(), at_start);
    fake_pages.fail_all = true;
    assert_true(scenario() > 0);
    fake_pages.fail_all = false;
    assert_int_equal(pages_after_reclaim(), at_start);
    assert_int_equal(log_lines[LOG_ERROR], 0);
}

// Every public call counts once, whatever it does inside, and the one that is named fails.
static void failpoints_count_calls(void **state)
{
    (void)state;
    struct slab_cache *cache = slab_create("counted", 100, 0, NULL);
    for (unsigned i = 0; i < 2; i++) { // with magazines that are full and in use
        void *warm[3] = {kmalloc(64), slab_alloc(cache), kmalloc(100000)};
        kfree(warm[0]);
        slab_free(cache, warm[1]);
        kfree(warm[2]);
    }
    for (unsigned fails = 1; fails <= 8; fails++) {
        slab_drain();
        failpoint_set(FAILPOINT_SLAB, fails);
        void *memory[6];
        memory[0] = kmalloc(64);
        memory[1] = kcalloc(2, 32);
        memory[2] = slab_alloc(cache);
        memory[3] = kmalloc(500000);
        memory[4] = kmalloc(100000);
        memory[5] = krealloc(NULL, 64);
        if (memory[5])
            memory[5] = krealloc(memory[5], 50); // stays where it is: not an allocation
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(memory[i] == NULL, i + 1 == fails);
        assert_int_equal(failpoint_get(FAILPOINT_SLAB), fails <= 6 ? 0 : fails - 6);
        kfree(memory[0]);
        void *next = kmalloc(64); // and frees don't make a stock that goes uncounted
        assert_int_equal(next == NULL, fails == 7);
        assert_int_equal(failpoint_get(FAILPOINT_SLAB), fails == 8);
        failpoint_set(FAILPOINT_SLAB, 0);
        kfree(next);
        for (unsigned i = 1; i < 6; i++)
            if (i == 2 && memory[i])
                slab_free(cache, memory[i]);
            else
                kfree(memory[i]);
    }
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_ERROR] + log_lines[LOG_WARN], 0);
    assert_int_equal(slab_destroy(cache), OK);
}

// --- Wrong frees ---------------------------------------------------------------------------------

static void expect_refused(void *memory)
{
    unsigned before = log_lines[LOG_ERROR];
    kfree(memory);
    slab_drain();
    if (log_lines[LOG_ERROR] != before + 1)
        fail_msg("%p was believed", memory);
    assert_consistent();
}

static void wrong_frees_are_refused(void **state)
{
    (void)state;
    static uint64_t foreign[4];
    char *live = kmalloc(100), *freed = kmalloc(100), *other = kmalloc(100), *page = kmalloc(4096);
    char *run = kmalloc(100000), *large = kmalloc(500000);
    kfree(freed);
    slab_drain();
    expect_refused(freed);                                   // twice
    expect_refused(live + 16);                               // the middle
    expect_refused(live + 8);                                //
    expect_refused(page + 2048);                             //
    expect_refused(run + 4096);                              // of large memory
    expect_refused(run + 16);                                //
    expect_refused(large + 4096);                            //
    expect_refused(large + ARENA_SIZE);                      //
    expect_refused(foreign + 2);                             // not ours
    expect_refused((void *)0xdeadbeefdeadbee0);              // nobody's
    expect_refused((void *)48);                              //
    expect_refused(arena_of(live));                          // the arena's own page
    expect_refused((char *)arena_of(live) + 64);             //
    expect_refused((char *)arena_of(live) + 63 * PAGE_SIZE); // free
    expect_refused((char *)direct_map_base + direct_map_size - PAGE_SIZE);
    kfree(run);
    expect_refused(run);
    kfree(large);
    expect_refused(large);
    unsigned before = log_lines[LOG_ERROR];
    kfree(NULL);
    assert_int_equal(log_lines[LOG_ERROR], before);
    kfree(live);
    kfree(other);
    kfree(page);
    assert_int_equal(kmalloc_size(foreign + 2), 0);
    assert_int_equal(kmalloc_size(run), 0);
    assert_null(krealloc(foreign + 2, 32));
    assert_int_equal(objects_in_use(), 0);
}

// Memory that looks like an arena to who doesn't know the secret.
static void forged_descriptors_are_not_believed(void **state)
{
    (void)state;
    uint8_t *guest = kmalloc(ARENA_SIZE);
    void *object = kmalloc(64);
    memcpy(guest, arena_of(object), PAGE_SIZE); // even a copy: its owner can't read this
    memset(guest, 0, 64);
    for (unsigned i = 1; i < ARENA_PAGES; i++)
        ((struct slab *)guest)[i].tag ^= slab_secret; // what it looks like without
    expect_refused(guest + PAGE_SIZE);
    kfree(object);
    kfree(guest);
    assert_int_equal(objects_in_use(), 0);
}

static void objects_of_another_cache_are_refused(void **state)
{
    (void)state;
    struct slab_cache *one = slab_create("one", 64, 0, NULL);
    struct slab_cache *two = slab_create("two", 64, 0, NULL);
    void *object = slab_alloc(one);
    slab_free(two, object);
    assert_int_equal(log_lines[LOG_ERROR], 1);
    slab_free(one, object);
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_int_equal(slab_destroy(one), OK);
    assert_int_equal(slab_destroy(two), OK);
}

static void assert_logged(unsigned lines, const char *words)
{
    assert_int_equal(log_lines[LOG_ERROR], lines);
    if (!strstr(log_last, words))
        fail_msg("\"%s\" is not in \"%s\"", words, log_last);
}

// Whatever state the magazine is in: it fills up with what follows.
static void a_second_free_in_a_row_is_refused_at_once(void **state)
{
    enum { COUNT = 300 };
    (void)state;
    void *objects[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        objects[i] = kmalloc(64);
    for (unsigned i = 0; i < COUNT; i++) {
        kfree(objects[i]);
        kfree(objects[i]);
        assert_logged(i + 1, "(by ");
    }
    void *one = kmalloc(64), *two = kmalloc(64);
    assert_ptr_not_equal(one, two);
    kfree(one);
    kfree(two);
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], COUNT);
    assert_int_equal(objects_in_use(), 0);
}

static void what_is_not_aligned_is_refused_at_once(void **state)
{
    (void)state;
    char *live = kmalloc(3000), *run = kmalloc(100000);
    kfree(live + 8);
    assert_logged(1, "(by ");
    kfree(run + 8);
    assert_logged(2, "(by ");
    assert_int_equal(objects_in_use(), 2);
    kfree(live);
    kfree(run);
    assert_int_equal(log_lines[LOG_ERROR], 2);
}

// The flush has found them, but who has freed them isn't known any more.
static void late_refusals_are_counted_and_accuse_nobody(void **state)
{
    (void)state;
    void *one = kmalloc(64), *two = kmalloc(64), *three = kmalloc(64);
    kfree(one);
    kfree(two);
    kfree(one);
    kfree(three);
    kfree(two);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    slab_drain();
    assert_logged(1, "refused 2 ");
    assert_logged(1, "found while flushing");
    assert_int_equal(objects_in_use(), 0);
    one = kmalloc(64);
    kfree(one);
    kfree((char *)one + 32);
    (void)slab_reclaim();
    assert_logged(2, "refused 1 ");
    assert_int_equal(objects_in_use(), 0);
}

// Of two frees of one object that wait in a magazine the second is found out when it goes back,
// even where its slab is gone by then.
static void double_frees_are_found_in_magazines(void **state)
{
    (void)state;
    void *object = kmalloc(64), *other = kmalloc(64);
    kfree(object);
    kfree(other);
    kfree(object);
    complaints = 0;
    assert_true(slab_check(complain) > 0);
    machine_cpu = &machine_cpus[0];
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_int_equal(objects_in_use(), 0);
    assert_consistent();
}

// What is wrong in a magazine stays as wrong as it was.
static void check_changes_nothing(void **state)
{
    (void)state;
    char *object = kmalloc(64), *live = kmalloc(64), *twice = kmalloc(64);
    kfree(object);
    slab_drain();
    kfree(object);
    kfree(twice);
    kfree(live + 16);
    kfree(twice);
    for (unsigned round = 0; round < 2; round++) {
        complaints = 0;
        assert_int_equal(slab_check(complain), 3);
        assert_int_equal(complaints, 3);
    }
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_consistent();
    assert_int_equal(objects_in_use(), 1);
    kfree(live);
    slab_drain();
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_consistent();
}

static void check_finds_damage(void **state)
{
    (void)state;
    void *object = kmalloc(64), *run = kmalloc(100000);
    assert_consistent();
    struct slab *slab = slab_of(object);
    slab->left++;
    assert_true(slab_check(complain) > 0);
    slab->left--;
    slab->free[0] ^= 1;
    assert_true(slab_check(complain) > 0);
    slab->free[0] ^= 1;
    slab->tag += 7ull << 40;
    assert_true(slab_check(complain) > 0);
    slab->tag -= 7ull << 40;
    slab_caches[3].free++;
    assert_true(slab_check(complain) > 0);
    slab_caches[3].free--;
    arena_of(run)->free ^= BIT(63);
    assert_true(slab_check(complain) > 0);
    arena_of(run)->free ^= BIT(63);
    assert_consistent();
    kfree(object);
    kfree(run);
    assert_int_equal(slab_leaks(NULL), NOT_SUPPORTED);
}

// --- Without memory ------------------------------------------------------------------------------

static bool show_leak(uintptr_t caller, uint64_t objects, uint64_t bytes)
{
    (void)caller;
    fail_msg("%lu objects, %lu bytes", objects, bytes);
    return false;
}

static void looking_before_the_start_is_harmless(void **state)
{
    struct slab_stats stats;
    (void)machine_off(state);
    assert_consistent();
    slab_drain();
    assert_int_equal(slab_reclaim(), 0);
    assert_true(slab_get_stats(0, &stats)); // large memory
    assert_int_equal(stats.objects, 0);
    assert_false(slab_get_stats(1, &stats));
    (void)slab_leaks(show_leak);
    failpoint_set(FAILPOINT_SLAB, 1);
    failpoint_set(FAILPOINT_SLAB, 0);
}

static void without_pages_everything_fails_cleanly(void **state)
{
    (void)machine_off(state);
    fake_pages.fail_all = true;
    slab_init();
    slab_cpu_init(&machine_cpus[1].slab);
    struct slab_cache *cache = slab_create("none", 100, 0, NULL);
    for (unsigned i = 0; i < 2; i++) {
        machine_cpu = &machine_cpus[i];
        assert_null(kmalloc(0));
        assert_null(kmalloc(64));
        assert_null(kmalloc_any(32768));
        assert_null(kmalloc(100000));
        assert_null(kmalloc(10 << 20));
        assert_null(kcalloc(10, 10));
        assert_null(krealloc(NULL, 10));
        assert_null(slab_alloc(cache));
        kfree(NULL);
        slab_drain();
        assert_int_equal(slab_reclaim(), 0);
        assert_consistent();
    }
    assert_int_equal(slab_destroy(cache), OK);
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_int_equal(log_lines[LOG_ERROR], 0);
    fake_pages.fail_all = false; // some are given later
    kfree(kmalloc(64));
    assert_consistent();
}

#define TEST(name) cmocka_unit_test_setup(name, machine_start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_operations_agree_with_the_reference),
        TEST(every_size_is_aligned_and_its_own),
        TEST(classes_and_their_sizes_are_inverse),
        TEST(slabs_waste_little),
        TEST(large_memory_comes_and_goes),
        TEST(kcalloc_zeroes_and_refuses_overflow),
        TEST(krealloc_keeps_contents),
        TEST(objects_are_constructed_once_and_aligned),
        TEST(alignments_are_powers_of_two),
        TEST(a_cache_in_use_stays),
        TEST(the_table_of_caches_fills_up_and_empties),
        TEST(fuller_slabs_are_used_first),
        TEST(memory_comes_back_when_pages_run_out),
        TEST(no_failing_page_allocation_leaves_anything_behind),
        TEST(failpoints_count_calls),
        TEST(wrong_frees_are_refused),
        TEST(forged_descriptors_are_not_believed),
        TEST(objects_of_another_cache_are_refused),
        TEST(a_second_free_in_a_row_is_refused_at_once),
        TEST(what_is_not_aligned_is_refused_at_once),
        TEST(late_refusals_are_counted_and_accuse_nobody),
        TEST(double_frees_are_found_in_magazines),
        TEST(check_changes_nothing),
        TEST(check_finds_damage),
        TEST(looking_before_the_start_is_harmless),
        TEST(without_pages_everything_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
