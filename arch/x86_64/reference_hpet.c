// The HPET's main counter [HPET 2.3].

#include "arch/arch.h"
#include "arch/x86_64/reference.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "lib/bits.h"
#include "mm/vspace.h"

enum {
    HPET_PERIOD = 0x004, // the upper half of the capabilities
    HPET_CONFIG = 0x010,
    HPET_COUNTER = 0x0f0,
    HPET_SIZE = 0x400,
    CONFIG_ENABLE = BIT(0),
    PERIOD_MAX_FS = 100000000, // [HPET 2.3.4]
};

static volatile uint32_t *registers;
static uint32_t config_before;

// The lower half alone: the upper one, where there is any, would have to be read apart.
static uint64_t read_hpet(void)
{
    return registers[HPET_COUNTER / 4];
}

static void stop_hpet(void)
{
    registers[HPET_CONFIG / 4] = config_before;
}

static struct reference hpet = {
    .name = "the HPET", .mask = UINT32_MAX, .read = read_hpet, .stop = stop_hpet};

const struct reference *hpet_start(void)
{
    void *mapped;
    if (!platform.hpet.address)
        return NULL;
    enum status status =
        vspace_map_mmio(platform.hpet.address, HPET_SIZE, MAP_UNCACHED, "HPET", &mapped);
    if (status != OK) {
        log_warn("clock: the HPET at 0x%lx can't be mapped: %s", platform.hpet.address,
                 status_name(status));
        return NULL;
    }
    registers = mapped;
    hpet.period_fs = registers[HPET_PERIOD / 4];
    if (hpet.period_fs == 0 || hpet.period_fs > PERIOD_MAX_FS) {
        log_warn("clock: the HPET isn't used: its period can't be %lu fs", hpet.period_fs);
        vspace_unmap_physical(mapped);
        return NULL;
    }
    config_before = registers[HPET_CONFIG / 4];
    registers[HPET_CONFIG / 4] = config_before | CONFIG_ENABLE;
    return &hpet;
}
