// kernel/boot_info: what is reserved before anybody allocates, and the option mem=. Catches a
// kernel image, a module, the loader's structure, the screen or page 0 that is left usable, and a
// loader that gives nothing making the start fail.

#include "tests/host/multiboot2_block.h"

static struct block block;

struct map {
    uint32_t entry_size, version;
    struct {
        uint64_t base, length, type;
    } entries[2];
};

static const struct map plain = {24, 0, {{0, 0x20000000, 1}, {0x80000000, 0x20000000, 1}}};

static void init(uint32_t magic)
{
    uint8_t *exact = malloc(block.size);
    memcpy(exact, block.bytes, block.size);
    log_forget();
    machine_map(exact, BLOCK_ADDRESS, block.size);
    machine_zero(&boot_info, sizeof(boot_info));
    block_place_kernel();
    boot_info_init(magic, BLOCK_ADDRESS);
    machine_check(&boot_info);
    free(exact);
}

static void init_with(uint32_t type, const void *payload, size_t size)
{
    block_begin(&block);
    block_tag(&block, 6, &plain, sizeof(plain));
    block_tag(&block, type, payload, size);
    block_end(&block);
    init(0x36d76289);
}

static int kind_at(paddr_t address)
{
    const struct memory_range *range = memory_map_find(&boot_info.memory, address);
    return range ? (int)range->kind : -1;
}

