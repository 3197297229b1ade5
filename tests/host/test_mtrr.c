// arch/x86_64/mtrr: types of memory from the registers' values. Catches large pages over memory of
// two types, a rule for overlapping ranges that isn't the manual's [SDM3 12.11.4.1], and registers
// that are believed whatever they say.

#include "tests/host/lib.h"

#include "arch/x86_64/mtrr.c"

enum { REGISTERS_MAX = 200 };

#define UC 0
#define WC 1
#define WT 4
#define WP 5
#define WB 6
#define G  (1ull << 30)
#define M  (1ull << 20)

static struct {
    uint32_t number;
    uint64_t value;
} registers[REGISTERS_MAX];
static unsigned register_count, reads;
static bool is_amd, has_mtrr;

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    if (leaf == 0)
        return (struct cpuid){.eax = 0x10, .ecx = is_amd ? 0x444d4163 : 0x6c65746e};
    return (struct cpuid){.edx = leaf == 1 && has_mtrr ? 1 << 12 : 0};
}

paddr_t arch_physical_limit(void)
{
    return 1ull << 40;
}

enum status msr_read(uint32_t msr, uint64_t *value)
{
    reads++;
    for (unsigned i = 0; i < register_count; i++)
        if (registers[i].number == msr) {
            *value = registers[i].value;
            return OK;
        }
    return FAULT;
}

static void set(uint32_t number, uint64_t value)
{
    for (unsigned i = 0; i < register_count; i++)
        if (registers[i].number == number) {
            registers[i].value = value;
            return;
        }
    registers[register_count].number = number;
    registers[register_count++].value = value;
}

static void set_range(unsigned n, uint64_t base, uint64_t size, unsigned type)
{
    set(0x200 + 2 * n, base | type);
    set(0x201 + 2 * n, ((1ull << 40) - size) | 1 << 11);
}

// A machine whose memory is of type `usual` where nothing else is said; fixed ranges are off.
static void start_with(unsigned usual)
{
    register_count = 0;
    is_amd = false;
    has_mtrr = true;
    set(0xfe, 0x100 | 10);
    set(0x2ff, 1 << 11 | usual);
}

static void expect(uint64_t address, unsigned type, uint64_t limit, uint64_t end)
{
    paddr_t same;
    unsigned found = mtrr_type(address, &same);
    if (found != type || mtrr_uniform_end(address, limit) != end || same <= address)
        fail_msg("0x%lx has type %u up to 0x%lx, expected %u up to 0x%lx", address, found,
                 mtrr_uniform_end(address, limit), type, end);
}

static void without_registers_all_is_write_back(void **state)
{
    (void)state;
    start_with(UC);
    has_mtrr = false;
    mtrr_init();
    expect(0, WB, 16 * G, 16 * G);
    start_with(WB);
    set(0x2ff, WB); // switched off: nothing is cached
    mtrr_init();
    expect(0, UC, 16 * G, 16 * G);
    start_with(WB);
    register_count = 0; // none of them exists
    mtrr_init();
    expect(0, UC, 16 * G, 16 * G);
}

// As SeaBIOS sets them.
static void a_hole_for_devices(void **state)
{
    (void)state;
    start_with(WB);
    set_range(0, 3 * G, G, UC);
    mtrr_init();
    expect(0, WB, 64 * G, 3 * G);
    expect(2 * G, WB, 64 * G, 3 * G);
    expect(3 * G - 4096, WB, 64 * G, 3 * G);
    expect(3 * G, UC, 64 * G, 4 * G);
    expect(4 * G - 4096, UC, 64 * G, 4 * G);
    expect(4 * G, WB, 64 * G, 64 * G);
    expect(0, WB, G, G);
}

