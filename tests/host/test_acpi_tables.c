// drivers/acpi/tables: what of the tables is believed. Catches a table that is read
// beyond its memory or with a wrong checksum, a broken newer root that hides a good older one, a
// broken table that hides those behind it, and tables left in memory that may be allocated.
// Physical memory is one allocation: a step past it is reported.

#include "tests/host/acpi_machine.h"

static void a_broken_xsdt_gives_way_to_the_rsdt(void **state)
{
    (void)state;
    for (unsigned damage = 0; damage < 6; damage++) {
        clear_memory();
        add_rsdt(1);
        add_xsdt(2);
        make_rsdp(memory + 0xf0000, 2, RSDT, XSDT);
        switch (damage) {
        case 0:
            memory[0xf0000 + 33] ^= 1; // reserved, in the extended checksum
            break;
        case 1:
            memory[XSDT + 20] ^= 1;
            break;
        case 2:
            make_rsdp(memory + 0xf0000, 2, RSDT, 0);
            break;
        case 3:
            make_rsdp(memory + 0xf0000, 2, RSDT, MEMORY - 8);
            break;
        case 4:
            make_rsdp(memory + 0xf0000, 2, RSDT, UINT64_MAX - 3);
            break;
        case 5:
            make_rsdp(memory + 0xf0000, 2, RSDT, TABLES); // sound, but not an XSDT
            break;
        }
        acpi_tables_init();
        assert_int_equal(root_count(), 1);
        assert_non_null(acpi_find("TST0", 0));
    }
}

static void only_sound_tables_are_given_out(void **state)
{
    (void)state;
    static const uint8_t body[100] = {1, 2, 3};
    make_table(0x100000, "GOOD", body, sizeof(body));
    const struct acpi_header *table = table_at(0x100000);
    assert_ptr_equal(table, memory + 0x100000);
    for (unsigned byte = 0; byte < 136; byte++) {
        memory[0x100000 + byte] ^= 0x40;
        assert_null(table_at(0x100000)); // every byte counts
        memory[0x100000 + byte] ^= 0x40;
    }
    static const uint32_t lengths[] = {0,          1,          35,        MEMORY - 0x100000 + 1,
                                       0x7fffffff, 0xfffffff0, 0xffffffff};
    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        poke32(0x100000 + 4, lengths[i]);
        fix_checksum(0x100000, 136);
        assert_null(table_at(0x100000));
    }
    static const paddr_t hostile[] = {0,          MEMORY,          MEMORY - 1, MEMORY - 35,
                                      UINT64_MAX, UINT64_MAX - 35, 1ull << 47};
    for (unsigned i = 0; i < ARRAY_SIZE(hostile); i++)
        assert_null(table_at(hostile[i]));
    make_table(MEMORY - 36, "LAST", NULL, 0); // to the last byte of memory
    assert_non_null(table_at(MEMORY - 36));
    make_table(0x100003, "ODDS", body, sizeof(body)); // tables may lie anywhere
    assert_non_null(table_at(0x100003));
}

static void tables_are_found_by_signature_and_number(void **state)
{
    (void)state;
    static const char *const signatures[] = {"FACP", "SSDT", "APIC", "SSDT", "SSDX", "SSDT"};
    for (unsigned i = 0; i < ARRAY_SIZE(signatures); i++)
        make_table(TABLES + i * 0x100, signatures[i], &i, sizeof(i));
    add_xsdt(ARRAY_SIZE(signatures));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    assert_null(acpi_find("FACP", 0)); // not yet
    acpi_tables_init();
    assert_ptr_equal(acpi_find("FACP", 0), memory + TABLES);
    assert_ptr_equal(acpi_find("APIC", 0), memory + TABLES + 0x200);
    assert_ptr_equal(acpi_find("SSDT", 0), memory + TABLES + 0x100);
    assert_ptr_equal(acpi_find("SSDT", 1), memory + TABLES + 0x300);
    assert_ptr_equal(acpi_find("SSDT", 2), memory + TABLES + 0x500);
    assert_null(acpi_find("SSDT", 3));
    assert_null(acpi_find("APIC", 1));
    assert_null(acpi_find("HPET", 0));
}

