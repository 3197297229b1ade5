// Commands that show what the loader has told and what the machine is.

#include "arch/x86_64/cpuid.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "monitor/command.h"

static void show_framebuffer(const struct boot_framebuffer *screen)
{
    static const char *const kinds[] = {"none", "indexed", "RGB", "text"};
    if (screen->kind == FRAMEBUFFER_NONE)
        print("  screen:   none\n");
    else
        print("  screen:   %ux%u, %u bits, %s, pitch %u, at 0x%lx\n", screen->width, screen->height,
              screen->bits_per_pixel, kinds[screen->kind], screen->pitch, screen->address);
}

static void show_firmware(const struct boot_info *boot)
{
    if (boot->efi.system_table)
        print("  firmware: UEFI, %d bits, system table at 0x%lx%s\n", boot->efi.is_64_bit ? 64 : 32,
              boot->efi.system_table,
              boot->efi.boot_services_active ? ", boot services still active" : "");
    else
        print("  firmware: BIOS, or not said\n");
    if (boot->rsdp_length)
        print("  ACPI:     RSDP revision %u, by the loader's copy\n", boot->rsdp[15]);
    else if (boot->rsdp_address)
        print("  ACPI:     RSDP at 0x%lx\n", boot->rsdp_address);
    if (boot->smbios.length)
        print("  SMBIOS:   %u.%u\n", boot->smbios.major, boot->smbios.minor);
    if (boot->vbe.present)
        print("  VBE:      mode 0x%x\n", boot->vbe.mode);
    if (boot->apm.present)
        print("  APM:      version 0x%x\n", boot->apm.version);
    if (boot->boot_device.present)
        print("  booted from BIOS drive 0x%x, partition %d\n", boot->boot_device.drive,
              (int)boot->boot_device.partition);
    if (boot->dhcp_length)
        print("  network:  a DHCP answer of %u bytes\n", boot->dhcp_length);
}

COMMAND(boot, "", "what the loader has told", "boot")
{
    const struct boot_info *boot = &boot_info;
    if (argc > 1)
        return BAD_ARGUMENT;
    print("  loader:   %s, by %s\n", boot->loader_name[0] ? boot->loader_name : "(no name)",
          boot->protocol);
    print("  command line: ");
    print_text(boot->command_line);
    print("\n");
    print("  information: 0x%lx to 0x%lx, %u complaints\n", boot->info_start, boot->info_end,
          boot->complaints);
    print("  kernel:   0x%lx to 0x%lx, slide 0x%lx\n", kernel_image_phys(kernel_image_start),
          kernel_image_phys(kernel_image_end), kernel_slide);
    show_framebuffer(&boot->framebuffer);
    show_firmware(boot);
    for (unsigned i = 0; i < boot->module_count; i++)
        print("  module %u: 0x%lx to 0x%lx: %s\n", i, boot->modules[i].start, boot->modules[i].end,
              boot->modules[i].command_line);
    return OK;
}

COMMAND(cpuid, "LEAF [SUBLEAF]", "what CPUID says, leaf by leaf", "cpuid 0x80000001")
{
    uint64_t leaf, subleaf = 0;
    if (argc < 2 || argc > 3)
        return BAD_ARGUMENT;
    if (!command_number(argv[1], &leaf) || (argc == 3 && !command_number(argv[2], &subleaf)))
        return FAILED;
    if (leaf > UINT32_MAX || subleaf > UINT32_MAX) {
        print("leaf and subleaf have 32 bits\n");
        return FAILED;
    }
    struct cpuid r = cpuid((uint32_t)leaf, (uint32_t)subleaf);
    print("eax %08x  ebx %08x  ecx %08x  edx %08x%s\n", r.eax, r.ebx, r.ecx, r.edx,
          cpuid_has((uint32_t)leaf) ? "" : "  (no such leaf)");
    return OK;
}