// As many boards have it: default uncached, memory in powers of two, a piece at its end taken out.
static void memory_in_powers_of_two(void **state)
{
    (void)state;
    start_with(UC);
    set_range(0, 0, 2 * G, WB);
    set_range(1, 2 * G, G, WB);
    set_range(2, 3 * G - 16 * M, 16 * M, UC);
    set_range(3, 4 * G, 4 * G, WB);
    mtrr_init();
    expect(0, WB, 64 * G, 3 * G - 16 * M); // ranges that touch are one
    expect(3 * G - 16 * M, UC, 64 * G, 4 * G);
    expect(4 * G, WB, 64 * G, 8 * G);
    expect(8 * G, UC, 64 * G, 64 * G);
}

static void overlapping_ranges(void **state)
{
    static const struct {
        unsigned one, other, both;
    } rules[] = {{UC, WB, UC}, {UC, WT, UC}, {UC, WC, UC}, {UC, WP, UC}, {WT, WB, WT}, {WB, WB, WB},
                 {WC, WC, WC}, {WC, WB, UC}, {WC, WT, UC}, {WP, WB, UC}, {2, WB, UC},  {7, WB, UC}};
    (void)state;
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(rules); i++) {
        unsigned rule = i / 2;
        start_with(WB);
        set_range(i % 2, 0, 4 * G, rules[rule].one); // in either order
        set_range(1 - i % 2, G, G, rules[rule].other);
        mtrr_init();
        expect(G, rules[rule].both, 2 * G, 2 * G);
    }
    start_with(WB); // three
    set_range(0, 0, G, WB);
    set_range(1, 0, G, WT);
    set_range(2, 0, G, UC);
    mtrr_init();
    expect(0, UC, 64 * G, G);
}

static void the_first_mib_has_ranges_of_its_own(void **state)
{
    (void)state;
    start_with(WB);
    set_range(0, 0, G, UC); // hidden by the fixed ones
    set(0x2ff, 1 << 11 | 1 << 10 | WB);
    set(0x250, 0x0606060606060606);
    set(0x258, 0x0606060606060606);
    set(0x259, 0x0000000000000000); // 0xa0000 to 0xbffff
    for (unsigned i = 0; i < 8; i++)
        set(0x268 + i, 0x0505050505050505);
    set(0x26f, 0x0605050505050505);
    mtrr_init();
    expect(0, WB, G, 0xa0000);
    expect(0x9ffff, WB, G, 0xa0000);
    expect(0xa0000, UC, G, 0xc0000);
    expect(0xc0000, WP, G, 0xff000);
    expect(0xff000, WB, G, 0x100000);
    expect(0x100000, UC, G, G);
    set(0xfe, 10); // the processor says that it has none
    mtrr_init();
    expect(0, UC, G, G);
}

static void amd_caches_above_4_gib(void **state)
{
    (void)state;
    start_with(UC);
    is_amd = true;
    set_range(0, 0, 2 * G, WB);
    set(0xc0010010, 1 << 21 | 1 << 22);
    set(0xc001001d, 20 * G);
    mtrr_init();
    expect(0, WB, 64 * G, 2 * G);
    expect(2 * G, UC, 64 * G, 4 * G);
    expect(4 * G, WB, 64 * G, 20 * G);
    expect(20 * G, UC, 64 * G, 64 * G);
    set_range(1, 8 * G, G, UC); // ranges still win
    mtrr_init();
    expect(4 * G, WB, 64 * G, 8 * G);
    expect(8 * G, UC, 64 * G, 9 * G);
    expect(9 * G, WB, 64 * G, 20 * G);
    set(0xc0010010, 1 << 21);
    mtrr_init();
    expect(16 * G, UC, 64 * G, 64 * G);
    set(0xc0010010, 1 << 21 | 1 << 22);
    is_amd = false; // another vendor has other registers there
    mtrr_init();
    expect(16 * G, UC, 64 * G, 64 * G);
}

