// drivers/acpi/rsdp: where the tables begin. Catches a broken copy of the loader's that hides a
// good one, a place that isn't looked at or is looked at in the wrong order, the EFI tables of one
// pointer size read as the other's, and a read past the end of memory.

#include "tests/host/acpi_machine.h"

static void the_loaders_copy_is_used(void **state)
{
    (void)state;
    add_rsdt(1);
    add_xsdt(2);
    make_rsdp(boot_info.rsdp, 0, RSDT, 0);
    boot_info.rsdp_length = 20;
    acpi_tables_init();
    assert_int_equal(root_count(), 1);
    reset_driver();
    make_rsdp(boot_info.rsdp, 2, RSDT, XSDT);
    boot_info.rsdp_length = 36;
    acpi_tables_init();
    assert_int_equal(root_count(), 2);
    reset_driver();
    make_rsdp(boot_info.rsdp, 0, RSDT, XSDT); // revision 0 has no XSDT, whatever stands there
    acpi_tables_init();
    assert_int_equal(root_count(), 1);
}

static void a_given_address_is_used(void **state)
{
    (void)state;
    add_rsdt(1);
    make_rsdp(memory + 0x123458, 0, RSDT, 0);
    boot_info.rsdp_address = 0x123458;
    acpi_tables_init();
    assert_int_equal(root_count(), 1);
    static const paddr_t hostile[] = {MEMORY, MEMORY - 4, UINT64_MAX, UINT64_MAX - 20, 1ull << 63};
    for (unsigned i = 0; i < ARRAY_SIZE(hostile); i++) {
        reset_driver();
        boot_info.rsdp_address = hostile[i];
        acpi_tables_init();
        assert_int_equal(root_count(), 0);
    }
}

// [ACPI 5.2.5.1]: 16-byte boundaries of the EBDA's first KiB and of 0xe0000 to 0xfffff. A structure
// of ACPI 1.0 has 20 bytes, so the last place for it is 32 bytes before the end.
static void bios_memory_is_searched(void **state)
{
    (void)state;
    static const struct {
        paddr_t at;
        uint8_t revision;
        bool found;
    } places[] = {
        {0xe0000, 0, true},  {0xf5ad0, 0, true},  {0xfffd0, 2, true},   {0xfffe0, 0, true},
        {0x9fc00, 0, true},  {0x9ffd0, 2, true},  {0x9ffe0, 0, true},   {0xf5ad8, 0, false},
        {0xdfff0, 0, false}, {0x9fbf0, 0, false}, {0x100000, 0, false}, {0xa0000, 0, false},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        clear_memory();
        poke16(0x40e, 0x9fc0);
        add_rsdt(1);
        add_xsdt(1);
        make_rsdp(memory + places[i].at, places[i].revision, RSDT, XSDT);
        acpi_tables_init();
        if ((root_count() == 1) != places[i].found)
            fail_msg("an RSDP at 0x%lx", places[i].at);
    }
    clear_memory(); // EFI gives it, or there is none
    boot_info.efi.system_table = 0x1000;
    make_rsdp(memory + 0xf0000, 0, RSDT, 0);
    add_rsdt(1);
    acpi_tables_init();
    assert_int_equal(root_count(), 0);
}

static void a_broken_rsdp_is_none(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 20; byte++) {
        clear_memory();
        add_rsdt(1);
        make_rsdp(memory + 0xf0000, 0, RSDT, 0);
        memory[0xf0000 + byte] ^= 0x10;
        acpi_tables_init();
        assert_int_equal(root_count(), 0);
    }
    clear_memory();
    add_rsdt(1);
    make_rsdp(memory + 0xf0000, 0, RSDT, 0);
    memory[0xf0000 + 1] ^= 2, memory[0xf0000 + 2] ^= 2; // the sum may fit by chance
    acpi_tables_init();
    assert_int_equal(root_count(), 0);
    make_rsdp(memory + 0xf0100, 0, RSDT, 0); // the search goes on behind a broken one
    acpi_tables_init();
    assert_int_equal(root_count(), 1);
}

// Both tags of Multiboot2: the newer one counts, unless it is broken.
static void the_older_copy_stands_in(void **state)
{
    (void)state;
    add_rsdt(1);
    add_xsdt(2);
    make_rsdp(boot_info.rsdp, 2, RSDT, XSDT);
    make_rsdp(boot_info.old_rsdp, 0, RSDT, 0);
    boot_info.rsdp_length = 36;
    boot_info.has_old_rsdp = true;
    acpi_tables_init();
    assert_int_equal(root_count(), 2);
    boot_info.rsdp[10] ^= 1;
    acpi_tables_init();
    assert_int_equal(acpi_revision(), 0);
    assert_int_equal(root_count(), 1);
    boot_info.has_old_rsdp = false;
    acpi_tables_init();
    assert_int_equal(acpi_revision(), ACPI_ABSENT);
}

// --- EFI ----------------------------------------------------------------------------------------

enum { SYSTEM = 0x150000, CONFIGURATION = 0x151000, EFI_RSDP = 0x152000, EFI_OLD_RSDP = 0x153000 };

// The GUIDs of [ACPI 5.2.5.2], as memory has them [UEFI 4.6.1, appendix A].
static const uint8_t efi_acpi_20[16] =
    "\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88"
    "\x81";
