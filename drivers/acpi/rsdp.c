// Where ACPI's tables begin [ACPI 5.2.5]: by the loader's copies, by an address that it gives, by
// the EFI system table, or, where there is no EFI, by a search through the BIOS's memory.

#include "drivers/acpi/rsdp.h"
#include "drivers/acpi/tables_priv.h"
#include "kernel/boot_info.h"
#include "lib/string.h"
#include "mm/vspace.h"

enum {
    RSDP_V1_SIZE = 20,
    EBDA_SEGMENT = 0x40e, // in the BIOS data area
    BIOS_START = 0xe0000,
    BIOS_END = 0x100000,
};

// Copies the one at `bytes` if it is sound; there may be room for an old one only.
static bool take(const uint8_t *bytes, size_t room, struct rsdp *found)
{
    *found = (struct rsdp){.signature = ""};
    memcpy(found, bytes, room < sizeof(*found) ? room : sizeof(*found));
    return room >= RSDP_V1_SIZE && memcmp(found->signature, "RSD PTR ", 8) == 0 &&
           acpi_sums_to_zero(found, RSDP_V1_SIZE);
}

// Takes the first sound one that begins in [start, end) at a multiple of `step`.
static bool scan(paddr_t start, size_t size, size_t step, struct rsdp *found)
{
    const void *mapped;
    if (vspace_map_firmware(start, size, "RSDP", &mapped) != OK)
        return false;
    bool is_sound = false;
    for (size_t at = 0; at < size && !is_sound; at += step)
        is_sound = take((const uint8_t *)mapped + at, size - at, found);
    vspace_unmap_physical(mapped);
    return is_sound;
}

static bool take_at(paddr_t address, struct rsdp *found)
{
    return address && scan(address, sizeof(*found), sizeof(*found), found);
}

// --- EFI
// ------------------------------------------------------------------------------------------

// The system table and the configuration table's entries, for both sizes of pointers
// [UEFI 4.3, 4.6].
struct efi_layout {
    size_t size, count, table; // of the system table, and offsets in it
    size_t pointer;            // bytes
};

enum { GUID_SIZE = 16, EFI_ENTRIES_MAX = 1024 };

static const uint8_t guid_acpi_2[GUID_SIZE] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                               0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
static const uint8_t guid_acpi_1[GUID_SIZE] = {0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
                                               0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};

static uint64_t pointer_at(const uint8_t *bytes, size_t size)
{
    uint64_t pointer = 0;
    memcpy(&pointer, bytes, size);
    return pointer;
}

// Where the configuration table is, and how many entries it has; 0: there is none.
static paddr_t find_configuration(const struct efi_layout *layout, uint64_t *count)
{
    const void *mapped;
    paddr_t table = 0;
    if (vspace_map_firmware(boot_info.efi.system_table, layout->size, "EFI", &mapped) != OK)
        return 0;
    if (memcmp(mapped, "IBI SYST", 8) == 0) {
        *count = pointer_at((const uint8_t *)mapped + layout->count, layout->pointer);
        table = pointer_at((const uint8_t *)mapped + layout->table, layout->pointer);
    }
    vspace_unmap_physical(mapped);
    return *count <= EFI_ENTRIES_MAX ? table : 0;
}

static paddr_t find_guid(const uint8_t *entries, uint64_t count, size_t pointer,
                         const uint8_t guid[GUID_SIZE])
{
    size_t size = GUID_SIZE + pointer;
    for (uint64_t i = 0; i < count; i++)
        if (memcmp(entries + i * size, guid, GUID_SIZE) == 0)
            return pointer_at(entries + i * size + GUID_SIZE, pointer);
    return 0;
}

static bool find_by_efi(struct rsdp *found)
{
    static const struct efi_layout layout32 = {72, 64, 68, 4}, layout64 = {120, 104, 112, 8};
    const struct efi_layout *layout = boot_info.efi.is_64_bit ? &layout64 : &layout32;
    uint64_t count = 0;
    paddr_t table = find_configuration(layout, &count);
    const void *mapped;
    if (!table || !count ||
        vspace_map_firmware(table, count * (GUID_SIZE + layout->pointer), "EFI", &mapped) != OK)
        return false;
    paddr_t newer = find_guid(mapped, count, layout->pointer, guid_acpi_2);
    paddr_t older = find_guid(mapped, count, layout->pointer, guid_acpi_1);
    vspace_unmap_physical(mapped);
    return take_at(newer, found) || take_at(older, found);
}

// --- The BIOS
// -------------------------------------------------------------------------------------

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

static bool find_in_bios(struct rsdp *found)
{
    enum { STEP = 16, EBDA_SIZE = 1024 };
    paddr_t ebda = ebda_start();
    return (ebda && scan(ebda, EBDA_SIZE, STEP, found)) ||
           scan(BIOS_START, BIOS_END - BIOS_START, STEP, found);
}

const char *rsdp_find(struct rsdp *found)
{
    const struct boot_info *boot = &boot_info;
    if (take(boot->rsdp, boot->rsdp_length, found))
        return "the loader's copy";
    if (boot->has_old_rsdp && take(boot->old_rsdp, sizeof(boot->old_rsdp), found))
        return "the loader's older copy";
    if (take_at(boot->rsdp_address, found))
        return "the loader's word";
    if (boot->efi.system_table)
        return find_by_efi(found) ? "EFI" : NULL;
    return find_in_bios(found) ? "a search" : NULL;
}
