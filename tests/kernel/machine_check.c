// Banks of the processor at hand. Those of emulators can be written; silicon refuses that.

#include "arch/x86_64/machine_check.h"
#include "arch/arch.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "kernel/log.h"
#include "kernel/test.h"
#include "lib/string.h"

enum { BANK = 3 };

static bool find_line(void *found, const char *line, size_t length)
{
    static const char wanted[] = "bank 3: corrected: L1 data TLB, status 0x84000000000e0015, "
                                 "address 0x123456789000, misc 0x0";
    for (size_t i = 0; i + sizeof(wanted) - 1 <= length; i++)
        *(bool *)found |= memcmp(line + i, wanted, sizeof(wanted) - 1) == 0;
    return true;
}

KTEST(machine_check, corrected_errors_are_logged_and_cleared)
{
    bool found = false;
    uint64_t status = MC_STATUS_VAL | MC_STATUS_ADDRV | 0xe0015;
    if (machine_check_banks() <= BANK)
        KTEST_SKIP("needs %u banks", BANK + 1);
    uintptr_t irq = arch_irq_save(); // the minute's poll isn't first
    bool can_write = msr_write(MSR_MC_ADDR(BANK), 0x123456789000) == OK &&
                     msr_write(MSR_MC_STATUS(BANK), status) == OK;
    machine_check_poll();
    bool is_cleared = msr_read(MSR_MC_STATUS(BANK), &status) == OK && status == 0;
    arch_irq_restore(irq);
    if (!can_write)
        KTEST_SKIP("needs banks that can be written");
    log_replay(LOG_DEBUG, find_line, &found);
    KTEST_CHECK(is_cleared);
    KTEST_CHECK(found);
}
