// The boot order, as one list.

#include "arch/x86_64/irq_controllers.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/nmi.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/pic.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/wait.h"
#include "drivers/acpi/platform.h"
#include "drivers/acpi/tables.h"
#include "kernel/bench.h"
#include "kernel/boot_info.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/idle.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/option.h"
#include "kernel/symbol.h"
#include "kernel/test.h"
#include "kernel/thread.h"
#include "kernel/version.h"
#include "kernel/watchdog.h"
#include "kernel/work.h"
#include "mm/page.h"
#include "monitor/gdb.h"
#include "monitor/shell.h"

// Called by the entry stub, on the boot stack, interrupts off. `magic` and `info` are the loader's.
noreturn void kmain(uint32_t magic, paddr_t info);

void kmain(uint32_t magic, paddr_t info)
{
    thread_boot();
    clock_start();
    trap_init();
    symbol_init();
    paging_init();
    log_info("boot: Keelson %s, build %.12s", kernel_version, kernel_build_id());
    boot_info_init(magic, info);
    options_apply(boot_info.command_line);
    memory_init();
    acpi_tables_init();
    acpi_platform_init();
    pic_init();
    lapic_init();
    irq_controllers_init();
    clock_init();
    threads_init();
    consoles_start();
    nmi_init();
    machine_check_init();
    machine_check_cpu_init();
    wait_init();
    processors_start();
    idle_check();
    work_init();
    log_start_thread();
    watchdog_init();
    drivers_start();
    log_sync();
    page_zero_enable(); // until here nobody is idle but who waits for the consoles
    gdb_start();
    ktest_run_requested();
    bench_run_requested();
    shell_run();
}
