// What the loader has told us: copied out, checked, and the same for every loader.
//
// The parsers (kernel/multiboot2.h, kernel/pvh.h) fill it; everybody else only reads it. Text is
// always terminated. A field whose `present` flag or count is 0 was not given.
#pragma once

#include "lib/types.h"
#include "mm/memory_map.h"

enum {
    BOOT_COMMAND_LINE_MAX = 2048,
    BOOT_LOADER_NAME_MAX = 64,
    BOOT_MEMORY_ENTRIES_MAX = 4096, // of a loader's map, as it lists them
    BOOT_MODULES_MAX = 32,
    BOOT_MODULE_COMMAND_LINE_MAX = 512,
    BOOT_DHCP_MAX = 1500,
};

struct boot_module {
    paddr_t start, end; // end exclusive
    char command_line[BOOT_MODULE_COMMAND_LINE_MAX];
};

enum framebuffer_kind { FRAMEBUFFER_NONE, FRAMEBUFFER_INDEXED, FRAMEBUFFER_RGB, FRAMEBUFFER_TEXT };

struct boot_framebuffer {
    enum framebuffer_kind kind;
    paddr_t address;
    uint32_t pitch;         // bytes from one row to the next
    uint32_t width, height; // pixels; characters for FRAMEBUFFER_TEXT
    uint8_t bits_per_pixel;
    struct {
        uint8_t position, size; // in bits
    } red, green, blue;
    uint32_t palette_colors; // FRAMEBUFFER_INDEXED: number of colours that the loader has set
};

struct boot_vbe {
    bool present;
    uint16_t mode, interface_segment, interface_offset, interface_length;
    uint8_t control_info[512], mode_info[256];
};

struct boot_apm {
    bool present;
    uint16_t version, code_segment, code_segment_16, data_segment, flags;
    uint16_t code_length, code_16_length, data_length;
    uint32_t entry_offset;
};

struct boot_sections {
    uint32_t count, entry_size, names_index; // of the ELF section headers
};

struct boot_efi {
    bool boot_services_active; // the loader has left them running
    bool is_64_bit;
    paddr_t system_table, image_handle; // 0: not given
    uint32_t descriptor_size, descriptor_version, map_size;
};

struct boot_info {
    const char *protocol; // "Multiboot2", "PVH"; never NULL
    char loader_name[BOOT_LOADER_NAME_MAX];
    char command_line[BOOT_COMMAND_LINE_MAX];

    struct memory_map memory;
    uint32_t lower_kib,
        upper_kib; // as a BIOS counts: below 1 MiB, and from there to the first hole

    unsigned module_count;
    struct boot_module modules[BOOT_MODULES_MAX];

    struct {
        bool present;
        uint32_t drive, partition, subpartition; // 0xffffffff: none
    } boot_device;
    struct boot_framebuffer framebuffer;
    struct boot_vbe vbe;
    struct boot_apm apm;
    struct boot_sections sections;
    struct boot_efi efi;
    struct {
        uint32_t length; // 0: not given
        uint8_t major, minor, entry_point[64];
    } smbios;
    uint32_t rsdp_length; // 20 or 36 bytes copied; 0: not given
    uint8_t rsdp[36];
    bool has_old_rsdp; // the loader has given one of ACPI 1.0, be it besides a newer one
    uint8_t old_rsdp[20];
    paddr_t rsdp_address; // where the loader says it stands, when it gives no copy (PVH)
    uint32_t dhcp_length;
    uint8_t dhcp_ack[BOOT_DHCP_MAX];
    struct {
        bool present;
        uint32_t address;
    } load_base;

    paddr_t info_start, info_end; // the loader's own structure
    unsigned complaints;          // what was wrong with it, as counted by the parser
};

extern struct boot_info boot_info;

// Reads the information that the entry stub was handed. `magic` says which loader it was. Fills
// boot_info as far as it can be trusted, reserves what must not be allocated, and logs what is
// wrong; what is missing stays empty. Never fails: the monitor starts on an empty structure too.
void boot_info_init(uint32_t magic, paddr_t info);

// For the parsers: a line in the log for something wrong, at most BOOT_COMPLAINTS_MAX of them.
enum { BOOT_COMPLAINTS_MAX = 16 };
void boot_complain(struct boot_info *boot, const char *format, ...) printf_like(2, 3);

// For the parsers: one more module, or a complaint where it makes no sense or finds no room.
void boot_add_module(struct boot_info *boot, paddr_t start, paddr_t end, const char *command_line,
                     size_t length);
