// Switching off, starting again, and leaving an emulator.

#include "kernel/power.h"
#include "arch/arch.h"
#include "kernel/console.h"
#include "kernel/log.h"

static struct power_method *methods; // sorted by order
static void (*exit_emulator)(bool success);

void power_add(struct power_method *method)
{
    struct power_method **at = &methods;
    while (*at && (*at)->order <= method->order)
        at = &(*at)->next;
    method->next = *at;
    *at = method;
}

static unsigned try_all(enum power_action action)
{
    unsigned tried = 0;
    for (struct power_method *method = methods; method; method = method->next) {
        if (method->action != action)
            continue;
        log_info("power: trying %s", method->name);
        log_sync();
        console_flush();
        method->run();
        tried++;
    }
    return tried;
}

void power_reset(void)
{
    (void)try_all(POWER_RESET);
    arch_reset();
}

enum status power_off(void)
{
    return try_all(POWER_OFF) ? TIMED_OUT : NOT_SUPPORTED;
}

void power_set_exit(void (*exit)(bool success))
{
    exit_emulator = exit;
}

void power_exit(bool success)
{
    if (exit_emulator) {
        log_sync();
        console_flush();
    }
    power_exit_now(success);
}

void power_exit_now(bool success)
{
    if (exit_emulator)
        exit_emulator(success);
}
