// The Multiboot2 information structure [MB2 3.6]: a walk over tags, and a table with one reader for
// each tag. A reader sees a tag that is at least as long as the table says and lies wholly inside
// the structure; everything else is its own to check.

#include "kernel/multiboot2.h"
#include "arch/arch.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/layout.h"

struct tag {
    uint32_t type, size; // size with this header, without the padding to 8 bytes
    uint8_t payload[];
};

enum tag_type {
    TAG_END,
    TAG_COMMAND_LINE,
    TAG_LOADER_NAME,
    TAG_MODULE,
    TAG_BASIC_MEMORY,
    TAG_BOOT_DEVICE,
    TAG_MEMORY_MAP,
    TAG_VBE,
    TAG_FRAMEBUFFER,
    TAG_ELF_SECTIONS,
    TAG_APM,
    TAG_EFI32,
    TAG_EFI64,
    TAG_SMBIOS,
    TAG_ACPI_OLD,
    TAG_ACPI_NEW,
    TAG_NETWORK,
    TAG_EFI_MEMORY_MAP,
    TAG_EFI_BOOT_SERVICES,
    TAG_EFI32_IMAGE,
    TAG_EFI64_IMAGE,
    TAG_LOAD_BASE,
    TAG_TYPES
};

static size_t payload_size(const struct tag *tag)
{
    return tag->size - sizeof(struct tag);
}

static uint32_t word(const struct tag *tag, unsigned index)
{
    uint32_t value;
    memcpy(&value, tag->payload + index * sizeof(value), sizeof(value));
    return value;
}

static uint16_t half(const struct tag *tag, unsigned index)
{
    uint16_t value;
    memcpy(&value, tag->payload + index * sizeof(value), sizeof(value));
    return value;
}

static uint64_t quad(const struct tag *tag, size_t offset)
{
    uint64_t value;
    memcpy(&value, tag->payload + offset, sizeof(value));
    return value;
}

static void read_command_line(const struct tag *tag, struct boot_info *boot)
{
    if (!string_copy(boot->command_line, sizeof(boot->command_line), (const char *)tag->payload,
                     payload_size(tag)))
        boot_complain(boot, "the command line was cut at %d characters", BOOT_COMMAND_LINE_MAX - 1);
}

static void read_loader_name(const struct tag *tag, struct boot_info *boot)
{
    (void)string_copy(boot->loader_name, sizeof(boot->loader_name), (const char *)tag->payload,
                      payload_size(tag));
}

static void read_module(const struct tag *tag, struct boot_info *boot)
{
    boot_add_module(boot, word(tag, 0), word(tag, 1), (const char *)tag->payload + 8,
                    payload_size(tag) - 8);
}

static void read_basic_memory(const struct tag *tag, struct boot_info *boot)
{
    boot->lower_kib = word(tag, 0);
    boot->upper_kib = word(tag, 1);
}

static void read_boot_device(const struct tag *tag, struct boot_info *boot)
{
    boot->boot_device.present = true;
    boot->boot_device.drive = word(tag, 0);
    boot->boot_device.partition = word(tag, 1);
    boot->boot_device.subpartition = word(tag, 2);
}

// How many entries a table of `size` bytes holds, bounded; 0 and a complaint where the entry's size
// is impossible.
static size_t entry_count(struct boot_info *boot, const char *what, size_t size, size_t entry_size,
                          size_t least)
{
    if (entry_size < least || entry_size % 8) {
        boot_complain(boot, "%s with entries of %zu bytes", what, entry_size);
        return 0;
    }
    size_t count = size / entry_size;
    if (count <= BOOT_MEMORY_ENTRIES_MAX)
        return count;
    boot_complain(boot, "%s of %zu entries: only %d are read", what, count,
                  BOOT_MEMORY_ENTRIES_MAX);
    return BOOT_MEMORY_ENTRIES_MAX;
}

static void read_memory_map(const struct tag *tag, struct boot_info *boot)
{
    enum { HEADER = 8, ENTRY = 24 };
    size_t entry_size = word(tag, 0);
    size_t count = entry_count(boot, "a memory map", payload_size(tag) - HEADER, entry_size, ENTRY);
    for (size_t i = 0; i < count; i++) {
        size_t at = HEADER + i * entry_size;
        memory_map_add(&boot->memory, quad(tag, at), quad(tag, at + 8),
                       memory_kind_from_e820((uint32_t)quad(tag, at + 16)), arch_physical_limit());
    }
}

