// monitor/memory_picture against a map with one entry per byte. Catches a slice that is counted
// twice or not at all, arithmetic that wraps with terabytes, little that looks like nothing or much
// that looks like all, a bar of another width, and a device far above that makes memory look small.

#include "tests/host/lib.h"

#include "mm/memory_map.c"
#include "monitor/memory_picture.c"

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define TIB (1ull << 40)

static struct memory_map map;

static void forget(void)
{
    map = (struct memory_map){.count = 0};
}

static void add(paddr_t start, uint64_t size, enum memory_kind kind)
{
    memory_map_add(&map, start, size, kind, UINT64_MAX);
}

// `expected` has one digit for each slice: the share, 0 to 4.
static void expect_shares(enum memory_kind kind, const char *expected)
{
    paddr_t end = picture_end(&map);
    char shares[PICTURE_SLICES + 1] = "";
    for (unsigned i = 0; i < PICTURE_SLICES; i++)
        shares[i] = (char)('0' + picture_share(&map, kind, end, i));
    assert_string_equal(shares, expected);
}

static void an_empty_map_has_no_end(void **state)
{
    (void)state;
    char bar[PICTURE_BAR_MAX];
    forget();
    assert_true(picture_end(&map) == 0);
    assert_true(picture_bytes(&map, MEMORY_USABLE, 0, UINT64_MAX) == 0);
    expect_shares(MEMORY_USABLE, "000000000000000000000000000000000000000000000000");
    picture_bar(&map, MEMORY_USABLE, 0, bar);
    assert_int_equal(strlen(bar), PICTURE_SLICES);
}

static void one_range_fills_its_bar(void **state)
{
    (void)state;
    forget();
    add(0, 48 * MIB, MEMORY_USABLE);
    assert_true(picture_end(&map) == 48 * MIB);
    expect_shares(MEMORY_USABLE, "444444444444444444444444444444444444444444444444");
    expect_shares(MEMORY_KERNEL, "000000000000000000000000000000000000000000000000");
}

static void shares_are_thirds_and_never_round_to_nothing_or_all(void **state)
{
    (void)state;
    forget();
    add(0, 48 * 12 * KIB, MEMORY_USABLE); // slices of three pages
    add(0, 4 * KIB, MEMORY_KERNEL);
    add(12 * KIB, 8 * KIB, MEMORY_KERNEL);
    add(24 * KIB, 12 * KIB, MEMORY_KERNEL);
    expect_shares(MEMORY_KERNEL, "234000000000000000000000000000000000000000000000");
    expect_shares(MEMORY_USABLE, "320444444444444444444444444444444444444444444444");
    forget();
    add(0, 48 * GIB, MEMORY_USABLE);
    add(5 * GIB, 4 * KIB, MEMORY_MODULE);
    expect_shares(MEMORY_MODULE, "000001000000000000000000000000000000000000000000");
    expect_shares(MEMORY_USABLE, "444443444444444444444444444444444444444444444444");
}

static void terabytes_do_not_wrap(void **state)
{
    (void)state;
    forget();
    add(0, TIB, MEMORY_USABLE);
    expect_shares(MEMORY_USABLE, "444444444444444444444444444444444444444444444444");
    add(TIB / 2, TIB / 4, MEMORY_PERSISTENT);
    expect_shares(MEMORY_PERSISTENT, "000000000000000000000000444444444444000000000000");
    assert_true(picture_bytes(&map, MEMORY_PERSISTENT, 0, UINT64_MAX) == TIB / 4);
    forget();
    add((1ull << 52) - 48 * MIB, 48 * MIB, MEMORY_USABLE); // the most that a processor can address
    assert_true(picture_end(&map) == 1ull << 52);
    expect_shares(MEMORY_USABLE, "000000000000000000000000000000000000000000000001");
}

static void devices_are_no_end_of_memory(void **state)
{
    (void)state;
    forget();
    add(0, 32 * MIB, MEMORY_USABLE);
    add(0xfec00000, 4 * MIB, MEMORY_RESERVED);
    add(0xe0000000, 8 * MIB, MEMORY_FRAMEBUFFER);
    assert_true(picture_end(&map) == 32 * MIB);
    assert_true(picture_bytes(&map, MEMORY_RESERVED, 32 * MIB, UINT64_MAX) == 4 * MIB);
    add(40 * MIB, 8 * MIB, MEMORY_RECLAIM); // firmware's tables lie in memory
    assert_true(picture_end(&map) == 48 * MIB);
    expect_shares(MEMORY_RECLAIM, "000000000000000000000000000000000000000044444444");
}

static void a_range_over_the_end_is_cut_there(void **state)
{
    (void)state;
    forget();
    add(0, 96 * MIB, MEMORY_RESERVED);
    add(0, 24 * MIB, MEMORY_KERNEL); // wins
    assert_true(picture_end(&map) == 24 * MIB);
    assert_true(picture_share(&map, MEMORY_RESERVED, 48 * MIB, 24) == SHARE_ALL);
    assert_true(picture_share(&map, MEMORY_RESERVED, 48 * MIB, 47) == SHARE_ALL);
    assert_true(picture_share(&map, MEMORY_RESERVED, 48 * MIB, 23) == SHARE_NONE);
    assert_true(picture_bytes(&map, MEMORY_RESERVED, 0, 48 * MIB) == 24 * MIB);
    assert_true(picture_bytes(&map, MEMORY_RESERVED, 48 * MIB, UINT64_MAX) == 48 * MIB);
}

