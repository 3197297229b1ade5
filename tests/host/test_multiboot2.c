// kernel/multiboot2 on blocks as GRUB has written them and on every tag of the specification, built
// by hand. Catches fields read at a wrong offset or width, tags that are believed although they are
// too short or contradict themselves, and sources of the memory map taken in the wrong order.
// test_multiboot2_hostile.c has the broken blocks.

#include "tests/host/multiboot2_block.h"

static struct block block;

static void parse_one(uint32_t type, const void *payload, size_t size)
{
    block_begin(&block);
    block_tag(&block, type, payload, size);
    block_end(&block);
    assert_int_equal(block_parse(&block), OK);
}

static void expect_map(const struct memory_range *expected, unsigned count)
{
    assert_int_equal(parsed.memory.count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(parsed.memory.ranges[i].start, expected[i].start);
        assert_int_equal(parsed.memory.ranges[i].end, expected[i].end);
        assert_int_equal(parsed.memory.ranges[i].kind, expected[i].kind);
    }
}

static void expect_recorded_in_common(void)
{
    assert_int_equal(parsed.complaints, 0);
    assert_string_equal(parsed.protocol, "Multiboot2");
    assert_string_equal(parsed.loader_name, "GRUB 2.06-13+deb12u2");
    assert_string_equal(parsed.command_line,
                        "loglevel=debug \"run=help boot; boot\" "
                        "\"note=back\\\\slash \\\"double\\\" and \\'single\\'\"");
    assert_int_equal(parsed.info_start, BLOCK_ADDRESS);
    assert_int_equal(parsed.info_end, BLOCK_ADDRESS + block.size);
    assert_int_equal(parsed.module_count, 2);
    assert_string_equal(parsed.modules[0].command_line, "first \"two words\" a\\\\b");
    assert_string_equal(parsed.modules[1].command_line, "");
    assert_true(parsed.load_base.present);
    assert_int_equal(parsed.load_base.address, 0x200000);
    assert_int_equal(parsed.sections.count, 10);
    assert_int_equal(parsed.sections.entry_size, 64);
    assert_int_equal(parsed.sections.names_index, 9);
    const struct boot_framebuffer *screen = &parsed.framebuffer;
    assert_int_equal(screen->kind, FRAMEBUFFER_RGB);
    assert_int_equal(screen->width, 800);
    assert_int_equal(screen->height, 600);
    assert_int_equal(screen->pitch, 2400);
    assert_int_equal(screen->bits_per_pixel, 24);
    assert_true(screen->red.position == 16 && screen->red.size == 8);
    assert_true(screen->green.position == 8 && screen->green.size == 8);
    assert_true(screen->blue.position == 0 && screen->blue.size == 8);
    assert_int_equal(parsed.smbios.length, 0);
    assert_int_equal(parsed.dhcp_length, 0);
    assert_false(parsed.efi.boot_services_active);
}

static void grub_on_a_bios_machine(void **state)
{
    (void)state;
    static const struct memory_range ranges[] = {
        {0, 0x9f000, MEMORY_USABLE}, // to 0x9fc00: not a whole page
        {0x9f000, 0xa0000, MEMORY_RESERVED},
        {0xf0000, 0x100000, MEMORY_RESERVED},
        {0x100000, 0x1ffdf000, MEMORY_USABLE},
        {0x1ffdf000, 0x20000000, MEMORY_RESERVED},
        {0xb0000000, 0xc0000000, MEMORY_RESERVED},
        {0xfed1c000, 0xfed20000, MEMORY_RESERVED},
        {0xfffc0000, 0x100000000, MEMORY_RESERVED},
        {0xfd00000000, 0x10000000000, MEMORY_RESERVED},
    };
    block_read(&block, "tests/host/fixtures/grub_bios.bin");
    assert_int_equal(block_parse(&block), OK);
    expect_recorded_in_common();
    expect_map(ranges, ARRAY_SIZE(ranges));
    assert_int_equal(parsed.lower_kib, 639);
    assert_int_equal(parsed.upper_kib, 523132);
    assert_int_equal(parsed.modules[0].start, 0x105000);
    assert_int_equal(parsed.modules[0].end, 0x105155);
    assert_int_equal(parsed.modules[1].start, 0x106000);
    assert_int_equal(parsed.modules[1].end, 0x1218a0);
    assert_true(parsed.boot_device.present);
    assert_int_equal(parsed.boot_device.drive, 0xe0);
    assert_int_equal(parsed.boot_device.partition, 0xffffffff);
    assert_int_equal(parsed.boot_device.subpartition, 0xffffffff);
    assert_int_equal(parsed.framebuffer.address, 0xfd000000);
    assert_true(parsed.vbe.present);
    assert_int_equal(parsed.vbe.mode, 3);
    assert_int_equal(parsed.vbe.interface_segment, 0xffff);
    assert_int_equal(parsed.vbe.interface_offset, 0x6000);
    assert_int_equal(parsed.vbe.interface_length, 0x4f);
    assert_memory_equal(parsed.vbe.control_info, "VESA\x00\x03", 6);
    assert_true(parsed.apm.present);
    assert_int_equal(parsed.apm.version, 0x102);
    assert_int_equal(parsed.apm.code_segment, 0xf000);
    assert_int_equal(parsed.apm.entry_offset, 0xd198);
    assert_int_equal(parsed.apm.code_segment_16, 0xf000);
    assert_int_equal(parsed.apm.data_segment, 0xf000);
    assert_int_equal(parsed.apm.flags, 3);
    assert_int_equal(parsed.apm.code_length, 0xfff0);
    assert_int_equal(parsed.rsdp_length, 20);
    assert_memory_equal(parsed.rsdp,
                        "RSD PTR \x32"
                        "BOCHS \x00\xe1\x22\xfe\x1f",
                        20);
    assert_int_equal(parsed.efi.system_table, 0);
    assert_int_equal(parsed.efi.map_size, 0);
}

