// The panic screen: fits 80 columns and 25 rows, takes no lock, allocates nothing.

#include "kernel/panic.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/percpu.h"
#include "kernel/power.h"
#include "kernel/version.h"
#include "lib/format.h"
#include "lib/string.h"

enum {
    BACKTRACE_MAX = 6, // what is left of 25 rows
    BACKTRACE_AMONG_OTHERS = 4,
    PLACES_MAX = 2,         // at which other processors were
    PROCESSORS_LENGTH = 24, // characters, to name them
};

static enum { AFTER_WAIT, AFTER_REBOOT, AFTER_HALT } after = AFTER_WAIT;

OPTION(panic, "wait|reboot|halt", "after a panic: wait for a key and reboot (default), or at once")
{
    static const char *const names[] = {"wait", "reboot", "halt"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (string_equal(value, names[i])) {
            after = i;
            return OK;
        }
    }
    return BAD_ARGUMENT;
}

OPTION(noreboot, "", "never reboot after a panic (panic=halt)")
{
    (void)value;
    after = AFTER_HALT;
    return OK;
}

static void print_backtrace(const struct trap_frame *frame, const void *frame_pointer)
{
    uintptr_t addresses[BACKTRACE_MAX];
    unsigned most = percpu_count() > 1 ? BACKTRACE_AMONG_OTHERS : BACKTRACE_MAX;
    unsigned count = arch_backtrace(frame, frame_pointer, addresses, most);
    for (unsigned i = 0; i < count; i++) {
        char line[80];
        snprintf(line, sizeof(line), "  %p %pS", (void *)addresses[i], (void *)addresses[i]);
        print("%s\n", line);
    }
    print("addr2line -ipfe keelson.elf");
    for (unsigned i = 0; i < count; i++)
        print(i == 3 ? " \\\n  %lx" : " %lx", addresses[i]);
    print("\n");
}

// What was typed before the screen could be seen isn't an answer to it: keys count after a moment
// without any.
static void forget_keys(void)
{
    enum { TYPED_AHEAD_MAX = 1024 };
    const uint64_t moment_ns = 200000000;
    console_flush();
    uint64_t quiet_since = clock_ns();
    for (unsigned forgotten = 0;
         forgotten < TYPED_AHEAD_MAX && clock_ns() - quiet_since < moment_ns;) {
        if (console_read() < 0) {
            arch_pause();
            continue;
        }
        quiet_since = clock_ns();
        forgotten++;
    }
}

static struct {
    const struct trap_frame *frame;
    const void *frame_pointer;
    char reason[80];
} first;

static bool (*debugger)(const struct trap_frame *frame);

void panic_set_debugger(bool (*the_debugger)(const struct trap_frame *frame))
{
    debugger = the_debugger;
}

static bool ask_debugger(void)
{
    return debugger && debugger(first.frame);
}

noreturn static void finish(void)
{
    bool may_be_debugged = ask_debugger();
    power_exit(false);
    if (after == AFTER_WAIT)
        forget_keys();
    if (after == AFTER_HALT)
        print("Halted.\n");
    else if (after == AFTER_WAIT)
        print("Press a key to reboot.\n");
    if (may_be_debugged && after != AFTER_REBOOT)
        print("Or attach GDB.\n");
    console_flush();
    while (after == AFTER_WAIT && console_read() < 0) {
        (void)ask_debugger();
        arch_pause();
    }
    while (after == AFTER_HALT && ask_debugger())
        arch_pause();
    if (after != AFTER_HALT)
        power_reset();
    arch_halt();
}

// The next processor from `cpu` on that was stopped at `place`, or doesn't answer where that is 0;
// percpu_count(): none.
static uint32_t next_at(uint32_t cpu, uintptr_t place)
{
    for (; cpu < percpu_count(); cpu++) {
        const struct percpu *other = percpu_get(cpu);
        if (other != this_cpu() && other->is_online && other->stopped_at == place)
            break;
    }
    return cpu;
}

