// ACPI tables [ACPI 5.2].
//
// Table addresses come from firmware: each is checked against the direct map, its length against
// what a table can have, and its checksum, before any field is read.

#include "drivers/acpi/tables.h"
#include "drivers/acpi/fadt.h"
#include "kernel/boot_info.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "mm/layout.h"

struct rsdp { // [ACPI 5.2.5.3]
    char signature[8];
    uint8_t checksum; // of the first 20 bytes
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length; // from here on: revision 2
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} packed;

_Static_assert(sizeof(struct rsdp) == 36, "[ACPI 5.2.5.3]");

enum {
    RSDP_V1_SIZE = 20,
    TABLE_SIZE_MAX = 16 * 1024 * 1024, // DSDTs of large servers have about one
    SUMMED_MAX = 64 * 1024 * 1024,     // of all tables together
    TABLES_MAX = 256,
    EBDA_SEGMENT = 0x40e, // in the BIOS data area
    BIOS_START = 0xe0000,
    BIOS_END = 0x100000,
};

static const struct acpi_header
    *tables[TABLES_MAX]; // sound ones only: the root first, then as it lists them, then the DSDT
static unsigned table_count;
static int rsdp_revision = ACPI_ABSENT;
static uint64_t summed; // bytes so far: hostile tables may be many, large and the same

static bool sums_to_zero(const void *bytes, size_t size)
{
    uint8_t sum = 0;
    for (const uint8_t *at = bytes; size--; at++)
        sum += *at;
    return sum == 0;
}

// The table at a physical address if it is sound; NULL, and a line in the log, where it isn't.
static const struct acpi_header *table_at(paddr_t address)
{
    const struct acpi_header *header = phys_to_virt(address, sizeof(*header));
    if (!address || !header) {
        log_warn("acpi: a table at 0x%lx is out of reach", address);
        return NULL;
    }
    uint32_t length = header->length;
    if (length < sizeof(*header) || length > TABLE_SIZE_MAX || !phys_to_virt(address, length)) {
        log_warn("acpi: the table at 0x%lx claims %u bytes", address, length);
        return NULL;
    }
    summed += length;
    if (summed > SUMMED_MAX) {
        log_warn("acpi: too much to read: the table at 0x%lx is left out", address);
        return NULL;
    }
    if (!sums_to_zero(header, length)) {
        log_warn("acpi: %.4s at 0x%lx has a wrong checksum", header->signature, address);
        return NULL;
    }
    return header;
}

static bool rsdp_is_sound(const struct rsdp *rsdp)
{
    return memcmp(rsdp->signature, "RSD PTR ", 8) == 0 && sums_to_zero(rsdp, RSDP_V1_SIZE);
}

static const struct rsdp *rsdp_scan(paddr_t start, paddr_t end)
{
    for (; start + RSDP_V1_SIZE <= end; start += 16) {
        const struct rsdp *rsdp = phys_to_virt(start, sizeof(*rsdp));
        if (rsdp && rsdp_is_sound(rsdp))
            return rsdp;
    }
    return NULL;
}

static const struct rsdp *rsdp_find(void)
{
    const struct rsdp *rsdp = (const struct rsdp *)boot_info.rsdp;
    if (boot_info.rsdp_length >= RSDP_V1_SIZE && rsdp_is_sound(rsdp))
        return rsdp;
    rsdp = phys_to_virt(boot_info.rsdp_address, sizeof(*rsdp));
    if (boot_info.rsdp_address && rsdp && rsdp_is_sound(rsdp))
        return rsdp;
    if (boot_info.efi.system_table)
        return NULL; // no BIOS area to scan
    uint16_t segment;
    memcpy(&segment, phys_to_virt(EBDA_SEGMENT, sizeof(segment)), sizeof(segment));
    paddr_t ebda = (paddr_t)segment << 4;
    rsdp = ebda ? rsdp_scan(ebda, ebda + 1024) : NULL;
    return rsdp ? rsdp : rsdp_scan(BIOS_START, BIOS_END);
}

// Keeps a table, and its memory from being used. Returns NULL where it isn't sound or finds no
// room.
static const struct acpi_header *add_table(paddr_t address)
{
    const struct acpi_header *header = address ? table_at(address) : NULL;
    if (!header || table_count == TABLES_MAX)
        return NULL;
    tables[table_count++] = header;
    memory_map_add(&boot_info.memory, address, header->length, MEMORY_RECLAIM, UINT64_MAX);
    return header;
}

static const struct acpi_header *add_root(paddr_t address, const char signature[4])
{
    const struct acpi_header *root = add_table(address);
    if (root && memcmp(root->signature, signature, 4) == 0)
        return root;
    table_count = 0;
    return NULL;
}

static void add_listed(const struct acpi_header *root, size_t entry_size)
{
    size_t count = (root->length - sizeof(*root)) / entry_size;
    for (size_t i = 0; i < count && i < TABLES_MAX; i++) {
        paddr_t address = 0;
        memcpy(&address, (const uint8_t *)(root + 1) + i * entry_size, entry_size);
        (void)add_table(address);
    }
}

// Not listed by the root, but named by the FADT: by the wider of two fields if that one is right.
static void add_dsdt(void)
{
    const struct acpi_header *fadt = acpi_find("FACP", 0);
    if (fadt && !add_table(acpi_field(fadt, FADT_X_DSDT, 8)))
        (void)add_table(acpi_field(fadt, FADT_DSDT, 4));
}

void acpi_tables_init(void)
{
    table_count = 0;
    summed = 0;
    rsdp_revision = ACPI_ABSENT;
    const struct rsdp *rsdp = rsdp_find();
    if (!rsdp) {
        log_info("acpi: none");
        return;
    }
    rsdp_revision = rsdp->revision;
    const struct acpi_header *root = NULL;
    if (rsdp->revision >= 2 && sums_to_zero(rsdp, sizeof(*rsdp)))
        root = add_root(rsdp->xsdt, "XSDT");
    if (root)
        add_listed(root, 8);
    else if ((root = add_root(rsdp->rsdt, "RSDT")))
        add_listed(root, 4);
    else
        log_warn("acpi: neither XSDT nor RSDT is usable");
    add_dsdt();
    log_info("acpi: revision %d, %u tables", rsdp_revision, table_count);
}

int acpi_revision(void)
{
    return rsdp_revision;
}

unsigned acpi_table_count(void)
{
    return table_count;
}

uint64_t acpi_field(const struct acpi_header *table, size_t offset, size_t size)
{
    uint64_t value = 0;
    if (offset + size <= table->length)
        memcpy(&value, (const uint8_t *)table + offset, size);
    return value;
}

const struct acpi_header *acpi_find(const char signature[4], unsigned index)
{
    for (unsigned i = 0; i < table_count; i++)
        if (memcmp(tables[i]->signature, signature, 4) == 0 && index-- == 0)
            return tables[i];
    return NULL;
}
