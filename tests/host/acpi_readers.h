// The readers of ACPI tables, on tables of exactly their size: a step past the end is reported.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"
#include "tests/host/fake_machine.h"

#include "drivers/acpi/cpu_index.c"
#include "drivers/acpi/dbg2.c"
#include "drivers/acpi/entries.c"
#include "drivers/acpi/fadt.c"
#include "drivers/acpi/hpet.c"
#include "drivers/acpi/madt.c"
#define readers     srat_readers
#define make_room   srat_make_room
#define is_usable   srat_is_usable
#define read_lapic  srat_read_lapic
#define read_x2apic srat_read_x2apic
#include "drivers/acpi/srat.c"
#undef readers
#undef make_room
#undef is_usable
#undef read_lapic
#undef read_x2apic
#include "drivers/acpi/mcfg.c"
#include "drivers/acpi/spcr.c"
#include "drivers/acpi/uart.c"
#define readers platform_readers
#include "drivers/acpi/platform.c"
#undef readers
#include "kernel/platform.c"

// --- Around them
// ----------------------------------------------------------------------------------

static unsigned allocations, fail_allocation; // the one that fails, from 1; 0: none
static size_t allocated_now;

void *kcalloc(size_t count, size_t size)
{
    CHECK_TRUE(count && size);
    if (++allocations == fail_allocation)
        return NULL;
    allocated_now++;
    return calloc(count, size);
}

void kfree(void *memory)
{
    allocated_now -= memory != NULL;
    free(memory);
}

uint64_t acpi_field(const struct acpi_header *table, size_t offset, size_t size)
{
    uint64_t value = 0;
    CHECK_TRUE(size <= sizeof(value));
    if (offset <= table->length && size <= table->length - offset)
        memcpy(&value, (const uint8_t *)table + offset, size);
    return value;
}

enum { TABLES_AT_ONCE = 8 };
static struct acpi_header *machine_tables[TABLES_AT_ONCE]; // what acpi_find() finds
static unsigned machine_table_count;

unsigned acpi_table_count(void)
{
    return machine_table_count;
}

const struct acpi_header *acpi_find(const char signature[4], unsigned index)
{
    for (unsigned i = 0; i < machine_table_count; i++)
        if (memcmp(machine_tables[i]->signature, signature, 4) == 0 && index-- == 0)
            return machine_tables[i];
    return NULL;
}

static struct {
    paddr_t start, end;
    unsigned node;
} told[16]; // the page allocator
static unsigned told_count;

void page_set_node(paddr_t start, paddr_t end, unsigned node)
{
    CHECK_TRUE(start < end && node < PLATFORM_NO_NODE);
    told[told_count % ARRAY_SIZE(told)].start = start;
    told[told_count % ARRAY_SIZE(told)].end = end;
    told[told_count++ % ARRAY_SIZE(told)].node = node;
}

// --- Machines
// -------------------------------------------------------------------------------------

static struct platform untouched; // what it is before any table is read

__attribute__((constructor)) static void keep_untouched(void)
{
    untouched = platform;
}

static inline void machine_forget(void)
{
    while (machine_table_count)
        free(machine_tables[--machine_table_count]);
    kfree(platform.cpus);
    kfree(platform.ioapics);
    kfree(platform.nmis);
    kfree(platform.ecams);
    kfree(platform.memory_nodes);
    CHECK_TRUE(allocated_now == 0); // nothing else is kept
    platform = untouched;
    allocations = fail_allocation = told_count = 0;
    log_forget();
}

// A copy of the table's bytes, whose length the header says.
static inline void machine_add(const void *bytes, size_t size)
{
    CHECK_TRUE(machine_table_count < TABLES_AT_ONCE && size >= sizeof(struct acpi_header));
    struct acpi_header *table = malloc(size);
    memcpy(table, bytes, size);
    table->length = (uint32_t)size;
    machine_tables[machine_table_count++] = table;
}

// --- Tables
// ---------------------------------------------------------------------------------------

struct table {
    uint8_t bytes[8192];
    size_t size;
};

