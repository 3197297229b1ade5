// The watchdog.
//
// What counts is looks at which a processor's heartbeat stood still, not time: where a whole
// virtual machine has been paused, its clock has gone on, but nobody has looked. A look that comes
// late doesn't count either.

#include "kernel/watchdog.h"
#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"
#include "lib/parse.h"
#include "lib/string.h"

enum {
    LOOKS = 5, // at which it stands still, and it is stuck
    SECONDS_MAX = 3600,
};
enum request { REQUEST_NONE, REQUEST_PLACES, REQUEST_PANIC };

static unsigned seconds = 10;

OPTION(watchdog, "SECONDS|off", "when a processor that does nothing but run is called stuck")
{
    uint64_t number = 0;
    if (!string_equal(value, "off") &&
        (!parse_u64(value, &number) || number == 0 || number > SECONDS_MAX))
        return BAD_ARGUMENT;
    seconds = (unsigned)number;
    return OK;
}

uint64_t watchdog_interval_ns(void)
{
    return seconds * NS_PER_SECOND / LOOKS;
}

// --- Deciding -----------------------------------------------------------------------------------

enum verdict {
    VERDICT_FINE,
    VERDICT_PING, // send it an interrupt: it may only have had none
    VERDICT_WAIT,
    VERDICT_ASK,      // where it is, by NMI
    VERDICT_ACCUSE,   // it is stuck
    VERDICT_HOPELESS, // the look after that
    VERDICT_GOES_ON,  // it was, and is no longer
};

static enum verdict judge(struct watchdog_cpu *watched, uint64_t heartbeat, bool is_idle)
{
    if (is_idle || heartbeat != watched->seen) {
        bool was_accused = watched->is_accused;
        watched->seen = heartbeat;
        watched->still = 0;
        watched->is_accused = false;
        return was_accused ? VERDICT_GOES_ON : VERDICT_FINE;
    }
    switch (++watched->still) {
    case 1:
        return VERDICT_PING;
    case LOOKS - 1:
        return VERDICT_ASK;
    case LOOKS:
        watched->is_accused = true;
        return VERDICT_ACCUSE;
    case LOOKS + 1:
        return VERDICT_HOPELESS;
    default:
        return VERDICT_WAIT;
    }
}

// --- Looking ------------------------------------------------------------------------------------

// One that waits for others with its interrupts off takes calls without an interrupt.
static void pong(void *unused_argument)
{
    (void)unused_argument;
    this_cpu()->heartbeat++;
}

static void ask(struct percpu *cpu, enum request request)
{
    __atomic_store_n(&cpu->watchdog.place_count, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&cpu->watchdog.request, request, __ATOMIC_RELEASE);
    arch_send_nmi(cpu);
}

static void report(const struct percpu *cpu)
{
    const struct watchdog_cpu *watched = &cpu->watchdog;
    unsigned count = __atomic_load_n(&watched->place_count, __ATOMIC_ACQUIRE);
    if (count == 0)
        log_error("watchdog: CPU %u has been stuck for %u s and doesn't answer an NMI", cpu->cpu,
                  seconds);
    else
        log_error("watchdog: CPU %u has been stuck for %u s at %lx %pS", cpu->cpu, seconds,
                  watched->places[0], (void *)watched->places[0]);
    for (unsigned i = 1; i < count; i++)
        log_error("watchdog:   called from %lx %pS", watched->places[i],
                  (void *)watched->places[i]);
}

// The boot processor shows what others are accused of. Nobody would show what it is: it panics.
static void accuse(struct percpu *cpu)
{
    if (cpu->cpu == 0)
        ask(cpu, REQUEST_PANIC);
    else
        report(cpu);
}

static void look_at(struct percpu *cpu)
{
    uint64_t heartbeat = __atomic_load_n(&cpu->heartbeat, __ATOMIC_RELAXED);
    bool is_idle = __atomic_load_n(&cpu->is_idle, __ATOMIC_RELAXED) &&
                   !__atomic_load_n(&cpu->interrupted, __ATOMIC_RELAXED); // it hasn't gone on yet
    switch (judge(&cpu->watchdog, heartbeat, is_idle)) {
    case VERDICT_PING:
        (void)remote_post(cpu->cpu, &cpu->watchdog.ping, pong, NULL);
        break;
    case VERDICT_ASK:
        ask(cpu, REQUEST_PLACES);
        break;
    case VERDICT_ACCUSE:
        accuse(cpu);
        break;
    case VERDICT_HOPELESS:
        if (cpu->cpu == 0)
            panic("watchdog: CPU 0 has been stuck for %u s and can't say where", seconds);
        break;
    case VERDICT_GOES_ON:
        log_warn("watchdog: CPU %u goes on", cpu->cpu);
        break;
    case VERDICT_FINE:
    case VERDICT_WAIT:
        break;
    }
}

