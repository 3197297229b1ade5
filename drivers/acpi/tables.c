// ACPI tables [ACPI 5.2].
//
// Table addresses come from firmware, and may lie anywhere: each is mapped to be read, its length
// checked against what a table can have, and its checksum, before any field is read.

#include "drivers/acpi/tables.h"
#include "drivers/acpi/fadt.h"
#include "drivers/acpi/rsdp.h"
#include "drivers/acpi/tables_priv.h"
#include "kernel/boot_info.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "mm/page.h"
#include "mm/vspace.h"

enum {
    TABLE_SIZE_MAX = 16 * 1024 * 1024, // DSDTs of large servers have about one
    SUMMED_MAX = 64 * 1024 * 1024,     // of all tables together
    TABLES_MAX = 256,
    REFUSED_MAX = 16, // that are remembered
};

// Sound ones only: the root first, then as it lists them, then the DSDT.
static const struct acpi_header *tables[TABLES_MAX];
static paddr_t addresses[TABLES_MAX];
static unsigned table_count;
static struct acpi_refused refused[REFUSED_MAX];
static unsigned refused_count;
static int rsdp_revision = ACPI_ABSENT;
static uint64_t summed; // bytes so far: hostile tables may be many, large and the same

// Eight sums of bytes side by side, with no carry from one to the next; tables are long.
bool acpi_sums_to_zero(const void *bytes, size_t size)
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

static void unmap(const struct acpi_header *header)
{
    if (header)
        vspace_unmap_physical(header);
}

// Says once why there is one table less. `header`, or NULL, may be unsound, but can be read.
static void refuse(paddr_t address, const struct acpi_header *header, const char *why)
{
    char name[ACPI_NAME_MAX] = "a table";
    if (header)
        acpi_name(header->signature, sizeof(header->signature), name);
    log_warn("acpi: %s at 0x%lx is left out: %s", name, address, why);
    if (refused_count == REFUSED_MAX)
        return;
    struct acpi_refused *one = &refused[refused_count++];
    one->address = address;
    one->why = why;
    memcpy(one->name, name, sizeof(name));
}

// What is wrong with a table whose header can be read; NULL: its bytes may be summed up.
static const char *length_fault(uint32_t length)
{
    if (length < sizeof(struct acpi_header))
        return "it is shorter than a header";
    if (length > TABLE_SIZE_MAX)
        return "it claims to be longer than any table";
    summed += length;
    return summed > SUMMED_MAX ? "there is too much to read" : NULL;
}

// Maps all of a table that may be summed up. Returns what is wrong with it; *header is then what of
// it can be read, or NULL.
static const char *map_table(paddr_t address, const struct acpi_header **header)
{
    size_t size;
    const void *whole;
    *header = map_start(address, &size);
    if (!*header)
        return "it is out of reach";
    uint32_t length = (*header)->length;
    const char *why = length_fault(length);
    if (why || length <= size)
        return why;
    if (vspace_map_firmware(address, length, "ACPI", &whole) != OK)
        return "it leads out of reach";
    unmap(*header);
    *header = whole;
    return (*header)->length == length ? NULL : "its length changes";
}

// The table at a physical address if it is sound, mapped for good; NULL, and a line in the log,
// where it isn't.
static const struct acpi_header *table_at(paddr_t address)
{
    const struct acpi_header *header;
    const char *why = map_table(address, &header);
    if (!why && !acpi_sums_to_zero(header, header->length))
        why = "its checksum is wrong";
    if (!why)
        return header;
    refuse(address, header, why);
    unmap(header);
    return NULL;
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
        refuse(address, header,
               status == NOT_FOUND ? "its memory is in use" : "there is no room for it");
        unmap(header);
        return NULL;
    }
    addresses[table_count] = address;
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

static void add_all(const struct rsdp *rsdp)
{
    const struct acpi_header *root = NULL;
    if (rsdp->revision >= 2 && acpi_sums_to_zero(rsdp, sizeof(*rsdp)))
        root = add_root(rsdp->xsdt, "XSDT");
    if (root)
        add_listed(root, 8);
    else if ((root = add_root(rsdp->rsdt, "RSDT")))
        add_listed(root, 4);
    else
        log_warn("acpi: neither XSDT nor RSDT is usable");
    add_dsdt();
}

void acpi_tables_init(void)
{
    struct rsdp rsdp;
    table_count = refused_count = 0;
    summed = 0;
    const char *found_by = rsdp_find(&rsdp);
    rsdp_revision = found_by ? rsdp.revision : ACPI_ABSENT;
    if (!found_by) {
        log_info("acpi: none");
        return;
    }
    add_all(&rsdp);
    log_info("acpi: revision %d, %u tables, found by %s", rsdp_revision, table_count, found_by);
}

int acpi_revision(void)
{
    return rsdp_revision;
}

unsigned acpi_table_count(void)
{
    return table_count;
}

const struct acpi_header *acpi_table(unsigned index, paddr_t *address)
{
    if (index >= table_count)
        return NULL;
    *address = addresses[index];
    return tables[index];
}

const struct acpi_refused *acpi_refused(unsigned index)
{
    return index < refused_count ? &refused[index] : NULL;
}

void acpi_name(const char *bytes, size_t length, char name[ACPI_NAME_MAX])
{
    size_t end = 0;
    for (size_t i = 0; i < length && i < ACPI_NAME_MAX - 1; i++) {
        name[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : bytes[i] ? '?' : ' ';
        if (name[i] != ' ')
            end = i + 1;
    }
    name[end] = 0;
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
