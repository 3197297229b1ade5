// kernel/pvh on hand-built start information, versions 0 and 1 as Xen's start_info.h lays it out.
// Catches pointers that are followed out of the direct map, counts that multiply into something
// small, fields of version 1 read from a version 0 structure that ends before them, and texts
// without an end. Physical memory here is one allocation: a step past it is reported.

#include "tests/host/multiboot2_block.h"

enum {
    MEMORY = 0x8000,
    INFO = 0x1000,
    MODULES = 0x1100,
    MAP = 0x2000,
    TEXT = 0x3000,
    TEXT2 = 0x3800
};

struct info {
    uint32_t magic, version, flags, modules_count;
    uint64_t modules, command_line, rsdp, map;
    uint32_t map_count, reserved;
};

struct module {
    uint64_t address, size, command_line, reserved;
};

struct entry {
    uint64_t address, size;
    uint32_t type, reserved;
};

_Static_assert(sizeof(struct info) == 56 && sizeof(struct module) == 32 &&
                   sizeof(struct entry) == 24,
               "");

static uint8_t *memory;

static void poke(paddr_t address, const void *bytes, size_t size)
{
    assert_true(address + size <= MEMORY);
    memcpy(memory + address, bytes, size);
}

static const struct info good_info = {
    .magic = 0x336ec578,
    .version = 1,
    .modules_count = 2,
    .modules = MODULES,
    .command_line = TEXT,
    .rsdp = 0xf5ad0,
    .map = MAP,
    .map_count = 3,
};

static const struct module good_modules[] = {{0x4000000, 0x1234, TEXT2, 0},
                                             {0x100000000, 0x1000, 0, 0}};

static const struct entry good_map[] = {
    {0, 0x9fc00, 1, 0}, {0x100000, 0x7f00000, 1, 0}, {0xf0000, 0x10000, 2, 0}};

static int fill_memory(void **state)
{
    (void)state;
    memory = malloc(MEMORY);
    machine_zero(memory, MEMORY);
    poke(INFO, &good_info, sizeof(good_info));
    poke(MODULES, good_modules, sizeof(good_modules));
    poke(MAP, good_map, sizeof(good_map));
    poke(TEXT, "run=help ktest", 15);
    poke(TEXT2, "linux root=/dev/sda", 20);
    return 0;
}

static int free_memory(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static enum status parse_at(paddr_t address)
{
    machine_map(memory, 0, MEMORY);
    machine_zero(&parsed, sizeof(parsed));
    enum status status = pvh_parse(address, &parsed);
    assert_true(status == OK || status == MALFORMED);
    machine_check(&parsed);
    return status;
}

static enum status parse(const struct info *info)
{
    poke(INFO, info, sizeof(*info));
    return parse_at(INFO);
}

static void version_1_is_read_whole(void **state)
{
    (void)state;
    assert_int_equal(parse(&good_info), OK);
    assert_int_equal(parsed.complaints, 0);
    assert_string_equal(parsed.protocol, "PVH");
    assert_string_equal(parsed.command_line, "run=help ktest");
    assert_int_equal(parsed.rsdp_address, 0xf5ad0);
    assert_int_equal(parsed.rsdp_length, 0);
    assert_int_equal(parsed.info_start, INFO);
    assert_int_equal(parsed.info_end, INFO + 56);
    assert_int_equal(parsed.module_count, 2);
    assert_int_equal(parsed.modules[0].start, 0x4000000);
    assert_int_equal(parsed.modules[0].end, 0x4001234);
    assert_string_equal(parsed.modules[0].command_line, "linux root=/dev/sda");
    assert_int_equal(parsed.modules[1].start, 0x100000000);
    assert_string_equal(parsed.modules[1].command_line, "");
    assert_int_equal(parsed.memory.count, 3);
    assert_int_equal(parsed.memory.ranges[0].end, 0x9f000);
    assert_int_equal(parsed.memory.ranges[1].start, 0xf0000);
    assert_int_equal(parsed.memory.ranges[1].kind, MEMORY_RESERVED);
    assert_int_equal(parsed.memory.ranges[2].end, 0x8000000);
    assert_int_equal(parsed.memory.ranges[2].kind, MEMORY_USABLE);
}

// What lies behind the 40 bytes of version 0 belongs to somebody else.
static void version_0_has_no_memory_map(void **state)
{
    (void)state;
    struct info info = good_info;
    info.version = 0;
    assert_int_equal(parse(&info), OK);
    assert_int_equal(parsed.memory.count, 0);
    assert_int_equal(parsed.module_count, 2);
    assert_string_equal(parsed.command_line, "run=help ktest");
    info.version = 7; // later ones only add fields
    assert_int_equal(parse(&info), OK);
    assert_int_equal(parsed.memory.count, 3);
}

static void what_is_absent_is_empty(void **state)
{
    (void)state;
    struct info info = {.magic = 0x336ec578, .version = 1};
    assert_int_equal(parse(&info), OK);
    assert_string_equal(parsed.command_line, "");
    assert_int_equal(parsed.module_count, 0);
    assert_int_equal(parsed.memory.count, 0);
}

static void what_is_no_start_information_is_refused(void **state)
{
    (void)state;
    struct info info = good_info;
    info.magic++;
    assert_int_equal(parse(&info), MALFORMED);
    info.magic = 0;
    assert_int_equal(parse(&info), MALFORMED);
    poke(MEMORY - 56, &good_info, sizeof(good_info));
    assert_int_equal(parse_at(MEMORY - 56), OK);
    static const paddr_t addresses[] = {MEMORY - 52, MEMORY - 4, MEMORY,
                                        1ull << 40,  UINT64_MAX, UINT64_MAX - 55};
    for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++)
        assert_int_equal(parse_at(addresses[i]), MALFORMED);
}