// One that looks after itself has said by itself that it is stuck, once for each time.
static void look_after(struct percpu *cpu)
{
    if (!cpu->watchdog.looks_itself)
        look_at(cpu);
    else if (__atomic_exchange_n(&cpu->watchdog.has_reported, false, __ATOMIC_ACQUIRE))
        report(cpu);
}

static void try_counter(void *unused_argument)
{
    (void)unused_argument;
    this_cpu()->watchdog.looks_itself = arch_watch_self();
}

// When there is time: at the first look.
static void try_counters(void)
{
    for (uint32_t i = 1; i < percpu_count(); i++)
        (void)remote_post(i, &percpu_get(i)->watchdog.trial, try_counter, NULL);
    try_counter(NULL);
}

static bool is_tried;
static struct timer timers[2]; // the boot processor's, and that of whoever looks after it
static uint64_t last_ns[2];

// The boot processor looks after the others; another one runs this for the boot processor's sake.
static void look(void *unused_context)
{
    bool is_other = this_cpu()->cpu != 0;
    uint64_t now_ns = clock_ns(), interval_ns = watchdog_interval_ns();
    bool is_late = now_ns - last_ns[is_other] > 2 * interval_ns;
    (void)unused_context;
    last_ns[is_other] = now_ns;
    if (!is_other && !is_tried)
        try_counters();
    is_tried |= !is_other;
    if (is_other && !is_late)
        look_after(percpu_get(0));
    for (uint32_t i = 1; !is_other && !is_late && i < percpu_count(); i++)
        if (__atomic_load_n(&percpu_get(i)->is_online, __ATOMIC_ACQUIRE))
            look_after(percpu_get(i));
    if (remote_online() > 1)
        timer_arm(&timers[is_other], now_ns + interval_ns);
}

// --- Being looked at ----------------------------------------------------------------------------

static void note_places(struct watchdog_cpu *own, const struct trap_frame *frame)
{
    unsigned count = arch_backtrace(frame, NULL, own->places, WATCHDOG_PLACES);
    __atomic_store_n(&own->place_count, count, __ATOMIC_RELEASE);
}

bool watchdog_on_nmi(struct trap_frame *frame)
{
    struct watchdog_cpu *own = &this_cpu()->watchdog;
    switch (__atomic_exchange_n(&own->request, REQUEST_NONE, __ATOMIC_ACQUIRE)) {
    case REQUEST_PLACES:
        note_places(own, frame);
        return true;
    case REQUEST_PANIC: // one that could take its interrupts has only not been run by its host
        if (!arch_takes_interrupts(frame))
            panic_with_frame(frame, "watchdog: CPU 0 has been stuck for %u s", seconds);
        return true;
    default:
        return false;
    }
}

// A counter may run faster than it should, so time counts here too.
void watchdog_look_at_self(const struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    struct watchdog_cpu *own = &cpu->watchdog;
    uint64_t now_ns = clock_ns();
    if (arch_takes_interrupts(frame) || cpu->heartbeat != own->seen) {
        own->seen = cpu->heartbeat;
        own->still = 0;
        own->since_ns = now_ns;
        own->is_accused = false;
        return;
    }
    if (++own->still < LOOKS || now_ns - own->since_ns < seconds * NS_PER_SECOND || own->is_accused)
        return;
    own->is_accused = true;
    if (cpu->cpu == 0)
        panic_with_frame(frame, "watchdog: CPU 0 has been stuck for %u s", seconds);
    note_places(own, frame);
    __atomic_store_n(&own->has_reported, true, __ATOMIC_RELEASE);
}

// --- Start --------------------------------------------------------------------------------------

static void start(void *timer)
{
    bool is_other = this_cpu()->cpu != 0;
    last_ns[is_other] = clock_ns();
    timer_arm(timer, last_ns[is_other] + watchdog_interval_ns());
}

static uint32_t lowest_other(void)
{
    uint32_t cpu = 1;
    while (cpu < percpu_count() && !__atomic_load_n(&percpu_get(cpu)->is_online, __ATOMIC_ACQUIRE))
        cpu++;
    return cpu;
}

void watchdog_init(void)
{
    if (seconds == 0)
        return;
    timer_init(&timers[0], look, NULL, "watchdog");
    timer_init(&timers[1], look, NULL, "watchdog");
    start(&timers[0]);
    (void)!remote_call(lowest_other(), start, &timers[1]); // NOT_FOUND: it is alone
}