static void read_vbe(const struct tag *tag, struct boot_info *boot)
{
    struct boot_vbe *vbe = &boot->vbe;
    vbe->present = true;
    vbe->mode = half(tag, 0);
    vbe->interface_segment = half(tag, 1);
    vbe->interface_offset = half(tag, 2);
    vbe->interface_length = half(tag, 3);
    memcpy(vbe->control_info, tag->payload + 8, sizeof(vbe->control_info));
    memcpy(vbe->mode_info, tag->payload + 8 + sizeof(vbe->control_info), sizeof(vbe->mode_info));
}

static bool mask_fits(unsigned position, unsigned size, unsigned bits)
{
    return size > 0 && size <= 16 && position + size <= bits;
}

static bool read_colors(const struct tag *tag, struct boot_framebuffer *screen)
{
    enum { COLORS = 24 }; // offset in the payload
    size_t room = payload_size(tag);
    switch (screen->kind) {
    case FRAMEBUFFER_RGB:
        if (room < COLORS + 6)
            return false;
        memcpy(&screen->red, tag->payload + COLORS, 2);
        memcpy(&screen->green, tag->payload + COLORS + 2, 2);
        memcpy(&screen->blue, tag->payload + COLORS + 4, 2);
        return mask_fits(screen->red.position, screen->red.size, screen->bits_per_pixel) &&
               mask_fits(screen->green.position, screen->green.size, screen->bits_per_pixel) &&
               mask_fits(screen->blue.position, screen->blue.size, screen->bits_per_pixel);
    case FRAMEBUFFER_INDEXED:
        if (room < COLORS + 2)
            return false;
        screen->palette_colors = half(tag, COLORS / 2);
        return screen->palette_colors <= 256 && screen->palette_colors * 3 <= room - COLORS - 2;
    default:
        return true;
    }
}

static bool geometry_is_possible(const struct boot_framebuffer *screen)
{
    enum { SIDE_MAX = 32768, PITCH_MAX = 4 * SIDE_MAX };
    unsigned bits = screen->bits_per_pixel;
    if (!screen->width || !screen->height || screen->width > SIDE_MAX ||
        screen->height > SIDE_MAX || screen->pitch > PITCH_MAX)
        return false;
    if (screen->kind != FRAMEBUFFER_TEXT && bits != 8 && bits != 15 && bits != 16 && bits != 24 &&
        bits != 32)
        return false;
    uint32_t cell = screen->kind == FRAMEBUFFER_TEXT ? 2 : (bits + 7) / 8;
    uint64_t size = (uint64_t)screen->pitch * screen->height;
    return screen->pitch >= screen->width * cell && screen->address &&
           screen->address < arch_physical_limit() &&
           size <= arch_physical_limit() - screen->address;
}

static void read_framebuffer(const struct tag *tag, struct boot_info *boot)
{
    static const enum framebuffer_kind kinds[] = {FRAMEBUFFER_INDEXED, FRAMEBUFFER_RGB,
                                                  FRAMEBUFFER_TEXT};
    uint8_t kind = tag->payload[21];
    struct boot_framebuffer screen = {
        .kind = kind < ARRAY_SIZE(kinds) ? kinds[kind] : FRAMEBUFFER_NONE,
        .address = quad(tag, 0),
        .pitch = word(tag, 2),
        .width = word(tag, 3),
        .height = word(tag, 4),
        .bits_per_pixel = tag->payload[20],
    };
    if (screen.kind != FRAMEBUFFER_NONE && geometry_is_possible(&screen) &&
        read_colors(tag, &screen))
        boot->framebuffer = screen;
    else
        boot_complain(
            boot, "a framebuffer that can't be used: type %u, %ux%ux%u, pitch %u, at 0x%lx", kind,
            screen.width, screen.height, screen.bits_per_pixel, screen.pitch, screen.address);
}

static void read_elf_sections(const struct tag *tag, struct boot_info *boot)
{
    uint64_t count = word(tag, 0), entry_size = word(tag, 1), names = word(tag, 2);
    if (count * entry_size > payload_size(tag) - 12 || (names && names >= count)) {
        boot_complain(boot, "%lu ELF section headers of %lu bytes don't fit their tag", count,
                      entry_size);
        return;
    }
    boot->sections.count = (uint32_t)count;
    boot->sections.entry_size = (uint32_t)entry_size;
    boot->sections.names_index = (uint32_t)names;
}

static void read_apm(const struct tag *tag, struct boot_info *boot)
{
    boot->apm = (struct boot_apm){
        .present = true,
        .version = half(tag, 0),
        .code_segment = half(tag, 1),
        .entry_offset = word(tag, 1),
        .code_segment_16 = half(tag, 4),
        .data_segment = half(tag, 5),
        .flags = half(tag, 6),
        .code_length = half(tag, 7),
        .code_16_length = half(tag, 8),
        .data_length = half(tag, 9),
    };
}

