// QEMU's isa-debug-exit device: writing N ends QEMU with the status 2N+1. Used only where the
// command line asks, since on another machine the port is somebody else's.

#include "arch/x86_64/io.h"
#include "kernel/option.h"
#include "kernel/power.h"
#include "lib/string.h"

enum { EXIT_PORT = 0xf4, EXIT_SUCCESS = 0x10, EXIT_FAILURE = 0x11 };

static void qemu_exit(bool success)
{
    port_write8(EXIT_PORT, success ? EXIT_SUCCESS : EXIT_FAILURE);
}

OPTION(exit, "qemu", "end QEMU after tests, benchmarks, panics and poweroff (isa-debug-exit)")
{
    if (!string_equal(value, "qemu"))
        return BAD_ARGUMENT;
    power_set_exit(qemu_exit);
    return OK;
}
