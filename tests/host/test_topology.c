// arch/x86_64/topology on recorded processors, whose place is known from what QEMU was asked for,
// on hand-made ones after the manuals' tables, and on nonsense. Catches fields of the APIC id cut
// at the wrong bit, a list of levels that is believed although it is empty, an unknown level taken
// for a known one, two processors in one place, and a shift or a loop without a limit.

#include "tests/host/lib.h"

#include "arch/x86_64/topology.c"
#include "tests/host/cpuid_dumps.h"

static const struct cpuid_machine *machine;
static uint32_t own_apic_id;
static bool is_random;
static unsigned asked;

static const struct cpuid_row *find_row(const struct cpuid_row *rows, unsigned count, uint32_t id,
                                        uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < count; i++)
        if (rows[i].apic_id == id && rows[i].leaf == leaf && rows[i].subleaf == subleaf)
            return &rows[i];
    return NULL;
}

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    asked++;
    if (is_random) {
        uint64_t one = random_u64() & random_u64(), other = random_u64();
        return (struct cpuid){(uint32_t)one, (uint32_t)other, (uint32_t)(one >> 32),
                              (uint32_t)(other >> 32)};
    }
    const struct cpuid_row *row =
        find_row(machine->others, machine->other_count, own_apic_id, leaf, subleaf);
    if (!row)
        row = find_row(machine->rows, machine->count, 0, leaf, subleaf);
    return row ? (struct cpuid){row->eax, row->ebx, row->ecx, row->edx} : (struct cpuid){0};
}

static struct topology read(uint32_t apic_id)
{
    struct topology topology;
    own_apic_id = apic_id;
    topology_read(&topology);
    return topology;
}

// --- Recorded ----------------------------------------------------------------------------------

// What a model's CPUID doesn't say of what QEMU was asked for. (Without acceleration QEMU shows
// AMD's leaves, but not the feature that they belong to, so they don't count.)
static bool hides_cores(const char *model) // no leaf 4: all are threads of one core
{
    return string_equal(model, "kvm64,level=1");
}

static bool hides_threads(const char *model) // all are cores
{
    return string_equal(model, "EPYC,level=1");
}

static bool says_dies(const char *model)
{
    return string_equal(model, "Skylake-Server");
}

static unsigned width(unsigned count)
{
    return count > 1 ? 32 - (unsigned)__builtin_clz(count - 1) : 0;
}

static void check_recorded(const struct cpuid_machine *at, unsigned package, unsigned die,
                           unsigned core, unsigned thread)
{
    uint32_t id = ((package << width(at->dies) | die) << width(at->cores) | core)
                      << width(at->threads) |
                  thread;
    struct topology found = read(id);
    if (!says_dies(at->model))
        core |= die << width(at->cores);
    if (hides_cores(at->model)) {
        thread |= core << width(at->threads);
        core = 0;
    } else if (hides_threads(at->model)) {
        core = core << width(at->threads) | thread;
        thread = 0;
    }
    if (found.apic_id != id || found.package != package || found.core != core ||
        found.thread != thread || found.has_die != says_dies(at->model) ||
        (found.has_die && found.die != die) || found.kind != CORE_KIND_UNSAID)
        fail_msg("%s, APIC id 0x%x: package %u die %u core %u thread %u", at->model, id,
                 found.package, found.die, found.core, found.thread);
}

static void recorded_processors(void **state)
{
    (void)state;
    for (machine = cpuid_machines; machine < cpuid_machines + ARRAY_SIZE(cpuid_machines); machine++)
        for (unsigned package = 0; package < machine->sockets; package++)
            for (unsigned die = 0; die < machine->dies; die++)
                for (unsigned core = 0; core < machine->cores; core++)
                    for (unsigned thread = 0; thread < machine->threads; thread++)
                        check_recorded(machine, package, die, core, thread);
}

static const struct cpuid_machine *recorded(const char *model)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cpuid_machines); i++)
        if (string_equal(cpuid_machines[i].model, model))
            return &cpuid_machines[i];
    fail_msg("%s isn't recorded", model);
    return NULL;
}

static void expect_cache(const struct topology_cache *cache, unsigned level, unsigned kind,
                         uint64_t kib, unsigned ways, unsigned shift)
{
    assert_int_equal(cache->level, level);
    assert_int_equal(cache->kind, kind);
    assert_int_equal(cache->size, kib * 1024);
    assert_int_equal(cache->ways, ways);
    assert_int_equal(cache->line, 64);
    assert_int_equal(cache->share_shift, shift);
}