static void read_efi32(const struct tag *tag, struct boot_info *boot)
{
    boot->efi.system_table = word(tag, 0);
    boot->efi.is_64_bit = false;
}

static void read_efi64(const struct tag *tag, struct boot_info *boot)
{
    boot->efi.system_table = quad(tag, 0);
    boot->efi.is_64_bit = true;
}

static void read_smbios(const struct tag *tag, struct boot_info *boot)
{
    enum { HEADER = 8 };
    size_t size = payload_size(tag) - HEADER;
    if (size > sizeof(boot->smbios.entry_point))
        size = sizeof(boot->smbios.entry_point);
    boot->smbios.major = tag->payload[0];
    boot->smbios.minor = tag->payload[1];
    boot->smbios.length = (uint32_t)size;
    memcpy(boot->smbios.entry_point, tag->payload + HEADER, size);
}

// The older one has 20 bytes [ACPI 5.2.5.3]; the newer one says more and wins. The older one is
// kept all the same: whether the newer one is sound isn't looked at here.
static void read_old_rsdp(const struct tag *tag, struct boot_info *boot)
{
    memcpy(boot->old_rsdp, tag->payload, sizeof(boot->old_rsdp));
    boot->has_old_rsdp = true;
    if (boot->rsdp_length)
        return;
    memcpy(boot->rsdp, tag->payload, sizeof(boot->old_rsdp));
    boot->rsdp_length = sizeof(boot->old_rsdp);
}

static void read_new_rsdp(const struct tag *tag, struct boot_info *boot)
{
    memcpy(boot->rsdp, tag->payload, sizeof(boot->rsdp));
    boot->rsdp_length = sizeof(boot->rsdp);
}

static void read_network(const struct tag *tag, struct boot_info *boot)
{
    size_t size = payload_size(tag);
    if (size > sizeof(boot->dhcp_ack))
        size = sizeof(boot->dhcp_ack);
    memcpy(boot->dhcp_ack, tag->payload, size);
    boot->dhcp_length = (uint32_t)size;
}

static void read_efi_memory_map(const struct tag *tag, struct boot_info *boot)
{
    boot->efi.descriptor_size = word(tag, 0);
    boot->efi.descriptor_version = word(tag, 1);
    boot->efi.map_size = (uint32_t)payload_size(tag) - 8;
}

static void read_boot_services(const struct tag *tag, struct boot_info *boot)
{
    (void)tag;
    boot->efi.boot_services_active = true;
}

static void read_efi32_image(const struct tag *tag, struct boot_info *boot)
{
    boot->efi.image_handle = word(tag, 0);
}

static void read_efi64_image(const struct tag *tag, struct boot_info *boot)
{
    boot->efi.image_handle = quad(tag, 0);
}

static void read_load_base(const struct tag *tag, struct boot_info *boot)
{
    boot->load_base.present = true;
    boot->load_base.address = word(tag, 0);
}

static const struct {
    uint32_t least; // payload bytes
    void (*read)(const struct tag *tag, struct boot_info *boot);
} readers[TAG_TYPES] = {
    [TAG_COMMAND_LINE] = {0, read_command_line},
    [TAG_LOADER_NAME] = {0, read_loader_name},
    [TAG_MODULE] = {8, read_module},
    [TAG_BASIC_MEMORY] = {8, read_basic_memory},
    [TAG_BOOT_DEVICE] = {12, read_boot_device},
    [TAG_MEMORY_MAP] = {8, read_memory_map},
    [TAG_VBE] = {8 + 512 + 256, read_vbe},
    [TAG_FRAMEBUFFER] = {22, read_framebuffer},
    [TAG_ELF_SECTIONS] = {12, read_elf_sections},
    [TAG_APM] = {20, read_apm},
    [TAG_EFI32] = {4, read_efi32},
    [TAG_EFI64] = {8, read_efi64},
    [TAG_SMBIOS] = {8, read_smbios},
    [TAG_ACPI_OLD] = {20, read_old_rsdp},
    [TAG_ACPI_NEW] = {36, read_new_rsdp},
    [TAG_NETWORK] = {0, read_network},
    [TAG_EFI_MEMORY_MAP] = {8, read_efi_memory_map},
    [TAG_EFI_BOOT_SERVICES] = {0, read_boot_services},
    [TAG_EFI32_IMAGE] = {4, read_efi32_image},
    [TAG_EFI64_IMAGE] = {8, read_efi64_image},
    [TAG_LOAD_BASE] = {4, read_load_base},
};

