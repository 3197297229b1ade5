// Which interrupt controllers are used.

#include "arch/x86_64/irq_controllers.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/pic.h"
#include "kernel/log.h"

// The 8259 reaches the processor by way of its local APIC's first input [SDM3 11.5.1].
static void use_pic(void)
{
    if (pic_enable() != OK) {
        log_warn("irq: no interrupt controller; everything is polled");
        return;
    }
    lapic_write(LAPIC_LVT_LINT0, LAPIC_DELIVER_EXTINT);
    log_info("irq: lines come through the 8259");
}

void irq_controllers_init(void)
{
    pic_init();
    if (!lapic.is_present)
        log_info("irq: without a local APIC everything is polled");
    else if (!ioapic_init())
        use_pic();
}
