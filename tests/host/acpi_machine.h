// A machine with ACPI tables in 2 MiB of memory and a PM1 control register behind two ports.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"
#include "tests/host/fake_machine.h"

#include "drivers/acpi/aml.c"
#include "drivers/acpi/fadt.c"
#include "drivers/acpi/rsdp.c"
#include "drivers/acpi/sleep.c"
#include "drivers/acpi/tables.c"
#include "kernel/platform.c"
#include "mm/memory_map.c"

enum {
    MEMORY = 0x200000,
    RSDT = 0x1e0000,
    XSDT = 0x1e1000,
    FADT = 0x1e2000,
    DSDT = 0x1e3000,
    TABLES = 0x1d0000, // one every 256 bytes
    PM1A = 0x604,
    PM1B = 0x704,
    SMI_COMMAND = 0xb2,
};

struct boot_info boot_info;
static uint8_t *memory;

// --- Memory -----------------------------------------------------------------------------------

static unsigned mapped_now;

enum status vspace_map_firmware(paddr_t physical, size_t size, const char *name,
                                const void **mapped)
{
    CHECK_TRUE(size && name);
    const void *direct = phys_to_virt(physical, size);
    if (!direct)
        return OUT_OF_RANGE;
    mapped_now++;
    *mapped = direct;
    return OK;
}

void vspace_unmap_physical(const void *mapped)
{
    CHECK_TRUE(mapped && mapped_now);
    mapped_now--;
}

static paddr_t page_in_use; // is given out already

enum status page_withhold(paddr_t start, paddr_t end, enum memory_kind kind)
{
    CHECK_TRUE(kind == MEMORY_RECLAIM && start < end);
    if (page_in_use >= start && page_in_use < end)
        return NOT_FOUND;
    return memory_map_withhold(&boot_info.memory, start, end, kind);
}

// --- The ports --------------------------------------------------------------------------------

static struct {
    uint16_t pm1a, pm1b;
    bool enables; // SMI command 0xf1 switches to ACPI mode
    unsigned smi_commands, writes;
    uint64_t ns;
} ports;

static struct power_method *power_methods;

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    ports.ns += 1000;
    CHECK_TRUE(size == 2 && (port == PM1A || port == PM1B));
    return port == PM1A ? ports.pm1a : ports.pm1b;
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    if (port == SMI_COMMAND) {
        CHECK_TRUE(size == 1);
        ports.smi_commands++;
        if (ports.enables && value == 0xf1)
            ports.pm1a |= 1;
        return;
    }
    CHECK_TRUE(size == 2 && (port == PM1A || port == PM1B));
    ports.writes++;
    *(port == PM1A ? &ports.pm1a : &ports.pm1b) = (uint16_t)value;
}

uint64_t clock_ns(void)
{
    return ports.ns += 1000;
}

void clock_delay_ns(uint64_t delay_ns)
{
    ports.ns += delay_ns;
}

void power_add(struct power_method *method)
{
    method->next = power_methods;
    power_methods = method;
}

// --- Memory -----------------------------------------------------------------------------------

static inline void reset_driver(void)
{
    table_count = refused_count = 0;
    machine_zero(&sleep, sizeof(sleep));
    machine_zero(&ports, sizeof(ports));
    power_methods = NULL;
    log_forget();
}

static inline void clear_memory(void)
{
    machine_zero(memory, MEMORY);
    machine_zero(&boot_info, sizeof(boot_info));
    machine_map(memory, 0, MEMORY);
    reset_driver();
}

static inline int start_machine(void **state)
{
    (void)state;
    memory = malloc(MEMORY);
    clear_memory();
    return 0;
}

