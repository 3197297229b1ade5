// Who has waited for which lock.

#include "kernel/console.h"
#include "kernel/lock.h"
#include "lib/string.h"
#include "monitor/command.h"

static void show(const struct lock_contention *contention)
{
    print("%9lu %12lu %10lu  %pS, last at %pS\n", contention->waits, contention->waited_ns / 1000,
          contention->most_ns / 1000, contention->lock, (void *)contention->place);
}

// The debug build's.
static void show_faults(void)
{
    static const char *const names[LOCK_FAULTS] = {
        [LOCK_FAULT_ORDER] = "taken in the opposite order",
        [LOCK_FAULT_NESTED] = "two of a kind at once",
        [LOCK_FAULT_SLEEP] = "slept with one held",
        [LOCK_FAULT_CALL] = "called other processors with one held",
        [LOCK_FAULT_LONG] = "held too long",
    };
    for (enum lock_fault fault = 0; fault < LOCK_FAULTS; fault++)
        if (lock_check_count(fault))
            print("%9u times: %s; the log tells more\n", lock_check_count(fault), names[fault]);
}

COMMAND(locks, "[reset]", "locks and mutexes for which somebody had to wait", "locks")
{
    struct lock_contention contention;
    if (argc == 2 && string_equal(argv[1], "reset")) {
        lock_contention_reset();
        return OK;
    }
    if (argc != 1)
        return BAD_ARGUMENT;
    print("    waits   waited, us longest, us  lock\n");
    for (unsigned i = 0; lock_contention_get(i, &contention) && !command_interrupted(); i++)
        show(&contention);
    if (lock_contention_missed())
        print("%9lu of others, for which there was no room\n", lock_contention_missed());
    show_faults();
    return OK;
}