// --- By hand -----------------------------------------------------------------------------------

enum { ROWS_MAX = 24, INTEL = 0x756e6547, AMD = 0x68747541 };
enum { CMP_LEGACY = 1 << 1, TOPOLOGY_EXTENSIONS = 1 << 22 };

static struct cpuid_row rows[ROWS_MAX];
static struct cpuid_machine made = {.rows = rows};

static void add_row(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
                    uint32_t edx)
{
    assert_true(made.count < ROWS_MAX);
    rows[made.count++] = (struct cpuid_row){0, leaf, subleaf, eax, ebx, ecx, edx};
}

static void make(uint32_t vendor, uint32_t highest, uint32_t highest_extended)
{
    made.count = 0;
    machine = &made;
    add_row(0, 0, highest, vendor, 0, 0);
    add_row(0x80000000, 0, highest_extended, vendor, 0, 0);
}

static void expect(const char *text)
{
    char found[TOPOLOGY_TEXT_MAX];
    struct topology topology = read(0);
    topology_format(found, &topology);
    assert_string_equal(found, text);
}

// A level: its type, the bits below its end, and as many threads in it.
static void add_level(uint32_t leaf, uint32_t subleaf, unsigned type, unsigned shift,
                      uint32_t threads, uint32_t id)
{
    add_row(leaf, subleaf, shift, threads, type << 8 | subleaf, id);
}

static void take_rows(const struct cpuid_machine *from)
{
    made.count = from->count;
    assert_true(made.count <= ROWS_MAX);
    memcpy(rows, from->rows, made.count * sizeof(rows[0]));
    machine = &made;
}

// Sizes as QEMU's models have them: those of an EPYC 7003, and QEMU's usual ones.
static void recorded_caches(void **state)
{
    (void)state;
    machine = recorded("Skylake-Server");
    struct topology found = read(0);
    assert_int_equal(found.cache_count, 4);
    expect_cache(&found.caches[0], 1, CACHE_DATA, 32, 8, 0);
    expect_cache(&found.caches[1], 1, CACHE_CODE, 32, 8, 0);
    expect_cache(&found.caches[2], 2, CACHE_UNIFIED, 4096, 16, 1);
    expect_cache(&found.caches[3], 3, CACHE_UNIFIED, 16384, 16, 3);
    take_rows(recorded("EPYC-Milan"));
    assert_int_equal(read(0).cache_count, 0);
    for (unsigned i = 0; i < made.count; i++)
        rows[i].ecx |= rows[i].leaf == 0x80000001 ? TOPOLOGY_EXTENSIONS : 0; // as KVM shows it
    found = read(0);
    assert_int_equal(found.cache_count, 4);
    expect_cache(&found.caches[0], 1, CACHE_DATA, 32, 8, 1);
    expect_cache(&found.caches[1], 1, CACHE_CODE, 32, 8, 1);
    expect_cache(&found.caches[2], 2, CACHE_UNIFIED, 512, 8, 1);
    expect_cache(&found.caches[3], 3, CACHE_UNIFIED, 32768, 16, 3);
    assert_true(found.has_die); // two nodes in the package
}

// [SDM2 CPUID, leaf 1Fh]: 1 thread, 2 core, 3 module, 4 tile, 5 die, 6 group of dies.
static void all_of_intels_levels(void **state)
{
    (void)state;
    make(INTEL, 0x1f, 0x80000008);
    add_row(1, 0, 0x000806f8, 0xffu << 24 | 128 << 16, 0, 1 << 28);
    static const unsigned ends[] = {1, 4, 6, 7, 9, 10};
    for (unsigned i = 0; i < 6; i++)
        add_level(0x1f, i, i + 1, ends[i], 1 << ends[i], 0xabcd1234);
    // The lowest bits are 1000 11 010 0: tiles, dies and groups of them are one.
    expect("package 2814788 die 8 module 3 core 2 thread 0");
}

static void half_a_list_is_half_believed(void **state)
{
    (void)state;
    make(INTEL, 0xb, 0x80000008);
    add_level(0xb, 0, 1, 1, 2, 0x25);
    add_level(0xb, 1, 2, 4, 16, 0x25);
    expect("package 2 core 2 thread 1");
    rows[3].eax = 0; // the second level ends below the first
    expect("package 18 core 0 thread 1");
    rows[3].eax = 4;
    rows[3].ecx = 1 << 8 | 1; // again the first
    expect("package 2 core 0 thread 5");
    rows[2].eax = 0; // threads take no bits
    rows[3].ecx = 2 << 8 | 1;
    expect("package 2 core 5 thread 0");
}