static void hostile_roots_are_survived(void **state)
{
    (void)state;
    static const uint64_t entries[] = {
        0, XSDT, UINT64_MAX, UINT64_MAX - 35, MEMORY, MEMORY - 35, 1ull << 63, XSDT + 1, TABLES,
    };
    make_table(TABLES, "TST0", NULL, 0);
    make_table(XSDT, "XSDT", entries, sizeof(entries));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_non_null(acpi_find("TST0", 0)); // behind all the bad ones
    assert_null(acpi_find("TST0", 1));
    assert_ptr_equal(acpi_find("XSDT", 0), memory + XSDT); // it lists itself: odd, and harmless
    assert_null(acpi_find("SSDT", 0));

    static uint64_t many[5000]; // more than anybody has
    for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = XSDT;
    clear_memory();
    make_table(XSDT, "XSDT", many, sizeof(many));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_in_range(root_count(), 1, 1000);
    clear_memory();
    make_table(XSDT, "XSDT", many, 7); // not one whole entry
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_int_equal(root_count(), 0);
}

// Tables in each other, a FADT that names itself or the root as its DSDT, and a root that lists
// itself: odd, but nothing is read twice as much or written.
static void tables_in_each_other(void **state)
{
    (void)state;
    static const uint64_t listed[] = {TABLES, TABLES + 50, XSDT, FADT, TABLES};
    make_table(TABLES, "OUTR", memory, 100);
    make_table(TABLES + 50, "INNR", NULL, 0);
    fix_checksum(TABLES, 136);
    make_fadt(FADT, 244);
    make_table(XSDT, "XSDT", listed, sizeof(listed));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_ptr_equal(acpi_find("OUTR", 0), memory + TABLES);
    assert_ptr_equal(acpi_find("INNR", 0), memory + TABLES + 50);
    assert_non_null(acpi_find("OUTR", 1));
    assert_non_null(acpi_find("FACP", 1)); // as the DSDT
    assert_null(acpi_find("DSDT", 0));
    assert_int_equal(acpi_table_count(), 7);
    assert_int_equal(driver_start_acpi_sleep(), OK);
    assert_null(power_methods);
}

static void what_is_left_out_is_remembered(void **state)
{
    (void)state;
    char name[ACPI_NAME_MAX];
    static const uint64_t listed[] = {TABLES, MEMORY, TABLES + 0x100};
    make_table(TABLES, "A\x1b[m", NULL, 0);
    memory[TABLES + 20] ^= 1;
    make_table(TABLES + 0x100, "GOOD", NULL, 0);
    make_table(XSDT, "XSDT", listed, sizeof(listed));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_string_equal(acpi_refused(0)->name, "A?[m");
    assert_string_equal(acpi_refused(0)->why, "its checksum is wrong");
    assert_int_equal(acpi_refused(0)->address, TABLES);
    assert_string_equal(acpi_refused(1)->why, "it is out of reach");
    assert_int_equal(acpi_refused(1)->address, MEMORY);
    assert_null(acpi_refused(2));
    acpi_name("  AB\0\x7f \0", 8, name);
    assert_string_equal(name, "  AB ?");
}

// As contradictory firmware has it: all of memory usable, and the tables in it.
static void every_table_is_reserved(void **state)
{
    (void)state;
    memory_map_add(&boot_info.memory, 0, MEMORY, MEMORY_USABLE, UINT64_MAX);
    add_xsdt(3);
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    for (unsigned i = 0; i < 3; i++)
        expect_reserved(TABLES + i * 0x100);
    assert_int_equal(memory_map_find(&boot_info.memory, 0x8000)->kind, MEMORY_USABLE);
    expect_reserved(XSDT); // the root is read again by every acpi_find()
}

static void the_dsdt_is_reserved(void **state)
{
    (void)state;
    memory_map_add(&boot_info.memory, 0, MEMORY, MEMORY_USABLE, UINT64_MAX);
    make_s5_machine("\x12\x08\x04\x0a\x05\x0a\x06\x00\x00", 9);
    assert_int_equal(driver_start_acpi(), OK);
    expect_reserved(FADT);
    expect_reserved(DSDT); // a guest may want it; and the S5 values were found in it
}

// What was mapped only to be looked at is given back; what is kept isn't.
static void mappings_are_given_back(void **state)
{
    (void)state;
    add_xsdt(3);
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    memory[TABLES + 10] ^= 1; // unsound
    mapped_now = 0;
    acpi_tables_init();
    assert_int_equal(acpi_table_count(), 3);
    assert_int_equal(mapped_now, 3);
}