static void slices_smaller_than_a_byte_are_empty(void **state)
{
    (void)state;
    map = (struct memory_map){.count = 1, .ranges = {{0, 7, MEMORY_USABLE}}};
    unsigned full = 0;
    for (unsigned i = 0; i < PICTURE_SLICES; i++) {
        enum picture_share share = picture_share(&map, MEMORY_USABLE, 7, i);
        assert_true(share == SHARE_NONE || share == SHARE_ALL);
        full += share == SHARE_ALL;
    }
    assert_int_equal(full, 7);
}

static void a_bar_is_as_wide_as_it_has_slices(void **state)
{
    (void)state;
    char bar[PICTURE_BAR_MAX];
    forget();
    add(0, 24 * MIB, MEMORY_KERNEL);
    add(24 * MIB, 24 * MIB, MEMORY_USABLE);
    assert_ptr_equal(picture_bar(&map, MEMORY_KERNEL, 48 * MIB, bar), bar);
    assert_int_equal(strlen(bar), 24 * 3 + 24);
    for (unsigned i = 0; i < 24; i++)
        assert_memory_equal(bar + 3 * i, "\xe2\x96\x88", 3); // U+2588
    assert_string_equal(bar + 72, "                        ");
    static const char *const blocks[] = {" ", "\xe2\x96\x91", "\xe2\x96\x92", "\xe2\x96\x93",
                                         "\xe2\x96\x88"};
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(picture_block((enum picture_share)i), blocks[i]);
}

// --- Any map ----------------------------------------------------------------------------------

enum { BYTES = 600, ROUNDS = 2000, GAP = MEMORY_KINDS };

static int model[BYTES + 1]; // the kind of each byte

// Ranges of a few bytes, sorted, some of them touching, in the map and in the model.
static void make_map(void)
{
    forget();
    paddr_t at = random_below(20);
    for (unsigned i = 0; i < BYTES; i++)
        model[i] = GAP;
    while (at < BYTES) {
        paddr_t end = at + 1 + random_below(random_below(2) ? 5 : 100);
        enum memory_kind kind = (enum memory_kind)random_below(MEMORY_KINDS);
        end = end < BYTES ? end : BYTES;
        map.ranges[map.count++] = (struct memory_range){at, end, kind};
        for (; at < end; at++)
            model[at] = (int)kind;
        at += random_below(2) * random_below(60);
    }
}

static enum picture_share model_share(int kind, unsigned low, unsigned high)
{
    unsigned bytes = 0;
    for (unsigned i = low; i < high; i++)
        bytes += model[i] == kind;
    if (bytes == 0)
        return SHARE_NONE;
    if (bytes == high - low)
        return SHARE_ALL;
    return 3 * bytes < high - low         ? SHARE_LOW
           : 3 * bytes < 2 * (high - low) ? SHARE_MIDDLE
                                          : SHARE_HIGH;
}

static void any_map(void **state)
{
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        random_seed(round);
        make_map();
        unsigned last = BYTES;
        while (last && (model[last - 1] == GAP || model[last - 1] == MEMORY_RESERVED ||
                        model[last - 1] == MEMORY_FRAMEBUFFER))
            last--;
        assert_int_equal(picture_end(&map), last);
        unsigned end = 1 + (unsigned)random_below(BYTES);
        for (unsigned i = 0; i < PICTURE_SLICES; i++)
            for (int kind = 0; kind < MEMORY_KINDS; kind++)
                assert_int_equal(
                    picture_share(&map, (enum memory_kind)kind, end, i),
                    model_share(kind, end * i / PICTURE_SLICES, end * (i + 1) / PICTURE_SLICES));
    }
}

static unsigned count_blocks(const char *bar, enum picture_share share)
{
    unsigned count = 0;
    for (const char *at = bar; (at = strstr(at, picture_block(share))); at++)
        count++;
    return count;
}

// Catches a meter that is full before everything is in, or empty while something is.
static void meters_are_empty_and_full_only_at_their_ends(void **state)
{
    (void)state;
    char bar[PICTURE_BAR_MAX];
    assert_string_equal(picture_meter(0, 0, 4, bar), "    ");
    assert_string_equal(picture_meter(0, 9, 4, bar), "    ");
    assert_int_equal(count_blocks(picture_meter(12, 12, 4, bar), SHARE_ALL), 4);
    for (uint64_t whole = 1; whole < 2000; whole += 37) {
        unsigned before = 0;
        for (uint64_t part = 1; part < whole; part++) {
            picture_meter(part, whole, 20, bar);
            unsigned full = count_blocks(bar, SHARE_ALL);
            unsigned some = count_blocks(bar, SHARE_LOW) + count_blocks(bar, SHARE_MIDDLE);
            assert_true(full + some > 0 && full < 20 && some <= 1);
            assert_true(3 * full + some >= before);
            before = 3 * full;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_no_end),
        cmocka_unit_test(one_range_fills_its_bar),
        cmocka_unit_test(shares_are_thirds_and_never_round_to_nothing_or_all),
        cmocka_unit_test(terabytes_do_not_wrap),
        cmocka_unit_test(devices_are_no_end_of_memory),
        cmocka_unit_test(a_range_over_the_end_is_cut_there),
        cmocka_unit_test(slices_smaller_than_a_byte_are_empty),
        cmocka_unit_test(a_bar_is_as_wide_as_it_has_slices),
        cmocka_unit_test(any_map),
        cmocka_unit_test(meters_are_empty_and_full_only_at_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