static inline int stop_machine(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static inline void poke16(paddr_t address, uint16_t value)
{
    memcpy(memory + address, &value, sizeof(value));
}

static inline void poke32(paddr_t address, uint32_t value)
{
    memcpy(memory + address, &value, sizeof(value));
}

// The byte at `at` becomes what makes `size` bytes add up to 0.
static inline void fix_sum(uint8_t *bytes, size_t size, size_t at)
{
    uint8_t sum = 0;
    bytes[at] = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    bytes[at] = -sum;
}

static inline void fix_checksum(paddr_t table, size_t length)
{
    fix_sum(memory + table, length, 9);
}

static inline void make_table(paddr_t address, const char *signature, const void *body, size_t size)
{
    uint32_t length = (uint32_t)size + 36;
    CHECK_TRUE(address + length <= MEMORY);
    machine_zero(memory + address, 36);
    memcpy(memory + address, signature, 4);
    poke32(address + 4, length);
    if (size)
        memcpy(memory + address + 36, body, size);
    fix_checksum(address, length);
}

static inline void make_rsdp(uint8_t *at, uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
    static const uint32_t length = 36;
    machine_zero(at, revision >= 2 ? 36 : 20);
    memcpy(at, "RSD PTR ", 8);
    memcpy(at + 9, "KEELSN", 6);
    at[15] = revision;
    memcpy(at + 16, &rsdt, 4);
    fix_sum(at, 20, 8);
    if (revision < 2)
        return;
    memcpy(at + 20, &length, 4);
    memcpy(at + 24, &xsdt, 8);
    fix_sum(at, 36, 32);
}

// As main.c starts it: the tables, then the drivers.
static inline enum status driver_start_acpi(void)
{
    acpi_tables_init();
    return driver_start_acpi_sleep();
}

// The sound tables that the root lists, where there is no DSDT.
static inline unsigned root_count(void)
{
    return table_count ? table_count - 1 : 0;
}

// Roots that list the first `count` of TABLES; those that aren't there yet are made as TST0, TST1
// ...
static inline void make_root(paddr_t address, const char *signature, unsigned count,
                             unsigned entry_size)
{
    uint8_t entries[64 * 8];
    for (unsigned i = 0; i < count; i++) {
        uint64_t table = TABLES + i * 0x100;
        if (!memory[table])
            make_table(table, (const char[]){'T', 'S', 'T', (char)('0' + i)}, NULL, 0);
        memcpy(entries + i * entry_size, &table, entry_size);
    }
    make_table(address, signature, entries, count * entry_size);
}

static inline void add_rsdt(unsigned count)
{
    make_root(RSDT, "RSDT", count, 4);
}

static inline void add_xsdt(unsigned count)
{
    make_root(XSDT, "XSDT", count, 8);
}

static inline void expect_reserved(paddr_t table)
{
    const struct memory_range *range = memory_map_find(&boot_info.memory, table);
    if (range && range->kind == MEMORY_USABLE) {
        fprintf(stderr, "the table at 0x%lx lies in usable memory\n", table);
        CHECK_TRUE(!"reserved");
    }
}

// A FADT of ACPI 2.0 with a DSDT that holds Name (_S5_, ...) and this package.
static inline void make_fadt(uint64_t dsdt, uint32_t length)
{
    uint8_t fadt[244] = {0};
    static const uint32_t pm1a = PM1A, pm1b = PM1B, smi = SMI_COMMAND;
    uint32_t dsdt32 = (uint32_t)dsdt;
    memcpy(fadt + 40 - 36, &dsdt32, 4);
    memcpy(fadt + 48 - 36, &smi, 4);
    fadt[52 - 36] = 0xf1;
    memcpy(fadt + 64 - 36, &pm1a, 4);
    memcpy(fadt + 68 - 36, &pm1b, 4);
    if (length >= 148)
        memcpy(fadt + 140 - 36, &dsdt, 8);
    make_table(FADT, "FACP", fadt, length - 36);
}

static inline size_t s5_aml(uint8_t *aml, const void *package, size_t size)
{
    static const uint8_t before[] = {0x10, 0x06, '\\', '_', 'S', 'B',
                                     '_',  0x08, '_',  'S', '5', '_'};
    memcpy(aml, before, sizeof(before));
    memcpy(aml + sizeof(before), package, size);
    return sizeof(before) + size;
}

static inline void make_s5_machine(const void *package, size_t size)
{
    uint8_t aml[64];
    static const uint64_t fadt = FADT;
    make_table(DSDT, "DSDT", aml, s5_aml(aml, package, size));
    make_fadt(DSDT, 244);
    make_table(XSDT, "XSDT", &fadt, sizeof(fadt));
    make_rsdp(memory + 0xf0000, 2, 0, XSDT);
}