static void nothing_is_believed(void **state)
{
    (void)state;
    start_with(WB);
    set(0xfe, 0xff); // 255 of them: those beyond the fixed ones' numbers are other registers
    for (unsigned n = 0; n < 60; n++)
        set_range(n, n * G, G, WT);
    reads = 0;
    mtrr_init();
    assert_in_range(reads, 10, 200);
    start_with(WB);
    set_range(0, 3 * G, G, UC);
    set(0x201, 0xfc0000800); // upper bits forgotten: for a processor of 36 bits
    mtrr_init();
    expect(4 * G, WB, 1024 * G, 1024 * G);
    expect(3 * G, UC, 64 * G, 4 * G);
    set(0x201, 1 << 11); // no mask at all: everything
    mtrr_init();
    expect(0, UC, 64 * G, 64 * G);
    start_with(3);
    mtrr_init();
    expect(0, UC, 64 * G, 64 * G);
}

// Random ranges with whole masks, against what the manual says of each page.
static unsigned type_by_the_manual(uint64_t address, unsigned count, unsigned usual)
{
    bool seen[8] = {false};
    unsigned kinds = 0, last = usual;
    for (unsigned n = 0; n < count; n++) {
        uint64_t base = 0, mask = 0;
        assert_int_equal(msr_read(0x200 + 2 * n, &base), OK);
        assert_int_equal(msr_read(0x201 + 2 * n, &mask), OK);
        if ((address & mask & ~0xfffull) != (base & mask & ~0xfffull))
            continue;
        last = base & 7;
        kinds += !seen[last];
        seen[last] = true;
    }
    if (seen[UC])
        return UC;
    if (kinds == 2 && seen[WT] && seen[WB])
        return WT;
    return kinds > 1 ? UC : last;
}

static void random_ranges(void **state)
{
    static const unsigned types[] = {UC, WC, WT, WP, WB};
    (void)state;
    random_seed(12);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned usual = types[random_below(5)], count = (unsigned)random_below(9);
        start_with(usual);
        for (unsigned n = 0; n < count; n++) {
            uint64_t size = 4096ull << random_below(7);
            set_range(n, random_below(64) * 4096 / size * size, size, types[random_below(5)]);
        }
        mtrr_init();
        for (uint64_t page = 0; page < 80; page++) {
            uint64_t end = page;
            unsigned type = type_by_the_manual(page * 4096, count, usual);
            while (end < 80 && type_by_the_manual(end * 4096, count, usual) == type)
                end++;
            expect(page * 4096, type, 80 * 4096, end * 4096);
        }
    }
}

static unsigned times_set;
static struct mtrr_registers last_set;

void mtrr_set(const struct mtrr_registers *to, const uint32_t fixed[MTRR_FIXED_REGISTERS])
{
    assert_int_equal(fixed[0], 0x250);
    assert_int_equal(fixed[MTRR_FIXED_REGISTERS - 1], 0x26f);
    times_set++;
    last_set = *to;
}

static void others_follow_the_first(void **state)
{
    (void)state;
    start_with(WB);
    set_range(0, 3 * G, G, UC);
    mtrr_init();
    assert_false(mtrr_follow_boot()); // its registers are the same
    set_range(0, 3 * G, G, WC);
    assert_true(mtrr_follow_boot());
    assert_int_equal(times_set, 1);
    assert_int_equal(last_set.base[0], 3 * G | UC);
    set_range(0, 3 * G, G, UC);
    assert_false(mtrr_follow_boot());
    set(0x2ff, 0); // as an INIT may leave it
    assert_true(mtrr_follow_boot());
    assert_int_equal(last_set.usual & 0xff, WB);
    assert_int_equal(times_set, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_registers_all_is_write_back),
        cmocka_unit_test(a_hole_for_devices),
        cmocka_unit_test(memory_in_powers_of_two),
        cmocka_unit_test(overlapping_ranges),
        cmocka_unit_test(the_first_mib_has_ranges_of_its_own),
        cmocka_unit_test(amd_caches_above_4_gib),
        cmocka_unit_test(nothing_is_believed),
        cmocka_unit_test(random_ranges),
        cmocka_unit_test(others_follow_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