static void an_unknown_level_joins_the_one_below(void **state)
{
    (void)state;
    make(INTEL, 0x1f, 0x80000008);
    add_level(0x1f, 0, 1, 1, 2, 0x1b7);
    add_level(0x1f, 1, 2, 3, 8, 0x1b7);
    add_level(0x1f, 2, 9, 5, 32, 0x1b7);
    add_level(0x1f, 3, 5, 7, 128, 0x1b7);
    expect("package 3 die 1 core 11 thread 1"); // 11 01 1011 1
}

// Leaf 1Fh may be there and empty [SDM2 CPUID]: then 0Bh counts; and where that is, too, leaves 1
// and 4.
static void empty_lists(void **state)
{
    (void)state;
    make(INTEL, 0x1f, 0x80000008);
    add_row(1, 0, 0x000306c3, 0x05u << 24 | 16 << 16, 0, 1 << 28);
    add_row(4, 0, 7u << 26 | 1 << 14 | 1 << 5 | 1, 7 << 22 | 63, 63, 0);
    add_row(0x1f, 0, 0, 0, 0, 0);
    add_level(0xb, 0, 1, 1, 2, 5);
    add_level(0xb, 1, 2, 3, 8, 5);
    expect("package 0 core 2 thread 1");
    rows[5].ebx = 0;
    expect("package 0 core 2 thread 1"); // 16 ids, 8 cores
    rows[2].ebx = 0x15u << 24 | 16 << 16;
    expect("package 1 core 2 thread 1");
}

// [SDM3 10.9.5, example 10-3]: widths are those of the next power of two.
static void intels_counts(void **state)
{
    static const struct {
        uint32_t id, ids, cores;
        bool has_htt;
        const char *text;
    } cases[] = {
        {0x35, 1, 1, false, "package 53 core 0 thread 0"}, // HTT clear: the counts mean nothing
        {0x35, 16, 8, false, "package 53 core 0 thread 0"},
        {3, 2, 1, true, "package 1 core 0 thread 1"},     // a Pentium 4
        {3, 2, 2, true, "package 1 core 1 thread 0"},     // a Core 2
        {0x1b, 12, 6, true, "package 1 core 5 thread 1"}, // 12 is 16, 6 is 8
        {0x1b, 0, 0, true, "package 27 core 0 thread 0"}, // no ids at all
        {0x1b, 4, 8, true, "package 3 core 3 thread 0"},  // more cores than ids
        {0xff, 255, 64, true, "package 0 core 63 thread 3"},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        make(INTEL, 4, 0x80000008);
        add_row(1, 0, 0x00000f41, cases[i].id << 24 | cases[i].ids << 16, 0,
                (uint32_t)cases[i].has_htt << 28);
        if (cases[i].cores)
            add_row(4, 0, (cases[i].cores - 1) << 26 | 1 << 5 | 1, 7 << 22 | 63, 63, 0);
        expect(cases[i].text);
    }
}

static void make_amd(uint32_t signature, uint32_t id, uint32_t features, uint32_t counts)
{
    make(AMD, 0xa, 0x8000001e);
    add_row(1, 0, signature, id << 24 | 8 << 16, 0, 1 << 28);
    add_row(0x80000001, 0, 0, 0, features, 0);
    add_row(0x80000008, 0, 0x3030, 0, counts, 0);
}

// [APM3 E.4.7, E.4.16, E.5]
static void amds_counts(void **state)
{
    (void)state;
    make_amd(0x00040f12, 3, CMP_LEGACY, 1); // a K8 with two cores; ApicIdCoreIdSize isn't said
    expect("package 1 core 1 thread 0");
    make_amd(0x00100f42, 0x16, CMP_LEGACY, 3 << 12 | 5); // family 10h, 6 cores, 3 bits
    expect("package 2 core 6 thread 0");
    make_amd(0x00600f12, 0x25, CMP_LEGACY | TOPOLOGY_EXTENSIONS, 4 << 12 | 15); // units of two
    add_row(0x8000001e, 0, 0x25, 1 << 8 | 2, 1 << 8 | 5, 0);                    // node 5, of 2
    expect("package 2 die 1 module 2 core 1 thread 0");
    make_amd(0x00800f12, 0x25, CMP_LEGACY | TOPOLOGY_EXTENSIONS, 4 << 12 | 15); // Zen: threads
    add_row(0x8000001e, 0, 0x125, 1 << 8 | 2, 3 << 8 | 6, 0); // an id of more than 8 bits
    expect("package 18 die 2 core 2 thread 1");
    rows[5].ebx = 255 << 8; // more threads in a core than a package has
    expect("package 18 die 2 core 0 thread 5");
}

