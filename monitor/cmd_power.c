// Commands that end the session.

#include "kernel/console.h"
#include "kernel/power.h"
#include "monitor/command.h"

COMMAND(reboot, "", "start the machine again", "reboot")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    power_reset();
}

COMMAND(poweroff, "", "switch the machine off", "poweroff")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    power_exit(true);
    enum status status = power_off();
    print("This machine can't be switched off: %s\n",
          status == NOT_SUPPORTED ? "no way to do it was found" : "it doesn't react");
    return status;
}
