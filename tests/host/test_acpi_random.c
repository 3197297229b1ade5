// drivers/acpi: a machine's tables with bytes changed at random, 10^5 times over all readers, and
// whatever was left of each: cut, stretched, and one in another's place. What lower layers are told
// must make sense all the same (platform_check_*), nothing outside of a table is read, and no
// memory is lost.

#include "tests/host/acpi_readers.h"

#include "tests/host/acpi_fixture.h"

enum { ROUNDS = 120000, SEEDS = 10, SEED_MAX = 400 };

static struct {
    uint8_t bytes[SEED_MAX];
    size_t size;
} seeds[SEEDS];
static unsigned seed_count;

static void add_seed(const void *bytes, size_t size)
{
    assert_true(seed_count < SEEDS && size <= SEED_MAX);
    memcpy(seeds[seed_count].bytes, bytes, size);
    seeds[seed_count++].size = size;
}

static void add_recorded(const char *name)
{
    struct acpi_header *table = fixture_read(name);
    add_seed(table, table->length);
    free(table);
}

// QEMU's machines have neither.
static void add_uart_tables(void)
{
    struct table spcr = table_begin("SPCR", 4, 88), dbg2 = table_begin("DBG2", 0, 44 + 2 * 36);
    table_gas(&spcr, 40, 0, 32, 3, 0xfe030000);
    table_set(&spcr, 52, 3, 1);
    table_set(&dbg2, 36, 44, 4);
    table_set(&dbg2, 40, 2, 4);
    for (size_t at = 44; at < dbg2.size; at += 36) {
        table_set(&dbg2, at + 1, 36, 2);
        table_set(&dbg2, at + 3, 1, 1);
        table_set(&dbg2, at + 12, 0x8000, 2);
        table_set(&dbg2, at + 18, 22, 2);
        table_gas(&dbg2, at + 22, 1, 8, 1, 0x200 + at);
    }
    add_seed(spcr.bytes, spcr.size);
    add_seed(dbg2.bytes, dbg2.size);
}

// Long ids, which QEMU writes only for more than 255 processors.
static void add_x2apic_table(void)
{
    struct table madt = table_begin("APIC", 5, 44);
    for (uint8_t i = 0; i < 8; i++)
        table_put(&madt, (const uint8_t[]){9, 16, 0, 0, i, 1, 0, 0, 1, 0, 0, 0, i, 1, 0, 0}, 16);
    table_put(&madt, (const uint8_t[]){10, 12, 5, 0, 255, 255, 255, 255, 1, 0, 0, 0}, 12);
    table_put(&madt, (const uint8_t[]){5, 12, 0, 0, 0, 0, 224, 254, 1, 0, 0, 0}, 12);
    add_seed(madt.bytes, madt.size);
}

static uint8_t random_byte(void)
{
    static const uint8_t likely[] = {0, 1, 2, 4, 9, 10, 12, 16, 0x7f, 0x80, 0xfe, 0xff};
    return random_below(2) ? (uint8_t)random_u64() : likely[random_below(sizeof(likely))];
}

static void add_mutated(unsigned seed)
{
    uint8_t bytes[SEED_MAX + 64];
    size_t size = seeds[seed].size;
    memcpy(bytes, seeds[seed].bytes, size);
    if (random_below(4) == 0)
        size = 36 + random_below(size - 36 + 1);
    for (uint64_t more = random_below(4) ? 0 : random_below(64); more--;)
        bytes[size++] = random_byte();
    for (uint64_t changes = random_below(7); changes--;) {
        size_t at = 8 + random_below(size - 8);
        bytes[at] = random_byte();
    }
    if (random_below(20) == 0) // one in another's place
        memcpy(bytes, seeds[random_below(seed_count)].bytes, 4);
    machine_add(bytes, size);
}

static void random_mutations(void **state)
{
    (void)state;
    static const char *const names[] = {"q35_FACP", "q35_APIC", "q35_SRAT",    "q35_HPET",
                                        "q35_MCFG", "pc_APIC",  "microvm_FACP"};
    uint64_t cpus = 0, nodes = 0, uarts = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        add_recorded(names[i]);
    add_uart_tables();
    add_x2apic_table();
    random_seed(5);
    for (unsigned round = 0; round < ROUNDS; round++) {
        machine_forget();
        for (uint64_t count = 1 + random_below(4); count--;)
            add_mutated((unsigned)random_below(seed_count));
        fail_allocation = random_below(10) ? 0 : 1 + (unsigned)random_below(6);
        platform_start();
        cpus += platform.cpu_count;
        nodes += platform.memory_node_count;
        uarts += platform.uart_count;
    }
    machine_forget();
    assert_true(cpus > ROUNDS && nodes > ROUNDS / 4 && uarts > ROUNDS / 10); // they were read
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_mutations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
