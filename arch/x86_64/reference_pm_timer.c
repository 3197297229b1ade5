// The ACPI power management timer [ACPI 4.8.2.1]: 14.31818 MHz, divided by four.

#include "arch/arch.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/reference.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "lib/bits.h"
#include "mm/vspace.h"

enum { PM_TIMER_PERIOD_FS = 279365079 };

static volatile uint32_t *mmio;

static uint64_t read_pm_timer(void)
{
    return mmio ? *mmio : port_read32((uint16_t)platform.pm_timer.address);
}

static struct reference pm_timer = {
    .name = "the PM timer", .period_fs = PM_TIMER_PERIOD_FS, .read = read_pm_timer};

static bool map_register(void)
{
    void *mapped;
    enum status status = vspace_map_mmio(platform.pm_timer.address, sizeof(*mmio), MAP_UNCACHED,
                                         "PM timer", &mapped);
    if (status != OK)
        log_warn("clock: the PM timer at 0x%lx can't be mapped: %s", platform.pm_timer.address,
                 status_name(status));
    else
        mmio = mapped;
    return status == OK;
}

const struct reference *pm_timer_start(void)
{
    const struct platform_pm_timer *where = &platform.pm_timer;
    if (!where->address)
        return NULL;
    if (!where->is_mmio && where->address > UINT16_MAX - 3) {
        log_warn("clock: the PM timer can't be at port 0x%lx", where->address);
        return NULL;
    }
    if (where->is_mmio && (!is_aligned(where->address, sizeof(*mmio)) || !map_register()))
        return NULL;
    pm_timer.mask = where->is_32_bit ? UINT32_MAX : BITS(23, 0);
    return &pm_timer;
}