static const uint64_t hostile[] = {
    MEMORY - 1,         MEMORY,
    MEMORY + 1,         0xffffffff,
    0x100000000,        0x7fffffffffffffff,
    0x8000000000000000, 0xffff800000000000,
    UINT64_MAX,         UINT64_MAX - 23,
    UINT64_MAX - 31,
};

static void hostile_pointers_are_not_followed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(hostile); i++) {
        struct info info = good_info;
        info.command_line = hostile[i];
        assert_int_equal(parse(&info), OK);
        assert_string_equal(parsed.command_line, "");
        info = good_info;
        info.modules = hostile[i];
        assert_int_equal(parse(&info), OK);
        assert_int_equal(parsed.module_count, 0);
        assert_int_equal(parsed.complaints, 1);
        info = good_info;
        info.map = hostile[i];
        assert_int_equal(parse(&info), OK);
        assert_int_equal(parsed.memory.count, 0);
        assert_int_equal(parsed.complaints, 1);
        struct module module = {0x4000000, 0x1000, hostile[i], 0};
        poke(MODULES, &module, sizeof(module));
        assert_int_equal(parse(&good_info), OK);
        assert_int_equal(parsed.module_count, 2);
        assert_string_equal(parsed.modules[0].command_line, "");
    }
}

static void hostile_counts_are_bounded(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0x400,      0x10000,    0x08000000,
                                      0x07ffffff, 0x80000000, 0xffffffff};
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        struct info info = good_info;
        info.modules_count = counts[i]; // 0x08000000 times 32 is 2^32
        assert_int_equal(parse(&info), OK);
        assert_true(parsed.complaints > 0);
        info = good_info;
        info.map_count = counts[i] * 2;
        assert_int_equal(parse(&info), OK);
    }
}

