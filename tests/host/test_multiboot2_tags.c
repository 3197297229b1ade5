// kernel/multiboot2: the tags that describe the machine, built by hand from the specification.
// Catches an impossible framebuffer that would be drawn into, palettes and section headers that
// claim more than their tag holds, the older ACPI copy hiding the newer, and fields that are read
// from their neighbours (every field here has a value of its own).

#include "tests/host/multiboot2_block.h"

static struct block block;

static void parse_one(uint32_t type, const void *payload, size_t size)
{
    block_begin(&block);
    block_tag(&block, type, payload, size);
    block_end(&block);
    assert_int_equal(block_parse(&block), OK);
}

// As grub's multiboot2.h lays it out: 16 reserved bits before the colours.
struct screen {
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, type;
    uint16_t reserved;
    uint8_t colors[6];
} packed;

static const struct screen good_screen = {0xe0000000, 4096, 1024, 768,
                                          32,         1,    0,    {16, 8, 8, 8, 0, 8}};

static void a_good_screen_is_kept(void **state)
{
    (void)state;
    struct screen screen = good_screen;
    parse_one(8, &screen, sizeof(screen));
    assert_int_equal(parsed.complaints, 0);
    assert_int_equal(parsed.framebuffer.kind, FRAMEBUFFER_RGB);
    assert_int_equal(parsed.framebuffer.address, 0xe0000000);
    assert_int_equal(parsed.framebuffer.pitch, 4096);
    assert_int_equal(parsed.framebuffer.width, 1024);
    assert_int_equal(parsed.framebuffer.height, 768);
    assert_int_equal(parsed.framebuffer.bits_per_pixel, 32);
    assert_int_equal(parsed.framebuffer.red.position, 16);
    assert_int_equal(parsed.framebuffer.green.position, 8);
    assert_int_equal(parsed.framebuffer.blue.position, 0);
    assert_int_equal(parsed.framebuffer.blue.size, 8);
    screen.bits = 16, screen.pitch = 2048;
    memcpy(screen.colors, "\x0b\x05\x05\x06\x00\x05", 6); // 5:6:5
    parse_one(8, &screen, sizeof(screen));
    assert_int_equal(parsed.framebuffer.kind, FRAMEBUFFER_RGB);
    assert_int_equal(parsed.framebuffer.green.size, 6);
    screen.address = PHYSICAL_LIMIT - 2048 * 768; // above 4 GiB, and exactly to the end
    parse_one(8, &screen, sizeof(screen));
    assert_int_equal(parsed.framebuffer.address, PHYSICAL_LIMIT - 2048 * 768);
}

static void text_screens(void **state)
{
    (void)state;
    struct screen screen = {0xb8000, 160, 80, 25, 16, 2, 0, {0}};
    parse_one(8, &screen, 24); // GRUB gives no colours with these
    assert_int_equal(parsed.complaints, 0);
    assert_int_equal(parsed.framebuffer.kind, FRAMEBUFFER_TEXT);
    assert_int_equal(parsed.framebuffer.width, 80);
    assert_int_equal(parsed.framebuffer.pitch, 160);
    screen.pitch = 158;
    parse_one(8, &screen, 24);
    assert_int_equal(parsed.framebuffer.kind, FRAMEBUFFER_NONE);
}

static void palettes_fit_their_tag(void **state)
{
    (void)state;
    struct {
        struct screen screen;
        uint8_t palette[800];
    } packed tag = {.screen = {0xe0000000, 1024, 1024, 768, 8, 0, 0, {0}}};
    for (uint16_t colors = 0; colors <= 260; colors++) {
        memcpy(tag.screen.colors, &colors, 2);
        parse_one(8, &tag, 26 + 3u * colors);
        bool possible = colors <= 256;
        assert_int_equal(parsed.framebuffer.kind,
                         possible ? FRAMEBUFFER_INDEXED : FRAMEBUFFER_NONE);
        if (possible)
            assert_int_equal(parsed.framebuffer.palette_colors, colors);
        if (colors == 0)
            continue;
        parse_one(8, &tag, 26 + 3u * colors - 1); // the last colour isn't whole
        assert_int_equal(parsed.framebuffer.kind, FRAMEBUFFER_NONE);
    }
    for (size_t size = 22; size < 26; size++) { // not even their number
        parse_one(8, &tag, size);
        assert_int_equal(parsed.framebuffer.kind, FRAMEBUFFER_NONE);
    }
}

static void expect_no_screen(const struct screen *screen, size_t size)
{
    parse_one(8, screen, size);
    assert_int_equal(parsed.framebuffer.kind, FRAMEBUFFER_NONE);
    assert_int_equal(parsed.complaints, 1);
}

