// Switching off, starting again, and leaving an emulator. Drivers know how; who asks doesn't.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

enum power_action { POWER_OFF, POWER_RESET };

// One way to do it. `run` returns when it has had no effect within its own bounded wait.
struct power_method {
    const char *name;
    enum power_action action;
    unsigned order; // lower ones are tried first
    void (*run)(void);
    struct power_method *next;
};

// Keeps the caller's object for good.
void power_add(struct power_method *method);

// Tries every way, the processor's own reset last: doesn't return.
noreturn void power_reset(void);

// Tries every way. Returns NOT_SUPPORTED where there is none, TIMED_OUT where none has worked.
must_use enum status power_off(void);

// Ends an emulator with a result, where the command line has asked for it (exit=qemu): then it
// doesn't return. Otherwise it does nothing.
void power_exit(bool success);

// The same at once, without showing what was written last: where the consoles can't be trusted.
void power_exit_now(bool success);

void power_set_exit(void (*exit)(bool success));