static void hostile_modules_and_ranges(void **state)
{
    (void)state;
    static const struct module modules[] = {{0x1000, 0, 0, 0},
                                            {UINT64_MAX, 1, 0, 0},
                                            {UINT64_MAX - 5, 6, 0, 0},
                                            {0x1000, UINT64_MAX, 0, 0},
                                            {0x1000, PHYSICAL_LIMIT - 0xfff, 0, 0},
                                            {1ull << 60, 0x1000, 0, 0}};
    static const struct entry map[] = {
        {UINT64_MAX, UINT64_MAX, 1, 0}, {0x1000, UINT64_MAX, 2, 0}, {0, UINT64_MAX, 1, 0}};
    struct info info = good_info;
    info.modules_count = ARRAY_SIZE(modules);
    poke(MODULES, modules, sizeof(modules));
    poke(MAP, map, sizeof(map));
    assert_int_equal(parse(&info), OK);
    assert_int_equal(parsed.module_count, 0);
    assert_int_equal(parsed.memory.count, 2);
    assert_int_equal(parsed.memory.ranges[0].kind, MEMORY_USABLE);
    assert_int_equal(parsed.memory.ranges[0].end, 0x1000);
    assert_int_equal(parsed.memory.ranges[1].kind, MEMORY_RESERVED);
    assert_int_equal(parsed.memory.ranges[1].end, PHYSICAL_LIMIT);
}

static void texts_without_an_end_are_cut(void **state)
{
    (void)state;
    struct module module = {0x4000000, 0x1000, 0x4000, 0};
    struct info info = good_info;
    for (unsigned i = 0x4000; i < MEMORY; i++)
        memory[i] = 'x';
    info.command_line = MEMORY - BOOT_COMMAND_LINE_MAX; // unterminated to the last byte
    poke(MODULES, &module, sizeof(module));
    assert_int_equal(parse(&info), OK);
    assert_int_equal(strlen(parsed.command_line), BOOT_COMMAND_LINE_MAX - 1);
    assert_int_equal(strlen(parsed.modules[0].command_line), BOOT_MODULE_COMMAND_LINE_MAX - 1);
    assert_int_equal(parsed.complaints, 2);
}

// The specification asks for no alignment of any of these.
static void lists_may_lie_anywhere(void **state)
{
    (void)state;
    struct info info = good_info;
    poke(MODULES + 1, good_modules, sizeof(good_modules));
    poke(MAP + 3, good_map, sizeof(good_map));
    info.modules = MODULES + 1;
    info.map = MAP + 3;
    poke(INFO + 4, &info, sizeof(info));
    assert_int_equal(parse_at(INFO + 4), OK);
    assert_int_equal(parsed.module_count, 2);
    assert_int_equal(parsed.memory.count, 3);
}

static void random_mutations(void **state)
{
    (void)state;
    random_seed(50);
    for (unsigned round = 0; round < 100000; round++) {
        struct info info = good_info;
        for (uint64_t changes = 1 + random_below(4); changes--;) {
            size_t at = 4 + random_below(sizeof(info) - 4);
            if (random_below(3))
                ((uint8_t *)&info)[at] = (uint8_t)random_u64();
            else
                memcpy((uint8_t *)&info + at / 8 * 8, &hostile[random_below(ARRAY_SIZE(hostile))],
                       8);
        }
        info.magic = good_info.magic;
        info.modules &= ~7ull, info.map &= ~7ull;
        memory[MAP + random_below(sizeof(good_map))] = (uint8_t)random_u64();
        memory[MODULES + random_below(sizeof(good_modules))] = (uint8_t)random_u64();
        assert_int_equal(parse(&info), OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1_is_read_whole, fill_memory, free_memory),
        cmocka_unit_test_setup_teardown(version_0_has_no_memory_map, fill_memory, free_memory),
        cmocka_unit_test_setup_teardown(what_is_absent_is_empty, fill_memory, free_memory),
        cmocka_unit_test_setup_teardown(what_is_no_start_information_is_refused, fill_memory,
                                        free_memory),
        cmocka_unit_test_setup_teardown(hostile_pointers_are_not_followed, fill_memory,
                                        free_memory),
        cmocka_unit_test_setup_teardown(hostile_counts_are_bounded, fill_memory, free_memory),
        cmocka_unit_test_setup_teardown(hostile_modules_and_ranges, fill_memory, free_memory),
        cmocka_unit_test_setup_teardown(texts_without_an_end_are_cut, fill_memory, free_memory),
        cmocka_unit_test_setup_teardown(random_mutations, fill_memory, free_memory),
        // The last: a sanitizer that finds a misaligned access ends the program.
        cmocka_unit_test_setup_teardown(lists_may_lie_anywhere, fill_memory, free_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