static const uint8_t efi_acpi_10[16] =
    "\x30\x2d\x9d\xeb\x88\x2d\xd3\x11\x9a\x16\x00\x90\x27\x3f\xc1"
    "\x4d";

// The `index`th entry of the configuration table.
static void put_entry(unsigned index, const uint8_t guid[16], uint64_t table)
{
    size_t pointer = boot_info.efi.is_64_bit ? 8 : 4;
    uint8_t *entry = memory + CONFIGURATION + index * (16 + pointer);
    memcpy(entry, guid, 16);
    memcpy(entry + 16, &table, pointer);
}

// A system table [UEFI 4.3] whose configuration table has `count` entries.
static void make_efi(bool is_64_bit, uint64_t count, uint64_t configuration)
{
    clear_memory();
    boot_info.efi.system_table = SYSTEM;
    boot_info.efi.is_64_bit = is_64_bit;
    memcpy(memory + SYSTEM, "IBI SYST", 8);
    memcpy(memory + SYSTEM + (is_64_bit ? 104 : 64), &count, is_64_bit ? 8 : 4);
    memcpy(memory + SYSTEM + (is_64_bit ? 112 : 68), &configuration, is_64_bit ? 8 : 4);
    add_rsdt(1);
    add_xsdt(2);
    make_rsdp(memory + EFI_RSDP, 2, RSDT, XSDT);
    make_rsdp(memory + EFI_OLD_RSDP, 0, RSDT, 0);
}

static void efi_says_where_it_is(void **state)
{
    (void)state;
    static const uint8_t other[16] = "another";
    for (unsigned is_64_bit = 0; is_64_bit < 2; is_64_bit++) {
        mapped_now = 0;
        make_efi(is_64_bit, 3, CONFIGURATION);
        put_entry(0, other, 0x1000);
        put_entry(1, efi_acpi_10, EFI_OLD_RSDP);
        put_entry(2, efi_acpi_20, EFI_RSDP);
        acpi_tables_init();
        assert_int_equal(acpi_revision(), 2);             // the newer one, wherever it is listed
        assert_int_equal(mapped_now, acpi_table_count()); // what was only looked at is given back
        assert_int_equal(root_count(), 2);
        memory[EFI_RSDP + 9] ^= 1;
        acpi_tables_init();
        assert_int_equal(acpi_revision(), 0);
        assert_int_equal(root_count(), 1);
        put_entry(1, other, EFI_OLD_RSDP);
        acpi_tables_init();
        assert_int_equal(acpi_revision(), ACPI_ABSENT);
    }
}

static void the_loaders_copy_goes_before_efi(void **state)
{
    (void)state;
    make_efi(true, 1, CONFIGURATION);
    put_entry(0, efi_acpi_20, EFI_RSDP);
    make_rsdp(boot_info.rsdp, 0, RSDT, 0);
    boot_info.rsdp_length = 20;
    acpi_tables_init();
    assert_int_equal(acpi_revision(), 0);
    boot_info.rsdp[12] ^= 1;
    acpi_tables_init();
    assert_int_equal(acpi_revision(), 2);
}

static void hostile_efi_tables_are_survived(void **state)
{
    (void)state;
    static const struct {
        uint64_t count, configuration;
    } claims[] = {
        {0, CONFIGURATION},
        {1, 0},
        {1, MEMORY},
        {1, MEMORY - 23},
        {1, UINT64_MAX},
        {1, UINT64_MAX - 23},
        {0xffffffff, CONFIGURATION},
        {UINT64_MAX, CONFIGURATION},
        {UINT64_MAX / 24 + 2, CONFIGURATION},
        {100000, MEMORY - 24},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(claims); i++) {
        make_efi(true, claims[i].count, claims[i].configuration);
        put_entry(0, efi_acpi_20, EFI_RSDP);
        acpi_tables_init();
        assert_int_equal(acpi_revision(), ACPI_ABSENT);
    }
    static const paddr_t places[] = {MEMORY, MEMORY - 119, UINT64_MAX, UINT64_MAX - 119,
                                     SYSTEM + 8};
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        make_efi(true, 1, CONFIGURATION);
        put_entry(0, efi_acpi_20, EFI_RSDP);
        boot_info.efi.system_table = places[i];
        acpi_tables_init();
        assert_int_equal(acpi_revision(), ACPI_ABSENT);
    }
    static const uint64_t pointers[] = {0,          MEMORY,          MEMORY - 35,
                                        UINT64_MAX, UINT64_MAX - 35, SYSTEM};
    for (unsigned i = 0; i < ARRAY_SIZE(pointers); i++) {
        make_efi(true, 1, CONFIGURATION);
        put_entry(0, efi_acpi_20, pointers[i]);
        acpi_tables_init();
        assert_int_equal(acpi_revision(), ACPI_ABSENT);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_machine, stop_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_loaders_copy_is_used),         TEST(a_given_address_is_used),
        TEST(bios_memory_is_searched),          TEST(a_broken_rsdp_is_none),
        TEST(the_older_copy_stands_in),         TEST(efi_says_where_it_is),
        TEST(the_loaders_copy_goes_before_efi), TEST(hostile_efi_tables_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