static void impossible_screens_are_refused(void **state)
{
    (void)state;
#define REFUSED(change)                            \
    do {                                           \
        struct screen screen = good_screen;        \
        change;                                    \
        expect_no_screen(&screen, sizeof(screen)); \
    } while (0)
    REFUSED(screen.width = 0);
    REFUSED(screen.height = 0);
    REFUSED(screen.pitch = 0);
    REFUSED(screen.pitch = 4095);
    REFUSED(screen.width = 1025);
    REFUSED(screen.width = 0x40000001); // times four, it is four
    REFUSED(screen.width = 0xffffffff);
    REFUSED(screen.height = 0xffffffff);
    REFUSED(screen.pitch = 0xffffffff);
    REFUSED(screen.bits = 0);
    REFUSED(screen.bits = 4);
    REFUSED(screen.bits = 33);
    REFUSED(screen.bits = 255);
    REFUSED(screen.type = 3);
    REFUSED(screen.type = 255);
    REFUSED(screen.address = 0);
    REFUSED(screen.address = PHYSICAL_LIMIT);
    REFUSED(screen.address = PHYSICAL_LIMIT - 4096);
    REFUSED(screen.address = UINT64_MAX);
    REFUSED(screen.address = UINT64_MAX - 4096 * 768 + 1); // its end wraps to 0
    REFUSED(screen.colors[0] = 25);
    REFUSED(screen.colors[1] = 0);
    REFUSED(screen.colors[2] = 255);
    REFUSED(screen.colors[3] = 32);
    REFUSED(screen.colors[5] = 255);
    for (size_t size = 22; size < 30; size++) // no room for the colours
        expect_no_screen(&good_screen, size);
}

static void boot_device_and_load_base(void **state)
{
    (void)state;
    parse_one(5, (const uint32_t[]){0x80, 1, 0xffffffff}, 12);
    assert_true(parsed.boot_device.present);
    assert_int_equal(parsed.boot_device.drive, 0x80);
    assert_int_equal(parsed.boot_device.partition, 1);
    assert_int_equal(parsed.boot_device.subpartition, 0xffffffff);
    assert_false(parsed.load_base.present);
    parse_one(21, (const uint32_t[]){0x3200000}, 4);
    assert_true(parsed.load_base.present);
    assert_int_equal(parsed.load_base.address, 0x3200000);
    assert_false(parsed.boot_device.present);
}

static void vbe_and_apm(void **state)
{
    (void)state;
    uint8_t vbe[8 + 512 + 256] = {0x18, 0x41, 2, 3, 4, 5, 6, 7};
    vbe[8] = 'V', vbe[8 + 511] = 11, vbe[8 + 512] = 12, vbe[8 + 512 + 255] = 13;
    parse_one(7, vbe, sizeof(vbe));
    assert_true(parsed.vbe.present);
    assert_int_equal(parsed.vbe.mode, 0x4118);
    assert_int_equal(parsed.vbe.interface_segment, 0x0302);
    assert_int_equal(parsed.vbe.interface_offset, 0x0504);
    assert_int_equal(parsed.vbe.interface_length, 0x0706);
    assert_true(parsed.vbe.control_info[0] == 'V' && parsed.vbe.control_info[511] == 11);
    assert_true(parsed.vbe.mode_info[0] == 12 && parsed.vbe.mode_info[255] == 13);

    static const struct {
        uint16_t version, code;
        uint32_t offset;
        uint16_t code16, data, flags, code_length, code16_length, data_length;
    } apm = {0x102, 0xf001, 0x12345678, 0xf002, 0xf003, 4, 5, 6, 7};
    parse_one(10, &apm, 20);
    assert_true(parsed.apm.present);
    assert_int_equal(parsed.apm.version, 0x102);
    assert_int_equal(parsed.apm.code_segment, 0xf001);
    assert_int_equal(parsed.apm.entry_offset, 0x12345678);
    assert_int_equal(parsed.apm.code_segment_16, 0xf002);
    assert_int_equal(parsed.apm.data_segment, 0xf003);
    assert_int_equal(parsed.apm.flags, 4);
    assert_int_equal(parsed.apm.code_length, 5);
    assert_int_equal(parsed.apm.code_16_length, 6);
    assert_int_equal(parsed.apm.data_length, 7);
}

static void section_headers_fit_their_tag(void **state)
{
    (void)state;
    uint32_t tag[3 + 3 * 16] = {3, 64, 2};
    parse_one(9, tag, sizeof(tag));
    assert_int_equal(parsed.sections.count, 3);
    assert_int_equal(parsed.sections.entry_size, 64);
    assert_int_equal(parsed.sections.names_index, 2);
    static const uint32_t impossible[][3] = {
        {4, 64, 2},         {3, 65, 2}, {0xffffffff, 0xffffffff, 0}, {0x04000001, 64, 2},
        {0x80000000, 2, 0}, {3, 64, 3}, {3, 64, 0xffffffff},         {0, 64, 1},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(impossible); i++) {
        memcpy(tag, impossible[i], 12);
        parse_one(9, tag, sizeof(tag));
        if (parsed.sections.count || parsed.complaints != 1)
            fail_msg("%u headers of %u bytes, names in %u", tag[0], tag[1], tag[2]);
    }
}