static inline struct table table_begin(const char signature[4], uint8_t revision, size_t size)
{
    struct table table = {.size = size};
    memcpy(table.bytes, signature, 4);
    table.bytes[8] = revision;
    return table;
}

static inline void table_put(struct table *table, const void *bytes, size_t size)
{
    CHECK_TRUE(table->size + size <= sizeof(table->bytes));
    memcpy(table->bytes + table->size, bytes, size);
    table->size += size;
}

static inline void table_set(struct table *table, size_t at, uint64_t value, size_t size)
{
    CHECK_TRUE(at + size <= table->size);
    memcpy(table->bytes + at, &value, size);
}

static inline void table_gas(struct table *table, size_t at, uint8_t space, uint8_t width,
                             uint8_t access, uint64_t address)
{
    const uint8_t gas[4] = {space, width, 0, access};
    CHECK_TRUE(at + 12 <= table->size);
    memcpy(table->bytes + at, gas, 4);
    table_set(table, at + 4, address, 8);
}

static inline void machine_add_table(const struct table *table)
{
    machine_add(table->bytes, table->size);
}

// --- What must hold whatever the tables say
// -------------------------------------------------------

static inline void platform_check_cpus(void)
{
    CHECK_TRUE((platform.cpu_count == 0) == !platform.cpus);
    CHECK_TRUE((platform.ioapic_count == 0) == !platform.ioapics);
    CHECK_TRUE((platform.nmi_count == 0) == !platform.nmis);
    CHECK_TRUE((platform.ecam_count == 0) == !platform.ecams);
    CHECK_TRUE((platform.memory_node_count == 0) == !platform.memory_nodes);
    for (unsigned i = 0; i < platform.cpu_count; i++) {
        const struct platform_cpu *cpu = &platform.cpus[i];
        CHECK_TRUE(cpu->apic_id != UINT32_MAX && cpu->node <= PLATFORM_NO_NODE);
        for (unsigned j = 0; j < i; j++)
            CHECK_TRUE(platform.cpus[j].apic_id != cpu->apic_id);
    }
    CHECK_TRUE(platform.ioapic_count <= 256);
    for (unsigned i = 0; i < platform.ioapic_count; i++) {
        CHECK_TRUE(platform.ioapics[i].address);
        for (unsigned j = 0; j < i; j++)
            CHECK_TRUE(platform.ioapics[j].address != platform.ioapics[i].address);
    }
    for (unsigned i = 0; i < platform.nmi_count; i++)
        CHECK_TRUE(platform.nmis[i].lint <= 1);
}

static inline void platform_check_devices(void)
{
    CHECK_TRUE(platform.rtc_century < 128);
    CHECK_TRUE(!platform.is_hw_reduced || !platform.pm_timer.address);
    CHECK_TRUE(platform.pm_timer.is_mmio || platform.pm_timer.address <= 0xfffc);
    CHECK_TRUE(platform.uart_count <= PLATFORM_UARTS_MAX);
    for (unsigned i = 0; i < platform.uart_count; i++) {
        const struct platform_uart *uart = &platform.uarts[i];
        CHECK_TRUE(uart->address && (uart->is_mmio || uart->address <= 0xfff8));
        CHECK_TRUE(uart->stride == 1 ||
                   (uart->is_mmio && bit_count(uart->stride) == 1 && uart->stride <= 8));
        for (unsigned j = 0; j < i; j++)
            CHECK_TRUE(platform.uarts[j].address != uart->address ||
                       platform.uarts[j].is_mmio != uart->is_mmio);
    }
    for (unsigned i = 0; i < platform.ecam_count; i++) {
        const struct platform_ecam *ecam = &platform.ecams[i];
        CHECK_TRUE(ecam->address && ecam->address % (1 << 20) == 0);
        CHECK_TRUE(ecam->first_bus <= ecam->last_bus);
    }
    for (unsigned i = 0; i < platform.memory_node_count; i++) {
        const struct platform_memory_node *memory = &platform.memory_nodes[i];
        CHECK_TRUE(memory->start < memory->end && memory->node < PLATFORM_NO_NODE);
    }
}

static inline void platform_start(void)
{
    acpi_platform_init();
    platform_check_cpus();
    platform_check_devices();
}