static void grub_on_a_uefi_machine(void **state)
{
    (void)state;
    static const struct memory_range ranges[] = {
        {0, 0xa0000, MEMORY_USABLE},
        {0x100000, 0x800000, MEMORY_USABLE},
        {0x800000, 0x808000, MEMORY_FIRMWARE},
        {0x808000, 0x80b000, MEMORY_USABLE},
        {0x80b000, 0x80c000, MEMORY_FIRMWARE},
        {0x80c000, 0x810000, MEMORY_USABLE},
        {0x810000, 0x900000, MEMORY_FIRMWARE},
        {0x900000, 0x1eeb7000, MEMORY_USABLE},
        {0x1eeb7000, 0x1ef78000, MEMORY_RESERVED},
        {0x1ef78000, 0x1f8ed000, MEMORY_USABLE},
        {0x1f8ed000, 0x1fb6d000, MEMORY_RESERVED}, // with a type 20 in its midst
        {0x1fb6d000, 0x1fb7f000, MEMORY_RECLAIM},
        {0x1fb7f000, 0x1fbff000, MEMORY_FIRMWARE},
        {0x1fbff000, 0x1ff58000, MEMORY_USABLE},
        {0x1ff58000, 0x1ff78000, MEMORY_RESERVED},
        {0x1ff78000, 0x20000000, MEMORY_FIRMWARE},
        {0xb0000000, 0xc0000000, MEMORY_RESERVED},
    };
    block_read(&block, "tests/host/fixtures/grub_uefi.bin");
    assert_int_equal(block_parse(&block), OK);
    expect_recorded_in_common();
    expect_map(ranges, ARRAY_SIZE(ranges));
    assert_int_equal(parsed.lower_kib, 640);
    assert_int_equal(parsed.upper_kib, 7168);
    assert_int_equal(parsed.modules[0].start, 0x7000);
    assert_int_equal(parsed.modules[0].end, 0x7155);
    assert_int_equal(parsed.framebuffer.address, 0xc0000000);
    assert_false(parsed.boot_device.present);
    assert_false(parsed.vbe.present);
    assert_false(parsed.apm.present);
    assert_true(parsed.efi.is_64_bit);
    assert_int_equal(parsed.efi.system_table, 0x1f9ec018);
    assert_int_equal(parsed.efi.image_handle, 0);
    assert_int_equal(parsed.efi.descriptor_size, 48);
    assert_int_equal(parsed.efi.descriptor_version, 1);
    assert_int_equal(parsed.efi.map_size, 5904);
    assert_int_equal(parsed.rsdp_length, 36); // both tags are there; revision 2 says more
    assert_memory_equal(parsed.rsdp + 15, "\x02\x74\xd0\xb7\x1f\x24\x00\x00\x00\xe8\xd0\xb7\x1f",
                        13);
}

static void texts_are_cut_and_terminated(void **state)
{
    (void)state;
    static char text[BOOT_COMMAND_LINE_MAX + 100];
    parse_one(1, "mem=1G", 7);
    assert_string_equal(parsed.command_line, "mem=1G");
    parse_one(1, "open", 4); // no NUL inside the tag
    assert_string_equal(parsed.command_line, "open");
    parse_one(1, "", 0);
    assert_string_equal(parsed.command_line, "");
    parse_one(2, "a\0b", 4);
    assert_string_equal(parsed.loader_name, "a");
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = 'x';
    parse_one(1, text, sizeof(text));
    assert_int_equal(strlen(parsed.command_line), BOOT_COMMAND_LINE_MAX - 1);
    assert_int_equal(parsed.complaints, 1);
    parse_one(2, text, sizeof(text));
    assert_int_equal(strlen(parsed.loader_name), BOOT_LOADER_NAME_MAX - 1);
}

