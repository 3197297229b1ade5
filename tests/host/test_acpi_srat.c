// drivers/acpi/srat: who is near whom. Catches a node's number put together wrongly or believed
// where the table couldn't have it, nodes that the page allocator has no room for, and memory that
// goes round the end of all addresses.

#include "tests/host/acpi_readers.h"

static struct table srat;

#define PUT(...) table_put(&srat, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

#define LE16(value) (uint8_t)(value), (uint8_t)((value) >> 8)
#define LE32(value) LE16(value), LE16((uint32_t)(value) >> 16)

// [ACPI 5.2.16.1 to 5.2.16.3]
static void put_lapic(uint8_t id, uint32_t node, uint32_t flags)
{
    PUT(0, 16, (uint8_t)node, id, LE32(flags), 0x5a, (uint8_t)(node >> 8), LE16(node >> 16),
        LE32(0));
}

static void put_x2apic(uint32_t id, uint32_t node, uint32_t flags)
{
    PUT(2, 24, 0, 0, LE32(node), LE32(id), LE32(flags), LE32(0), LE32(0));
}

static void put_memory(uint64_t start, uint64_t size, uint32_t node, uint32_t flags)
{
    PUT(1, 40, LE32(node), 0, 0, LE32(start), LE32(start >> 32), LE32(size), LE32(size >> 32),
        LE32(0), LE32(flags), LE32(0), LE32(0));
}

static void begin(uint8_t revision)
{
    static const uint8_t ids[] = {0, 1, 2, 3};
    struct table madt = table_begin("APIC", 1, 44);
    for (unsigned i = 0; i < sizeof(ids); i++)
        table_put(&madt, (const uint8_t[]){0, 8, ids[i], ids[i], 1, 0, 0, 0}, 8);
    table_put(&madt, (const uint8_t[]){9, 16, 0, 0, LE32(0x12345), LE32(1), LE32(9)}, 16);
    machine_forget();
    machine_add_table(&madt);
    srat = table_begin("SRAT", revision, 48);
}

static void start(void)
{
    machine_add_table(&srat);
    platform_start();
}

static void processors_in_nodes(void **state)
{
    (void)state;
    begin(3);
    put_lapic(0, 0, 1);
    put_lapic(1, 254, 1);
    put_lapic(2, 5, 0); // not enabled
    put_x2apic(0x12345, 7, 1);
    put_lapic(0, 3, 1);  // the first word counts
    put_lapic(99, 1, 1); // nobody
    start();
    assert_int_equal(platform.cpus[0].node, 0);
    assert_int_equal(platform.cpus[1].node, 254);
    assert_int_equal(platform.cpus[2].node, PLATFORM_NO_NODE);
    assert_int_equal(platform.cpus[3].node, PLATFORM_NO_NODE);
    assert_int_equal(platform.cpus[4].node, 7);
    assert_int_equal(log_lines[LOG_WARN], 0);
}

static void nodes_above_254_are_nobodys(void **state)
{
    (void)state;
    begin(3);
    put_lapic(0, 255, 1);
    put_lapic(1, 0x100, 1); // not node 0
    put_lapic(2, 0x1000003, 1);
    put_x2apic(3, UINT32_MAX, 1);
    put_memory(0, 1 << 20, 255, 1);
    put_memory(1 << 20, 1 << 20, 0x10000, 1);
    put_memory(2 << 20, 1 << 20, 254, 1);
    start();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(platform.cpus[i].node, PLATFORM_NO_NODE);
    assert_int_equal(platform.memory_node_count, 1);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].node, 254);
    assert_int_equal(log_lines[LOG_WARN], 1); // for all of them
}

// The first revision had one byte for it; the rest was reserved.
static void the_first_revision_had_a_byte(void **state)
{
    (void)state;
    begin(1);
    put_lapic(0, 0xabcdef02, 1);
    put_memory(0, 1 << 20, 0xabcdef03, 1);
    start();
    assert_int_equal(platform.cpus[0].node, 2);
    assert_int_equal(platform.memory_nodes[0].node, 3);
}

static void ranges_of_memory(void **state)
{
    (void)state;
    begin(3);
    put_memory(0x100000000, 0x40000000, 1, 1);
    put_memory(0x200000000, 0x40000000, 1, 0); // not enabled
    put_memory(0x300000000, 0, 1, 1);          // nothing
    put_memory(UINT64_MAX - 0xfff, 0x2000, 1, 1);
    put_memory(0x1000000000000, 0x40000000, 2, 3); // may be plugged in
    put_memory(UINT64_MAX - 0xfff, 0xfff, 1, 1);
    start();
    assert_int_equal(platform.memory_node_count, 3);
    assert_int_equal(platform.memory_nodes[0].start, 0x100000000);
    assert_int_equal(platform.memory_nodes[0].end, 0x140000000);
    assert_int_equal(platform.memory_nodes[1].node, 2);
    assert_int_equal(told_count, 3);
    assert_int_equal(log_lines[LOG_WARN], 1);
}

static void short_tables_and_entries(void **state)
{
    (void)state;
    begin(3);
    PUT(0, 15, 0, 0, LE32(1), LE32(0), LE16(0), 0);
    PUT(2, 23, 0, 0, LE32(1), LE32(0), LE32(1), LE32(0), 0, 0, 0);
    PUT(1, 39, LE32(1), 0, 0, LE32(0), LE32(0), LE32(0x1000), LE32(0), LE32(0), LE32(1), LE32(0), 0,
        0, 0);
    PUT(1, 0);
    put_lapic(1, 1, 1);
    start();
    assert_int_equal(platform.cpus[0].node, PLATFORM_NO_NODE);
    assert_int_equal(platform.cpus[1].node, PLATFORM_NO_NODE);
    assert_int_equal(platform.memory_node_count, 0);
    assert_int_equal(log_lines[LOG_WARN], 2);
    for (size_t size = 36; size < 48; size++) {
        begin(3);
        srat.size = size;
        start();
        assert_int_equal(platform.memory_node_count, 0);
    }
}

// Without a MADT there are no processors to put anywhere; memory is all the same.
static void without_processors(void **state)
{
    (void)state;
    begin(3);
    machine_forget();
    put_lapic(0, 1, 1);
    put_x2apic(0, 1, 1);
    put_memory(0, 0x1000, 1, 1);
    start();
    assert_int_equal(platform.cpu_count, 0);
    assert_int_equal(platform.memory_node_count, 1);
}

static int forget(void **state)
{
    (void)state;
    machine_forget();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(processors_in_nodes),           TEST(nodes_above_254_are_nobodys),
        TEST(the_first_revision_had_a_byte), TEST(ranges_of_memory),
        TEST(short_tables_and_entries),      TEST(without_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