// Memory that is called usable may have been given out: a table there isn't one any more.
static void a_table_in_used_memory_is_left_out(void **state)
{
    (void)state;
    memory_map_add(&boot_info.memory, 0, MEMORY, MEMORY_USABLE, UINT64_MAX);
    add_xsdt(1);
    make_table(TABLES + 0x1000 - 20, "LONG", NULL, 0); // across two pages
    uint64_t listed[] = {TABLES, TABLES + 0x1000 - 20};
    make_table(XSDT, "XSDT", listed, sizeof(listed));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_non_null(acpi_find("LONG", 0));
    boot_info.memory.count = 0;
    memory_map_add(&boot_info.memory, 0, MEMORY, MEMORY_USABLE, UINT64_MAX);
    page_in_use = TABLES + 0x1000;
    acpi_tables_init();
    assert_null(acpi_find("LONG", 0));
    assert_non_null(acpi_find("TST0", 0));
    assert_true(log_lines[LOG_WARN] > 0);
    assert_int_equal(memory_map_find(&boot_info.memory, page_in_use)->kind, MEMORY_USABLE);
    page_in_use = 0;
}

// All of a table's memory is kept or none; what isn't usable stays as it is.
static void tables_memory_is_kept_as_a_whole(void **state)
{
    (void)state;
    struct memory_map *map = &boot_info.memory;
    uint64_t listed[] = {TABLES + 0x800};
    make_table(listed[0], "LONG", memory, 0x3000); // in four pages
    make_table(XSDT, "XSDT", listed, sizeof(listed));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_non_null(acpi_find("LONG", 0));
    assert_int_equal(map->count, 0);
    memory_map_add(map, 0, MEMORY, MEMORY_USABLE, UINT64_MAX);
    memory_map_add(map, TABLES, PAGE_SIZE, MEMORY_FIRMWARE, UINT64_MAX);
    page_in_use = TABLES + 0x3000;
    acpi_tables_init();
    page_in_use = 0;
    assert_null(acpi_find("LONG", 0));
    assert_int_equal(memory_map_total(map, MEMORY_RECLAIM), PAGE_SIZE); // the root
    acpi_tables_init();
    assert_non_null(acpi_find("LONG", 0));
    assert_int_equal(memory_map_find(map, TABLES)->kind, MEMORY_FIRMWARE);
    assert_int_equal(memory_map_total(map, MEMORY_RECLAIM), 4 * PAGE_SIZE);
}

static void what_there_is_is_counted(void **state)
{
    (void)state;
    acpi_tables_init();
    assert_int_equal(acpi_revision(), ACPI_ABSENT);
    assert_int_equal(acpi_table_count(), 0);
    add_xsdt(3);
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
    acpi_tables_init();
    assert_int_equal(acpi_revision(), 2);
    assert_int_equal(acpi_table_count(), 4); // and the root
    memory[TABLES + 10] ^= 1;
    acpi_tables_init();
    assert_int_equal(acpi_table_count(), 3);
    clear_memory();
    add_rsdt(1);
    make_rsdp(memory + 0xf0000, 0, RSDT, 0);
    acpi_tables_init();
    assert_int_equal(acpi_revision(), 0);
    assert_int_equal(acpi_table_count(), 2);
}

static void random_mutations(void **state)
{
    (void)state;
    static uint8_t image[0x3000];
    make_s5_machine("\x12\x08\x04\x0a\x05\x0a\x06\x00\x00", 9);
    memcpy(image, memory + XSDT, sizeof(image));
    random_seed(90);
    for (unsigned round = 0; round < 20000; round++) {
        paddr_t table = (const paddr_t[]){XSDT, FADT, DSDT}[random_below(3)];
        uint32_t length;
        reset_driver();
        memcpy(memory + XSDT, image, sizeof(image));
        memcpy(&length, memory + table + 4, sizeof(length));
        for (uint64_t changes = 1 + random_below(4); changes--;)
            memory[table + random_below(random_below(2) ? length : 44)] = (uint8_t)random_u64();
        memcpy(&length, memory + table + 4, sizeof(length));
        if (table + length <= MEMORY && length >= 36)
            fix_checksum(table, length);
        (void)driver_start_acpi();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_machine, stop_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_broken_xsdt_gives_way_to_the_rsdt),
        TEST(only_sound_tables_are_given_out),
        TEST(tables_are_found_by_signature_and_number),
        TEST(hostile_roots_are_survived),
        TEST(tables_in_each_other),
        TEST(what_is_left_out_is_remembered),
        TEST(every_table_is_reserved),
        TEST(the_dsdt_is_reserved),
        TEST(mappings_are_given_back),
        TEST(a_table_in_used_memory_is_left_out),
        TEST(tables_memory_is_kept_as_a_whole),
        TEST(what_there_is_is_counted),
        TEST(random_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