// [APM3 E.4.23], a Zen 4c of 2 threads, 8 cores in a complex, 2 of those in a die, 8 dies.
static void amds_levels(void **state)
{
    (void)state;
    make(AMD, 0x10, 0x80000026);
    add_row(0x80000001, 0, 0, 0, TOPOLOGY_EXTENSIONS, 0);
    add_row(0x8000001e, 0, 0x3b7, 1 << 8, 0, 0);
    add_level(0x80000026, 0, 1, 1, 2, 0x3b7);
    add_level(0x80000026, 1, 2, 4, 16, 0x3b7);
    add_level(0x80000026, 2, 3, 5, 32, 0x3b7);
    add_level(0x80000026, 3, 4, 8, 256, 0x3b7);
    add_level(0xb, 0, 1, 1, 2, 0x3b7);
    add_level(0xb, 1, 2, 8, 256, 0x3b7);
    expect("package 3 die 5 module 1 core 3 thread 1"); // 11 101 1 011 1
    rows[4].eax |= 1u << 30;                            // cores of two kinds
    rows[4].ebx |= 1u << 28;
    expect("package 3 die 5 module 1 core 3 thread 1, efficiency core");
    rows[4].ebx &= ~(1u << 28);
    expect("package 3 die 5 module 1 core 3 thread 1, performance core");
    rows[1].eax = 0x80000025; // the leaf is gone
    expect("package 3 core 91 thread 1");
}

static void kinds_of_cores(void **state)
{
    (void)state;
    make(INTEL, 0x1a, 0x80000008);
    add_row(7, 0, 0, 0, 0, 1 << 15);
    add_row(0x1a, 0, 0x20000001, 0, 0, 0);
    expect("package 0 core 0 thread 0, efficiency core");
    rows[3].eax = 0x40000001;
    expect("package 0 core 0 thread 0, performance core");
    rows[3].eax = 0x10000000; // reserved
    expect("package 0 core 0 thread 0");
    rows[3].eax = 0x40000001;
    rows[2].edx = 0; // not hybrid: the leaf may be there all the same
    expect("package 0 core 0 thread 0");
}

static void caches_that_cant_be(void **state)
{
    (void)state;
    make(INTEL, 4, 0x80000008);
    add_row(4, 0, 1 << 9 | 1 << 5 | 1, 63, 15, 0);       // fully associative, 16 lines
    add_row(4, 1, 2 << 5 | 3, ~0u, ~0u, 0);              // 2^64 bytes
    add_row(4, 2, 3, 63, 15, 0);                         // level 0
    add_row(4, 3, 7 << 5 | 31, 63, 15, 0);               // of a kind that isn't known
    add_row(4, 4, 0xfffu << 14 | 3 << 5 | 3, 63, 15, 0); // shared by 4096
    struct topology found = read(0);
    assert_int_equal(found.cache_count, 2);
    assert_int_equal(found.caches[0].size, 1024);
    assert_true(found.caches[0].is_associative);
    assert_int_equal(found.caches[1].level, 3);
    assert_int_equal(found.caches[1].share_shift, 12);
}

static void nonsense(void **state)
{
    (void)state;
    is_random = true;
    random_seed(7);
    for (unsigned i = 0; i < 20000; i++) {
        asked = 0;
        struct topology found = read(0);
        char text[TOPOLOGY_TEXT_MAX];
        topology_format(text, &found);
        assert_true(strlen(text) < TOPOLOGY_TEXT_MAX - 1);
        assert_true(found.cache_count <= TOPOLOGY_CACHES_MAX);
        assert_true(asked < 200);
    }
    is_random = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_processors),
        cmocka_unit_test(recorded_caches),
        cmocka_unit_test(all_of_intels_levels),
        cmocka_unit_test(half_a_list_is_half_believed),
        cmocka_unit_test(an_unknown_level_joins_the_one_below),
        cmocka_unit_test(empty_lists),
        cmocka_unit_test(intels_counts),
        cmocka_unit_test(amds_counts),
        cmocka_unit_test(amds_levels),
        cmocka_unit_test(kinds_of_cores),
        cmocka_unit_test(caches_that_cant_be),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