static enum memory_kind kind_from_efi(uint32_t type, bool boot_services_active)
{
    switch (type) { // [UEFI 7.2]
    case 3:         // boot services code
    case 4:         // boot services data
        return boot_services_active ? MEMORY_FIRMWARE : MEMORY_USABLE;
    case 1: // loader code
    case 2: // loader data
    case 7: // conventional
        return MEMORY_USABLE;
    case 5:  // runtime services code
    case 6:  // runtime services data
    case 10: // ACPI non-volatile storage
        return MEMORY_FIRMWARE;
    case 8:
        return MEMORY_BAD;
    case 9:
        return MEMORY_RECLAIM;
    case 14:
        return MEMORY_PERSISTENT;
    default:
        return MEMORY_RESERVED;
    }
}

static void use_efi_memory_map(const struct tag *tag, struct boot_info *boot)
{
    enum { HEADER = 8, DESCRIPTOR = 40 };
    size_t entry_size = boot->efi.descriptor_size;
    size_t count =
        entry_count(boot, "an EFI memory map", payload_size(tag) - HEADER, entry_size, DESCRIPTOR);
    for (size_t i = 0; i < count; i++) {
        size_t at = HEADER + i * entry_size;
        uint64_t pages = quad(tag, at + 24);
        uint64_t size = pages > UINT64_MAX / PAGE_SIZE ? UINT64_MAX : pages * PAGE_SIZE;
        enum memory_kind kind =
            kind_from_efi((uint32_t)quad(tag, at), boot->efi.boot_services_active);
        memory_map_add(&boot->memory, quad(tag, at + 8), size, kind, arch_physical_limit());
    }
}

// Where the loader gave no map of the usual kind, the next best source that it did give.
static void complete_memory(const struct tag *const *seen, struct boot_info *boot)
{
    if (!boot->memory.count && seen[TAG_EFI_MEMORY_MAP])
        use_efi_memory_map(seen[TAG_EFI_MEMORY_MAP], boot);
    if (!boot->memory.count && seen[TAG_BASIC_MEMORY]) {
        boot_complain(boot, "no memory map: going by the BIOS's two sizes");
        memory_map_add(&boot->memory, 0, boot->lower_kib * 1024ull, MEMORY_USABLE, 0xa0000);
        memory_map_add(&boot->memory, 0x100000, boot->upper_kib * 1024ull, MEMORY_USABLE,
                       arch_physical_limit());
    }
}

static void read_tag(const struct tag *tag, const struct tag **seen, struct boot_info *boot)
{
    if (tag->type >= TAG_TYPES)
        return; // newer than us
    if (payload_size(tag) < readers[tag->type].least) {
        boot_complain(boot, "tag %u of %u bytes is too short", tag->type, tag->size);
        return;
    }
    if (seen[tag->type] && tag->type != TAG_MODULE) {
        boot_complain(boot, "tag %u comes twice: the second is ignored", tag->type);
        return;
    }
    seen[tag->type] = tag;
    readers[tag->type].read(tag, boot);
}

enum status multiboot2_parse(paddr_t address, struct boot_info *boot)
{
    boot->protocol = "Multiboot2";
    struct {
        uint32_t total_size, reserved;
    } header;
    const void *start = phys_to_virt(address, sizeof(header));
    if (!start || !is_aligned(address, 8))
        return MALFORMED;
    memcpy(&header, start, sizeof(header));
    uint32_t size = header.total_size;
    const uint8_t *info = phys_to_virt(address, size);
    if (size < sizeof(header) + sizeof(struct tag) || size > MULTIBOOT2_SIZE_MAX || !info)
        return MALFORMED;
    boot->info_start = address;
    boot->info_end = address + size;

    const struct tag *seen[TAG_TYPES] = {NULL};
    uint32_t at = sizeof(header);
    for (;;) {
        const struct tag *tag = (const struct tag *)(info + at);
        if (size - at < sizeof(*tag)) {
            boot_complain(boot, "the information ends without an end tag");
            break;
        }
        if (tag->type == TAG_END)
            break;
        if (tag->size < sizeof(*tag) || tag->size > size - at) {
            boot_complain(boot, "tag %u of %u bytes at offset %u breaks the list", tag->type,
                          tag->size, at);
            break;
        }
        read_tag(tag, seen, boot);
        at = (uint32_t)align_up(at + tag->size, 8);
        at = at > size ? size : at;
    }
    complete_memory(seen, boot);
    return OK;
}
