// The command that answers "will it run here?": on one screen, for a photograph.

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "drivers/acpi/tables.h"
#include "drivers/pit.h"
#include "drivers/uart16550.h"
#include "kernel/boot_info.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/platform.h"
#include "kernel/version.h"
#include "lib/format.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/hardware.h"

static struct cpu_identity identity;
static struct virtualization virtualization;

static void tell_version(char *text)
{
    hardware_add(text, "%s, build %.12s", kernel_version, kernel_build_id());
}

static void tell_processor(char *text)
{
    hardware_add(text, "%s", identity.brand[0] ? identity.brand : identity.vendor);
}

static void tell_addresses(char *text)
{
    hardware_add(text, "%u bits physical, %u bits virtual", identity.physical_bits,
                 identity.virtual_bits);
}

static void tell_hypervisor(char *text)
{
    hardware_hypervisor(text, identity.hypervisor ? identity.hypervisor_vendor : NULL);
}

static void tell_virtualization(char *text)
{
    hardware_virtualization(text, &virtualization);
}

static void tell_nested_paging(char *text)
{
    hardware_nested_paging(text, &virtualization);
}

static void tell_apic(char *text)
{
    uint64_t base;
    bool is_known = msr_read(MSR_APIC_BASE, &base) == OK;
    hardware_apic(text, is_known ? &base : NULL, cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC);
}

static void tell_clock(char *text)
{
    bool invariant =
        cpuid_has(0x80000007) && cpuid(0x80000007, 0).edx & CPUID_80000007_EDX_INVARIANT_TSC;
    hardware_add(text, "TSC %lu.%03lu MHz, %s, %sinvariant", clock_frequency() / 1000000,
                 clock_frequency() / 1000 % 1000, clock_source(), invariant ? "" : "not ");
}

static void tell_timers(char *text)
{
    enum pit_state pit = pit_probe();
    if (cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE)
        hardware_add_item(text, "TSC deadline");
    if (platform.hpet.address)
        hardware_add_item(text, "HPET");
    if (platform.pm_timer.address)
        hardware_add_item(text, "PM timer");
    if (pit != PIT_ABSENT)
        hardware_add_item(text, pit == PIT_COUNTING ? "PIT" : "PIT that stands still");
}

static void tell_acpi(char *text)
{
    if (acpi_revision() == ACPI_ABSENT)
        return;
    hardware_add(text, "RSDP revision %d, %u tables", acpi_revision(), acpi_table_count());
    if (!acpi_find("FACP", 0))
        hardware_add_item(text, "no FADT");
    else if (platform.is_hw_reduced)
        hardware_add_item(text, "hardware-reduced");
}

static void tell_firmware(char *text)
{
    if (boot_info.efi.system_table)
        hardware_add(text, "UEFI, %d bits", boot_info.efi.is_64_bit ? 64 : 32);
    else
        hardware_add(text, "BIOS, or not said");
}

static void tell_loader(char *text)
{
    hardware_add(text, "%.40s, by %s", boot_info.loader_name[0] ? boot_info.loader_name : "no name",
                 boot_info.protocol);
}

static bool is_used(const struct console_sink *sink)
{
    return sink && !sink->is_left_out;
}

// The console isn't asked whether it is there, since it is in use; it may be at another place.
static void tell_serial_ports(char *text)
{
    static const uint16_t ports[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    const struct uart_config *console = uart_console();
    const char *mark = is_used(console_find_sink("serial")) ? " (console)" : "";
    bool is_port = console && console->access == UART_PORT, is_told = !console;
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        bool is_console = is_port && console->address == ports[i];
        if (is_console || uart_answers(ports[i]))
            hardware_add_item(text, "COM%u%s", i + 1, is_console ? mark : "");
        is_told |= is_console;
    }
    if (!is_told)
        hardware_add_item(text, "%s 0x%lx%s", is_port ? "port" : "memory", console->address, mark);
}

static void tell_framebuffer(char *text)
{
    const struct boot_framebuffer *screen = &boot_info.framebuffer;
    if (screen->kind == FRAMEBUFFER_TEXT)
        hardware_add(text, "text, %ux%u, not used", screen->width, screen->height);
    else if (screen->kind != FRAMEBUFFER_NONE)
        hardware_add(text, "%ux%u, %u bits, not used", screen->width, screen->height,
                     screen->bits_per_pixel);
}

static void tell_console(char *text, const char *description, bool is_left_out)
{
    hardware_add(text, "%s%s", is_left_out ? "not used: " : "", description);
}

static void tell_screen(char *text)
{
    const struct console_sink *sink = console_find_sink("screen");
    if (sink)
        tell_console(text, sink->description, sink->is_left_out);
    else
        tell_framebuffer(text);
}

static void tell_keyboard(char *text)
{
    const struct console_source *source = console_find_source("screen");
    if (source)
        tell_console(text, source->description, source->is_left_out);
}

static void tell_memory(char *text)
{
    const struct memory_map *map = &boot_info.memory;
    char size[FORMAT_SIZE_MAX];
    paddr_t end = 0;
    for (unsigned i = 0; i < map->count; i++)
        if (map->ranges[i].kind == MEMORY_USABLE)
            end = map->ranges[i].end;
    if (end)
        hardware_add(text, "%s usable, the highest byte at 0x%lx",
                     format_size(size, memory_map_total(map, MEMORY_USABLE)), end - 1);
}

static const struct {
    const char *subject;
    void (*tell)(char *text); // adds at most HARDWARE_TEXT_MAX - 1 characters; nothing means none
} rows[] = {
    {"Keelson", tell_version},
    {"processor", tell_processor},
    {"addresses", tell_addresses},
    {"hypervisor", tell_hypervisor},
    {"virtualization", tell_virtualization},
    {"nested paging", tell_nested_paging},
    {"local APIC", tell_apic},
    {"clock", tell_clock},
    {"timers", tell_timers},
    {"ACPI", tell_acpi},
    {"firmware", tell_firmware},
    {"loader", tell_loader},
    {"serial ports", tell_serial_ports},
    {"screen", tell_screen},
    {"keyboard", tell_keyboard},
    {"memory", tell_memory},
};

COMMAND(hardware, "", "will it run here, all on one screen", "hardware")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    cpu_identify(&identity);
    virtualization_detect(&virtualization);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[HARDWARE_TEXT_MAX] = "";
        rows[i].tell(text);
        print("%-15s %s\n", rows[i].subject, text[0] ? text : "none");
    }
    print("%s\n", hardware_verdict(&virtualization, identity.hypervisor));
    return OK;
}