// Its first and last page, and those around them.
static void expect_reserved(paddr_t start, paddr_t end, enum memory_kind kind)
{
    assert_int_equal(kind_at(start), kind);
    assert_int_equal(kind_at(end - 1), kind);
    assert_int_equal(kind_at((start + end) / 2), kind);
    assert_int_equal(kind_at(start / PAGE_SIZE * PAGE_SIZE - 1), MEMORY_USABLE);
    assert_int_equal(kind_at((end + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE), MEMORY_USABLE);
}

static void kernel_information_and_page_0_are_reserved(void **state)
{
    (void)state;
    init_with(2, "test", 5);
    expect_reserved(KERNEL_PHYSICAL, KERNEL_PHYSICAL + 0x123456, MEMORY_KERNEL);
    expect_reserved(BLOCK_ADDRESS, BLOCK_ADDRESS + block.size, MEMORY_BOOT_INFO);
    assert_int_not_equal(kind_at(0), MEMORY_USABLE);
    assert_int_equal(kind_at(0x1000), MEMORY_USABLE);
    assert_string_equal(boot_info.loader_name, "test");
    assert_int_equal(log_lines[LOG_ERROR] + log_lines[LOG_WARN], 0);
}

static void modules_are_reserved(void **state)
{
    (void)state;
    init_with(3, (const uint32_t[]){0x5000123, 0x5002001}, 8);
    expect_reserved(0x5000123, 0x5002001, MEMORY_MODULE);
    init_with(3, (const uint32_t[]){0x5000fff, 0x5001000}, 8); // one byte
    expect_reserved(0x5000fff, 0x5001000, MEMORY_MODULE);
    init_with(3, (const uint32_t[]){KERNEL_PHYSICAL - 0x1000, KERNEL_PHYSICAL + 0x1000},
              8); // over the kernel's first page
    assert_int_equal(kind_at(KERNEL_PHYSICAL - 0x1000), MEMORY_MODULE);
    assert_int_equal(kind_at(KERNEL_PHYSICAL), MEMORY_KERNEL);
}

static void the_screen_is_reserved(void **state)
{
    (void)state;
    struct {
        uint64_t address;
        uint32_t pitch, width, height;
        uint8_t bits, type, reserved[2], colors[6];
    } packed screen = {0x80000000, 4096, 1024, 768, 32, 1, {0}, {16, 8, 8, 8, 0, 8}};
    screen.address += 0x1000;
    init_with(8, &screen, sizeof(screen));
    expect_reserved(0x80001000, 0x80001000 + 4096 * 768, MEMORY_FRAMEBUFFER);
    screen.height = 0; // one that isn't believed reserves nothing
    init_with(8, &screen, sizeof(screen));
    assert_int_equal(boot_info.framebuffer.kind, FRAMEBUFFER_NONE);
    assert_int_equal(kind_at(0x80001000), MEMORY_USABLE);
}

static void start_up_goes_on_without_information(void **state)
{
    (void)state;
    block.size = 16;
    machine_zero(block.bytes, 16);
    init(0x36d76289);
    assert_non_null(boot_info.protocol);
    assert_int_equal(boot_info.module_count, 0);
    assert_int_equal(memory_map_total(&boot_info.memory, MEMORY_USABLE), 0);
    assert_true(log_lines[LOG_ERROR] > 0);
    init(0x336ec578);
    assert_non_null(boot_info.protocol);
    assert_true(log_lines[LOG_ERROR] > 0);
    init(0); // no loader that we know
    assert_non_null(boot_info.protocol);
}

// What goes wrong in bulk is summed up, not listed.
static void complaints_and_losses_are_summed_up(void **state)
{
    (void)state;
    block_begin(&block);
    for (unsigned i = 0; i < 100; i++)
        block_tag(&block, 3, (const uint32_t[]){2, 1}, 8);
    block_end(&block);
    init(0x36d76289);
    assert_int_equal(boot_info.complaints, 100);
    assert_int_equal(log_lines[LOG_WARN], BOOT_COMPLAINTS_MAX + 1);
    struct {
        uint32_t entry_size, version;
        struct {
            uint64_t base, length, type;
        } entries[2 * MEMORY_MAP_MAX];
    } map = {.entry_size = 24};
    for (unsigned i = 0; i < 2 * MEMORY_MAP_MAX; i++) {
        map.entries[i].base = 0x10000ull * i;
        map.entries[i].length = 0x8000;
        map.entries[i].type = 1;
    }
    block_begin(&block);
    block_tag(&block, 6, &map, sizeof(map));
    block_end(&block);
    init(0x36d76289);
    assert_true(boot_info.memory.lost > 0);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_int_not_equal(kind_at(KERNEL_PHYSICAL), MEMORY_USABLE);
    assert_int_not_equal(kind_at(BLOCK_ADDRESS), MEMORY_USABLE);
}

static void the_magic_chooses_the_parser(void **state)
{
    (void)state;
    uint64_t info[7] = {1ull << 32 | 0x336ec578};
    block.size = 0;
    block_put(&block, info, sizeof(info));
    init(0x336ec578);
    assert_string_equal(boot_info.protocol, "PVH");
    assert_int_equal(boot_info.info_end, BLOCK_ADDRESS + 56);
    init_with(2, "test", 5);
    assert_string_equal(boot_info.protocol, "Multiboot2");
}

static void mem_limits_usable_memory(void **state)
{
    (void)state;
    init_with(3, (const uint32_t[]){0x10000000, 0x10001000}, 8);
    assert_int_equal(option_set_mem("128M"), OK);
    assert_int_equal(kind_at((128 << 20) - 1), MEMORY_USABLE);
    assert_int_equal(kind_at(128 << 20), -1);
    assert_int_equal(kind_at(0x80000000), -1);
    assert_int_equal(kind_at(0x10000000), MEMORY_MODULE); // still there, and still not ours to use
    assert_int_equal(kind_at(KERNEL_PHYSICAL), MEMORY_KERNEL);
    uint64_t usable = memory_map_total(&boot_info.memory, MEMORY_USABLE);
    assert_int_equal(option_set_mem("1T"), OK);
    assert_int_equal(memory_map_total(&boot_info.memory, MEMORY_USABLE), usable);
    static const char *const bad[] = {"", "x", "128Q", "-1", "99999999999999999999T", "1.5G"};
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_not_equal(option_set_mem(bad[i]), OK);
    assert_int_equal(memory_map_total(&boot_info.memory, MEMORY_USABLE), usable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_information_and_page_0_are_reserved),
        cmocka_unit_test(modules_are_reserved),
        cmocka_unit_test(the_screen_is_reserved),
        cmocka_unit_test(start_up_goes_on_without_information),
        cmocka_unit_test(complaints_and_losses_are_summed_up),
        cmocka_unit_test(the_magic_chooses_the_parser),
        cmocka_unit_test(mem_limits_usable_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
