// The fixed ACPI description table [ACPI 5.2.9]: the PM timer, and which of the PC's old devices
// there are. Later revisions have only added fields, so an old table is a short one; but what was
// reserved once may hold anything in it.

#include "drivers/acpi/fadt.h"
#include "drivers/acpi/readers_priv.h"
#include "kernel/log.h"

uint16_t acpi_fadt_port(const struct acpi_header *fadt, size_t field, size_t wide_field)
{
    struct acpi_gas wide = acpi_gas(fadt, wide_field);
    uint64_t port = acpi_field(fadt, field, 4);
    if (acpi_gas_is_port(&wide, 4))
        return (uint16_t)wide.address;
    return port <= UINT16_MAX - 3 ? (uint16_t)port : 0;
}

static void read_pm_timer(const struct acpi_header *fadt, struct platform_pm_timer *timer)
{
    struct acpi_gas wide = acpi_gas(fadt, FADT_X_PM_TIMER);
    if (acpi_field(fadt, FADT_PM_TIMER_LENGTH, 1) != 4)
        return;
    timer->is_mmio = acpi_gas_is_memory(&wide);
    timer->address =
        timer->is_mmio ? wide.address : acpi_fadt_port(fadt, FADT_PM_TIMER, FADT_X_PM_TIMER);
    timer->is_32_bit = acpi_field(fadt, FADT_FLAGS, 4) & FADT_FLAGS_32_BIT_TIMER;
}

// Before revision 3, nobody says so: they are there.
static void read_old_devices(const struct acpi_header *fadt, struct platform *machine)
{
    uint64_t flags = acpi_field(fadt, FADT_BOOT_FLAGS, 2);
    uint64_t century = acpi_field(fadt, FADT_CENTURY, 1);
    if (fadt->revision >= 3) {
        machine->has_i8042 = flags & FADT_BOOT_8042;
        machine->has_rtc = !(flags & FADT_BOOT_NO_RTC);
    }
    machine->rtc_century = machine->has_rtc && century < 128 ? (uint8_t)century : 0;
}

bool fadt_read(const struct acpi_header *fadt, struct platform *machine)
{
    if (fadt->length < FADT_V1_SIZE) {
        log_warn("acpi: a FADT of %u bytes", fadt->length);
        return false;
    }
    read_old_devices(fadt, machine);
    machine->is_hw_reduced =
        fadt->revision >= 5 && acpi_field(fadt, FADT_FLAGS, 4) & FADT_FLAGS_HW_REDUCED;
    if (machine->is_hw_reduced)
        return true;
    uint32_t sci = (uint32_t)acpi_field(fadt, FADT_SCI, 2);
    machine->sci_gsi = sci ? sci : PLATFORM_NO_GSI;
    read_pm_timer(fadt, &machine->pm_timer);
    return true;
}