static void efi_handles(void **state)
{
    (void)state;
    static const uint64_t address = 0x1122334455667788;
    parse_one(11, &address, 4);
    assert_int_equal(parsed.efi.system_table, 0x55667788);
    assert_false(parsed.efi.is_64_bit);
    parse_one(12, &address, 8);
    assert_int_equal(parsed.efi.system_table, address);
    assert_true(parsed.efi.is_64_bit);
    parse_one(19, &address, 4);
    assert_int_equal(parsed.efi.image_handle, 0x55667788);
    parse_one(20, &address, 8);
    assert_int_equal(parsed.efi.image_handle, address);
    assert_int_equal(parsed.efi.system_table, 0);
}

static void smbios_and_network(void **state)
{
    (void)state;
    uint8_t data[2000];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + 3);
    data[0] = 3, data[1] = 2;
    parse_one(13, data, 8 + 24);
    assert_int_equal(parsed.smbios.major, 3);
    assert_int_equal(parsed.smbios.minor, 2);
    assert_int_equal(parsed.smbios.length, 24);
    assert_memory_equal(parsed.smbios.entry_point, data + 8, 24);
    parse_one(13, data, sizeof(data));
    assert_int_equal(parsed.smbios.length, sizeof(parsed.smbios.entry_point));
    parse_one(16, data, 300);
    assert_int_equal(parsed.dhcp_length, 300);
    assert_memory_equal(parsed.dhcp_ack, data, 300);
    parse_one(16, data, sizeof(data));
    assert_int_equal(parsed.dhcp_length, BOOT_DHCP_MAX);
    assert_memory_equal(parsed.dhcp_ack, data, BOOT_DHCP_MAX);
}

// Tag 14 is a copy of ACPI 1.0's 20 bytes and tag 15 of the later 36 [MB2 3.6.15, 3.6.16].
static void the_newer_rsdp_wins(void **state)
{
    (void)state;
    uint8_t old[48], new[36];
    for (unsigned i = 0; i < sizeof(old); i++)
        old[i] = (uint8_t)(i + 1);
    for (unsigned i = 0; i < sizeof(new); i++)
        new[i] = (uint8_t)(200 - i);
    parse_one(14, old, 20);
    assert_int_equal(parsed.rsdp_length, 20);
    assert_memory_equal(parsed.rsdp, old, 20);
    parse_one(15, new, 36);
    assert_int_equal(parsed.rsdp_length, 36);
    assert_memory_equal(parsed.rsdp, new, 36);
    static const size_t old_sizes[] = {20, 24, 36, 48}; // longer ones than it should be, too
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(old_sizes); i++) {
        block_begin(&block);
        if (i % 2)
            block_tag(&block, 15, new, 36);
        block_tag(&block, 14, old, old_sizes[i / 2]);
        if (i % 2 == 0)
            block_tag(&block, 15, new, 36);
        block_end(&block);
        assert_int_equal(block_parse(&block), OK);
        assert_int_equal(parsed.rsdp_length, 36);
        assert_memory_equal(parsed.rsdp, new, 36);
        assert_true(parsed.has_old_rsdp); // should the newer one be broken
        assert_memory_equal(parsed.old_rsdp, old, 20);
    }
    parse_one(14, old, 19);
    assert_int_equal(parsed.rsdp_length, 0);
    assert_false(parsed.has_old_rsdp);
    parse_one(15, new, 35);
    assert_int_equal(parsed.rsdp_length, 0);
}

static void newer_tags_are_passed_over(void **state)
{
    (void)state;
    static const uint32_t types[] = {22, 23, 100, 0x7fffffff, 0x80000000, 0xffffffff};
    uint8_t payload[33] = {1};
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        block_begin(&block);
        block_tag(&block, types[i], payload, i * 5);
        block_tag(&block, 2, "after", 6);
        block_end(&block);
        assert_int_equal(block_parse(&block), OK);
        assert_int_equal(parsed.complaints, 0);
        assert_string_equal(parsed.loader_name, "after");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_screen_is_kept),
        cmocka_unit_test(text_screens),
        cmocka_unit_test(palettes_fit_their_tag),
        cmocka_unit_test(impossible_screens_are_refused),
        cmocka_unit_test(boot_device_and_load_base),
        cmocka_unit_test(vbe_and_apm),
        cmocka_unit_test(section_headers_fit_their_tag),
        cmocka_unit_test(efi_handles),
        cmocka_unit_test(smbios_and_network),
        cmocka_unit_test(the_newer_rsdp_wins),
        cmocka_unit_test(newer_tags_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
