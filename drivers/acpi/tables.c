// ACPI tables [ACPI 5.2].
//
// Table addresses come from firmware: each is checked against the direct map, its length against
// what a table can have, and its checksum, before any field is read.

#include "drivers/acpi/tables.h"
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
    TABLES_MAX = 256,
    EBDA_SEGMENT = 0x40e, // in the BIOS data area
    BIOS_START = 0xe0000,
    BIOS_END = 0x100000,
};

static const struct acpi_header *root; // RSDT or XSDT, sound
static paddr_t root_address;
static unsigned root_entry_size;

static bool sums_to_zero(const void *bytes, size_t size)
{
    uint8_t sum = 0;
    for (const uint8_t *at = bytes; size--; at++)
        sum += *at;
    return sum == 0;
}

const struct acpi_header *acpi_table_at(paddr_t address)
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

static unsigned root_count(void)
{
    unsigned count = root ? (root->length - (unsigned)sizeof(*root)) / root_entry_size : 0;
    return count < TABLES_MAX ? count : TABLES_MAX;
}

static paddr_t root_entry(unsigned index)
{
    paddr_t address = 0;
    memcpy(&address, (const uint8_t *)(root + 1) + index * root_entry_size, root_entry_size);
    return address;
}

static void use_root(paddr_t address, const char signature[4], unsigned entry_size)
{
    const struct acpi_header *table = address ? acpi_table_at(address) : NULL;
    if (!table || memcmp(table->signature, signature, 4) != 0)
        return;
    root = table;
    root_address = address;
    root_entry_size = entry_size;
}

uint64_t acpi_field(const struct acpi_header *table, size_t offset, size_t size)
{
    uint64_t value = 0;
    if (offset + size <= table->length)
        memcpy(&value, (const uint8_t *)table + offset, size);
    return value;
}

static const struct acpi_header *find_listed(const char signature[4], unsigned index)
{
    for (unsigned i = 0; i < root_count(); i++) {
        const struct acpi_header *table = phys_to_virt(root_entry(i), sizeof(*table));
        if (!table || memcmp(table->signature, signature, 4) != 0)
            continue;
        table = acpi_table_at(root_entry(i));
        if (table && index-- == 0) // a broken one is as if it weren't there
            return table;
    }
    return NULL;
}

// Not listed by the root, but named by the FADT: by the wider of two fields if that one is right.
static paddr_t dsdt_address(void)
{
    enum { FADT_DSDT = 40, FADT_X_DSDT = 140 }; // [ACPI 5.2.9]
    const struct acpi_header *fadt = find_listed("FACP", 0);
    if (!fadt)
        return 0;
    paddr_t extended = acpi_field(fadt, FADT_X_DSDT, 8);
    return extended && acpi_table_at(extended) ? extended : acpi_field(fadt, FADT_DSDT, 4);
}

static void reserve(paddr_t address)
{
    const struct acpi_header *table = address ? acpi_table_at(address) : NULL;
    if (table)
        memory_map_add(&boot_info.memory, address, table->length, MEMORY_RECLAIM, UINT64_MAX);
}

void acpi_tables_init(void)
{
    const struct rsdp *rsdp = rsdp_find();
    if (!rsdp) {
        log_info("acpi: none");
        return;
    }
    bool extended = rsdp->revision >= 2 && sums_to_zero(rsdp, sizeof(*rsdp));
    if (extended)
        use_root(rsdp->xsdt, "XSDT", 8);
    if (!root)
        use_root(rsdp->rsdt, "RSDT", 4);
    if (!root) {
        log_warn("acpi: neither XSDT nor RSDT is usable");
        return;
    }
    reserve(root_address);
    for (unsigned i = 0; i < root_count(); i++)
        reserve(root_entry(i));
    reserve(dsdt_address());
    log_info("acpi: revision %u, %.4s with %u tables", rsdp->revision, root->signature,
             root_count());
}

const struct acpi_header *acpi_find(const char signature[4], unsigned index)
{
    if (memcmp(signature, "DSDT", 4) != 0)
        return find_listed(signature, index);
    return index == 0 && dsdt_address() ? acpi_table_at(dsdt_address()) : NULL;
}
