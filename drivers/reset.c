// Two old ways to reset a PC: the keyboard controller, and the reset control register 0xCF9.

#include "arch/x86_64/io.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/power.h"
#include "lib/bits.h"

enum {
    I8042_DATA = 0x60,
    I8042_STATUS = 0x64, // and commands
    I8042_BUSY = BIT(1),
    I8042_PULSE_RESET = 0xfe,
    RESET_CONTROL = 0xcf9,
    RESET_COLD = BIT(1),
    RESET_NOW = BIT(2),
};

#define EFFECT_NS 50000000ull // time to take effect in

static void keyboard_controller_reset(void)
{
    for (unsigned i = 0; i < 10000 && port_read8(I8042_STATUS) & I8042_BUSY; i++)
        (void)port_read8(I8042_DATA);
    port_write8(I8042_STATUS, I8042_PULSE_RESET);
    clock_delay_ns(EFFECT_NS);
}

static void reset_control_reset(void)
{
    port_write8(RESET_CONTROL, RESET_COLD);
    clock_delay_ns(1000);
    port_write8(RESET_CONTROL, RESET_COLD | RESET_NOW);
    clock_delay_ns(EFFECT_NS);
}

static struct power_method keyboard_controller = {"the keyboard controller", POWER_RESET, 20,
                                                  keyboard_controller_reset, NULL};
static struct power_method reset_control = {"the reset control register", POWER_RESET, 30,
                                            reset_control_reset, NULL};

DRIVER(reset)
{
    power_add(&keyboard_controller);
    power_add(&reset_control);
    return OK;
}
