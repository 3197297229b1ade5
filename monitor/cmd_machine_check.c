// Errors that the hardware has reported.

#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/machine_note.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "monitor/command.h"

COMMAND(mce, "", "look for errors that the hardware has found and corrected", "mce")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    machine_check_poll();
    machine_check_poll_all();
    log_sync();
    struct machine_counts counts = machine_counts();
    print("%u banks on this processor; found so far: %u corrected errors, %u others\n",
          machine_check_banks(), counts.corrected, counts.others);
    return OK;
}
