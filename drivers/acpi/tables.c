// ACPI tables [ACPI 5.2].
//
// Table addresses come from firmware, and may lie anywhere: each is mapped to be read, its length
// checked against what a table can have, and its checksum, before any field is read.

#include "drivers/acpi/tables.h"
#include "drivers/acpi/fadt.h"
#include "kernel/boot_info.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/vspace.h"

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

// Eight sums of bytes side by side, with no carry from one to the next; tables are long.
static bool sums_to_zero(const void *bytes, size_t size)
{
    const uint64_t low_bits = 0x7f7f7f7f7f7f7f7f;
    const uint8_t *at = bytes;
    uint64_t sums = 0, word;
    for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
        __builtin_memcpy(&word, at, sizeof(word));
        sums = ((sums & low_bits) + (word & low_bits)) ^ ((sums ^ word) & ~low_bits);
    }
    uint8_t sum = 0;
    for (; sums; sums >>= 8)
        sum += (uint8_t)sums;
    while (size--)
        sum += *at++;
    return sum == 0;
}

// Maps a table as far as it lies in its first page, which is all of most, but at least the header.
static const struct acpi_header *map_start(paddr_t address, size_t *size)
{
    const void *mapped;
    *size = PAGE_SIZE - address % PAGE_SIZE;
    if (*size < sizeof(struct acpi_header))
        *size = sizeof(struct acpi_header);
    if (!address || vspace_map_firmware(address, *size, "ACPI", &mapped) != OK)
        return NULL;
    return mapped;
}

static const struct acpi_header *map_whole(paddr_t address, uint32_t length)
{
    const void *mapped;
    if (vspace_map_firmware(address, length, "ACPI", &mapped) == OK)
        return mapped;
    log_warn("acpi: the table at 0x%lx leads out of reach", address);
    return NULL;
}

// Maps a table that may be summed up. NULL, and a line in the log, where it may not.
static const struct acpi_header *map_table(paddr_t address)
{
    size_t size;
    const struct acpi_header *start = map_start(address, &size);
    uint32_t length = start ? start->length : 0;
    if (!start)
        log_warn("acpi: a table at 0x%lx is out of reach", address);
    else if (length < sizeof(struct acpi_header) || length > TABLE_SIZE_MAX)
        log_warn("acpi: the table at 0x%lx claims %u bytes", address, length);
    else if ((summed += length) > SUMMED_MAX)
        log_warn("acpi: too much to read: the table at 0x%lx is left out", address);
    else if (length <= size)
        return start;
    else
        size = 0;
    if (start)
        vspace_unmap_physical(start);
    return size ? NULL : map_whole(address, length);
}

// The table at a physical address if it is sound, mapped for good; NULL where it isn't.
static const struct acpi_header *table_at(paddr_t address)
{
    const struct acpi_header *header = map_table(address);
    if (!header || sums_to_zero(header, header->length))
        return header;
    log_warn("acpi: %.4s at 0x%lx has a wrong checksum", header->signature, address);
    vspace_unmap_physical(header);
    return NULL;
}

static bool rsdp_is_sound(const struct rsdp *rsdp)
{
    return memcmp(rsdp->signature, "RSD PTR ", 8) == 0 && sums_to_zero(rsdp, RSDP_V1_SIZE);
}

// Copies the first sound one in [start, end), which may have room for an old one only.
static bool rsdp_scan(paddr_t start, paddr_t end, struct rsdp *found)
{
    const void *mapped;
    if (vspace_map_firmware(start, end - start, "RSDP", &mapped) != OK)
        return false;
    bool is_sound = false;
    for (size_t at = 0; at + RSDP_V1_SIZE <= end - start && !is_sound; at += 16) {
        size_t left = end - start - at;
        *found = (struct rsdp){.signature = ""};
        memcpy(found, (const uint8_t *)mapped + at, left < sizeof(*found) ? left : sizeof(*found));
        is_sound = rsdp_is_sound(found);
    }
    vspace_unmap_physical(mapped);
    return is_sound;
}

// The extended BIOS data area; 0 where there is none.
static paddr_t ebda_start(void)
{
    const void *mapped;
    uint16_t segment = 0;
    if (vspace_map_firmware(EBDA_SEGMENT, sizeof(segment), "BIOS", &mapped) != OK)
        return 0;
    memcpy(&segment, mapped, sizeof(segment));
    vspace_unmap_physical(mapped);
    return (paddr_t)segment << 4;
}

static bool rsdp_find(struct rsdp *found)
{
    memcpy(found, boot_info.rsdp, sizeof(*found));
    if (boot_info.rsdp_length >= RSDP_V1_SIZE && rsdp_is_sound(found))
        return true;
    paddr_t given = boot_info.rsdp_address;
    if (given && given < UINT64_MAX - sizeof(*found) &&
        rsdp_scan(given, given + sizeof(*found), found))
        return true;
    if (boot_info.efi.system_table)
        return false; // no BIOS area to scan
    paddr_t ebda = ebda_start();
    return (ebda && rsdp_scan(ebda, ebda + 1024, found)) || rsdp_scan(BIOS_START, BIOS_END, found);
}

static bool is_usable(paddr_t page)
{
    const struct memory_range *range = memory_map_find(&boot_info.memory, page);
    return range && range->kind == MEMORY_USABLE;
}

// Firmware may have its tables in memory that it calls usable. NOT_FOUND where that has been given
// out already, and may be anything by now. At either end a page may be another table's as well.
static enum status keep_memory(paddr_t address, uint32_t length)
{
    paddr_t start = align_down(address, PAGE_SIZE), end = align_up(address + length, PAGE_SIZE);
    while (start < end && !is_usable(start))
        start += PAGE_SIZE;
    while (start < end && !is_usable(end - PAGE_SIZE))
        end -= PAGE_SIZE;
    return start < end ? page_withhold(start, end, MEMORY_RECLAIM) : OK;
}

// Keeps a table, and its memory from being used. Returns NULL where it isn't sound, or can't be
// kept.
static const struct acpi_header *add_table(paddr_t address)
{
    const struct acpi_header *header = address ? table_at(address) : NULL;
    if (!header)
        return NULL;
    enum status status =
        table_count == TABLES_MAX ? NO_MEMORY : keep_memory(address, header->length);
    if (status != OK) {
        log_warn("acpi: %.4s at 0x%lx is left out: %s", header->signature, address,
                 status == NOT_FOUND ? "its memory is in use" : status_name(status));
        vspace_unmap_physical(header);
        return NULL;
    }
    tables[table_count++] = header;
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
    struct rsdp rsdp;
    if (!rsdp_find(&rsdp)) {
        log_info("acpi: none");
        return;
    }
    rsdp_revision = rsdp.revision;
    const struct acpi_header *root = NULL;
    if (rsdp.revision >= 2 && sums_to_zero(&rsdp, sizeof(rsdp)))
        root = add_root(rsdp.xsdt, "XSDT");
    if (root)
        add_listed(root, 8);
    else if ((root = add_root(rsdp.rsdt, "RSDT")))
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
