// A command that shows who called whom.

#include "arch/arch.h"
#include "kernel/console.h"
#include "monitor/command.h"

COMMAND(backtrace, "[FRAME]", "who called whom, here or from a saved frame pointer (RBP)",
        "backtrace")
{
    enum { CALLS_MAX = 64 };
    uintptr_t calls[CALLS_MAX];
    uint64_t frame = (uintptr_t)__builtin_frame_address(0);
    if (argc > 2)
        return BAD_ARGUMENT;
    if (argc == 2 && !command_address(argv[1], &frame))
        return FAILED;
    unsigned count = arch_backtrace(NULL, (const void *)frame, calls, CALLS_MAX);
    for (unsigned i = 0; i < count; i++)
        print("%3u  %p  %pS\n", i, (void *)calls[i], (void *)calls[i]);
    if (!count)
        print("no frame at %p: no address in the kernel's code behind it\n", (void *)frame);
    return count ? OK : NOT_FOUND;
}