// "CPU 1-3,5: 0xffffffff80201234 idle+0x12": most processors are at the same place.
static void print_place(uintptr_t place)
{
    char line[80];
    size_t length = 0;
    bool has_more = false;
    for (uint32_t cpu = next_at(0, place), last; cpu < percpu_count(); cpu = next_at(cpu, place)) {
        const char *comma = length ? "," : "CPU ";
        for (last = cpu; last + 1 < percpu_count() && next_at(last + 1, place) == last + 1;)
            last++;
        if (length < PROCESSORS_LENGTH)
            length += snprintf(line + length, sizeof(line) - length,
                               last == cpu ? "%s%u" : "%s%u-%u", comma, cpu, last);
        else
            has_more = true;
        cpu = last + 1;
    }
    if (has_more)
        length += snprintf(line + length, sizeof(line) - length, "...");
    if (place)
        snprintf(line + length, sizeof(line) - length, ": %lx %pS", place, (void *)place);
    else
        snprintf(line + length, sizeof(line) - length, ": no answer");
    print("%s\n", line);
}

// Calls `show` for each place, up to `most`; returns how many there are.
static unsigned for_places(void (*show)(uintptr_t place), unsigned most)
{
    unsigned places = 0;
    for (uint32_t i = 0; i < percpu_count(); i++) {
        uintptr_t place = percpu_get(i)->stopped_at;
        if (next_at(0, place) == i && places++ < most)
            show(place);
    }
    return places;
}

// `later` is what has happened while this was shown before, and `dropped` the console in which;
// NULL: nothing.
static void show(const char *later, const char *dropped)
{
    char line[80];
    print("\n");
    if (for_places(print_place, 0) > PLACES_MAX) // more than the screen has room for
        (void)for_places(print_place, UINT32_MAX);
    snprintf(line, sizeof(line), "KEELSON PANIC: %s", first.reason);
    console_style("1;33");
    print("%s\n", line);
    console_style("");
    if (later) {
        snprintf(line, sizeof(line), "While showing this on %s: %s", dropped ? dropped : "consoles",
                 later);
        print("%s\n", line);
    }
    uint64_t us = clock_ns() / 1000;
    snprintf(line, sizeof(line), "Keelson %s, build %.12s, CPU %u, up %lu.%06lu s", kernel_version,
             kernel_build_id(), this_cpu()->cpu, us / 1000000, us % 1000000);
    print("%s\n", line);
    arch_print_frame(first.frame, print);
    print_backtrace(first.frame, first.frame_pointer);
    if (for_places(print_place, PLACES_MAX) > PLACES_MAX)
        print("Other processors: see above.\n");
    console_flush();
}

noreturn static void give_up(void)
{
    power_exit_now(false);
    if (after == AFTER_REBOOT)
        arch_reset();
    arch_halt();
}

// The first processor to panic shows it and stops the others, one that panics too among them.
static void become_only_one(void)
{
    static struct percpu *owner;
    struct percpu *nobody = NULL;
    if (!__atomic_compare_exchange_n(&owner, &nobody, this_cpu(), false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) &&
        nobody != this_cpu())
        arch_halt(); // the NMI still comes
    arch_stop_others();
}

// A panic within the panic comes from a console, which is left out of the next attempt.
printf_like(3, 0) noreturn
    static void stop_with(const struct trap_frame *frame, const void *frame_pointer,
                          const char *format, va_list args)
{
    enum { ATTEMPTS = 3 };
    static unsigned panics;
    char reason[sizeof(first.reason)];
    (void)arch_irq_save();
    become_only_one();
    unsigned before = __atomic_fetch_add(&panics, 1, __ATOMIC_SEQ_CST);
    if (before >= ATTEMPTS)
        give_up();
    vsnprintf(reason, sizeof(reason), format, args);
    if (before == 0) {
        first.frame = frame;
        first.frame_pointer = frame_pointer;
        memcpy(first.reason, reason, sizeof(reason));
    }
    consoles_start(); // where it is too early for one, with what the options have said so far
    const char *dropped = console_panic();
    if (before == 0)
        log_show_rest();
    show(before > 0 ? reason : NULL, dropped);
    finish();
}

void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stop_with(NULL, __builtin_frame_address(0), format, args);
}

void panic_with_frame(const struct trap_frame *frame, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    stop_with(frame, NULL, format, args);
}