static void modules_are_counted_and_bounded(void **state)
{
    (void)state;
    struct {
        uint32_t start, end;
        char text[BOOT_MODULE_COMMAND_LINE_MAX + 8];
    } module = {0x100000, 0x100001, "linux"};
    parse_one(3, &module, 8 + 6);
    assert_int_equal(parsed.module_count, 1);
    assert_int_equal(parsed.modules[0].start, 0x100000);
    assert_int_equal(parsed.modules[0].end, 0x100001);
    assert_string_equal(parsed.modules[0].command_line, "linux");
    parse_one(3, &module, 8); // no text at all
    assert_int_equal(parsed.module_count, 1);
    assert_string_equal(parsed.modules[0].command_line, "");
    for (unsigned i = 0; i < sizeof(module.text); i++)
        module.text[i] = 'm';
    parse_one(3, &module, sizeof(module));
    assert_int_equal(strlen(parsed.modules[0].command_line), BOOT_MODULE_COMMAND_LINE_MAX - 1);
    assert_int_equal(parsed.complaints, 1);
    module.end = module.start - 1;
    parse_one(3, &module, 10);
    assert_int_equal(parsed.module_count, 0);
    assert_int_equal(parsed.complaints, 1);

    block_begin(&block);
    for (uint32_t i = 0; i < BOOT_MODULES_MAX + 3; i++)
        block_tag(&block, 3, (const uint32_t[]){i * 0x1000, i * 0x1000 + 1}, 8);
    block_end(&block);
    assert_int_equal(block_parse(&block), OK);
    assert_int_equal(parsed.module_count, BOOT_MODULES_MAX);
    assert_int_equal(parsed.modules[BOOT_MODULES_MAX - 1].start, (BOOT_MODULES_MAX - 1) * 0x1000);
    assert_int_equal(parsed.complaints, 3);
}

struct e820 {
    uint64_t base, length;
    uint32_t type, reserved;
};

static void memory_map_entries_may_grow(void **state)
{
    (void)state;
    struct {
        uint32_t entry_size, version;
        struct {
            struct e820 entry;
            uint64_t newer;
        } entries[2];
    } map = {32, 1, {{{0x100000, 0x100000, 1, 0}, 77}, {{0x200000, 0x1000, 5, 0}, 78}}};
    static const struct memory_range expected[] = {{0x100000, 0x200000, MEMORY_USABLE},
                                                   {0x200000, 0x201000, MEMORY_BAD}};
    parse_one(6, &map, sizeof(map));
    expect_map(expected, 2);
    parse_one(6, &map, sizeof(map) - 1); // the second isn't whole
    expect_map(expected, 1);
    static const uint32_t impossible[] = {0,  1,  8,          16,         20,        23,
                                          25, 28, 0x7fffffff, 0xfffffff8, 0xffffffff};
    for (unsigned i = 0; i < ARRAY_SIZE(impossible); i++) {
        map.entry_size = impossible[i];
        parse_one(6, &map, sizeof(map));
        assert_int_equal(parsed.memory.count, 0);
    }
}

static void a_memory_map_alone_is_enough(void **state)
{
    (void)state;
    struct {
        uint32_t entry_size, version;
        struct e820 entries[3];
    } map = {24, 0, {{0x100000, 0x7f00000, 1, 0}, {0, 0x9fc00, 1, 0}, {0x7f00000, 0x100000, 3, 0}}};
    static const struct memory_range expected[] = {{0, 0x9f000, MEMORY_USABLE},
                                                   {0x100000, 0x7f00000, MEMORY_USABLE},
                                                   {0x7f00000, 0x8000000, MEMORY_RECLAIM}};
    parse_one(6, &map, sizeof(map));
    expect_map(expected, 3);
    assert_int_equal(parsed.complaints, 0);
}

static void the_bios_sizes_are_the_last_resort(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {640, 31 * 1024};
    static const struct memory_range expected[] = {{0, 0xa0000, MEMORY_USABLE},
                                                   {0x100000, 0x2000000, MEMORY_USABLE}};
    parse_one(4, sizes, 8);
    assert_int_equal(parsed.lower_kib, 640);
    assert_int_equal(parsed.upper_kib, 31 * 1024);
    expect_map(expected, 2);
    // Lower memory ends below the adapters' hole, whatever is claimed.
    parse_one(4, (const uint32_t[]){0xffffffff, 0}, 8);
    assert_true(parsed.memory.count == 1 && parsed.memory.ranges[0].end <= 0xa0000);
}

struct efi_descriptor {
    uint32_t type, pad;
    uint64_t physical, virtual, pages, attribute, newer;
};

static void put_efi_map(const struct efi_descriptor *descriptors, size_t count, uint32_t size)
{
    uint8_t payload[8 + 32 * sizeof(*descriptors)];
    memcpy(payload, (const uint32_t[]){size, 1}, 8);
    memcpy(payload + 8, descriptors, count * sizeof(*descriptors));
    block_tag(&block, 17, payload, 8 + count * sizeof(*descriptors));
}

// [UEFI 7.2, table 7-10]: after ExitBootServices() the loader's and the boot services' are free.
static void efi_memory_types(void **state)
{
    (void)state;
    static const int kinds[16] = {
        MEMORY_RESERVED, MEMORY_USABLE,   MEMORY_USABLE,     MEMORY_USABLE,
        MEMORY_USABLE,   MEMORY_FIRMWARE, MEMORY_FIRMWARE,   MEMORY_USABLE,
        MEMORY_BAD,      MEMORY_RECLAIM,  MEMORY_FIRMWARE,   MEMORY_RESERVED,
        MEMORY_RESERVED, MEMORY_RESERVED, MEMORY_PERSISTENT, MEMORY_RESERVED,
    };
    for (unsigned services = 0; services < 4; services++) {
        struct efi_descriptor descriptors[17];
        for (uint32_t i = 0; i < 17; i++)
            descriptors[i] = (struct efi_descriptor){i, 0, 0x200000 * (i + 1), 0, 3, 15, 99};
        descriptors[16].type = 0x80000000; // an operating system loader's own
        block_begin(&block);
        if (services == 1)
            block_tag(&block, 18, "", 0);
        put_efi_map(descriptors, 17, sizeof(*descriptors));
        if (services == 2) // the order of tags means nothing
            block_tag(&block, 18, "", 0);
        block_end(&block);
        assert_int_equal(block_parse(&block), OK);
        bool active = services == 1 || services == 2;
        assert_int_equal(parsed.efi.boot_services_active, active);
        for (uint32_t i = 0; i < 17; i++) {
            uint64_t start = 0x200000 * (i + 1);
            const struct memory_range *range = memory_map_find(&parsed.memory, start);
            assert_non_null(range);
            assert_true(range->start == start && range->end == start + 0x3000);
            if (active && (i == 3 || i == 4))
                assert_int_not_equal(range->kind, MEMORY_USABLE);
            else
                assert_int_equal(range->kind, i == 16 ? MEMORY_RESERVED : kinds[i]);
        }
    }
}

static void the_efi_map_is_bounded(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 8, 24, 32, 39, 41, 0xfffffff8, 0xffffffff};
    struct efi_descriptor descriptor = {7, 0, 0x1000, 0, UINT64_MAX / 4096 + 2, 0, 0};
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        block_begin(&block);
        put_efi_map(&descriptor, 1, sizes[i]);
        block_end(&block);
        assert_int_equal(block_parse(&block), OK);
        assert_int_equal(parsed.memory.count, 0);
    }
    block_begin(&block);
    put_efi_map(&descriptor, 1, 40); // more pages than bytes can count
    block_end(&block);
    assert_int_equal(block_parse(&block), OK);
    assert_int_equal(parsed.memory.ranges[0].start, 0x1000);
    assert_int_equal(parsed.memory.ranges[0].end, PHYSICAL_LIMIT);
}

static void an_e820_map_comes_before_the_efi_map(void **state)
{
    (void)state;
    struct efi_descriptor descriptor = {7, 0, 0x40000000, 0, 16, 0, 0};
    struct {
        uint32_t entry_size, version;
        struct e820 entry;
    } map = {24, 0, {0x100000, 0x100000, 1, 0}};
    for (unsigned order = 0; order < 2; order++) {
        block_begin(&block);
        if (order)
            block_tag(&block, 6, &map, sizeof(map));
        put_efi_map(&descriptor, 1, sizeof(descriptor));
        block_tag(&block, 4, (const uint32_t[]){640, 1024}, 8);
        if (!order)
            block_tag(&block, 6, &map, sizeof(map));
        block_end(&block);
        assert_int_equal(block_parse(&block), OK);
        assert_int_equal(parsed.memory.count, 1);
        assert_int_equal(parsed.memory.ranges[0].start, 0x100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grub_on_a_bios_machine),
        cmocka_unit_test(grub_on_a_uefi_machine),
        cmocka_unit_test(texts_are_cut_and_terminated),
        cmocka_unit_test(modules_are_counted_and_bounded),
        cmocka_unit_test(memory_map_entries_may_grow),
        cmocka_unit_test(a_memory_map_alone_is_enough),
        cmocka_unit_test(the_bios_sizes_are_the_last_resort),
        cmocka_unit_test(efi_memory_types),
        cmocka_unit_test(the_efi_map_is_bounded),
        cmocka_unit_test(an_e820_map_comes_before_the_efi_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
