// kernel/watchdog with simulated processors and time. Catches a busy processor that is called stuck
// because nobody has interrupted it, an idle one that is, one that is accused because the checker
// or the whole machine has been stopped for a while, one that is stuck and isn't, or is told of
// again and again, and a boot processor that is stuck and nobody shows it.

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "kernel/watchdog.c"

enum { PROCESSORS = 4, SECOND = 1000000000 };

struct trap_frame {
    bool takes_interrupts;
    uintptr_t place;
};

static struct percpu processors[PROCESSORS];
static unsigned here;
static uint64_t now_ns;
static unsigned pings[PROCESSORS], nmis[PROCESSORS];
static bool has_counter;

struct percpu *fake_percpu(void)
{
    return &processors[here];
}

unsigned percpu_count(void)
{
    return PROCESSORS;
}

struct percpu *percpu_get(uint32_t cpu)
{
    return cpu < PROCESSORS ? &processors[cpu] : NULL;
}

unsigned remote_online(void)
{
    unsigned online = 0;
    for (unsigned i = 0; i < PROCESSORS; i++)
        online += processors[i].is_online;
    return online;
}

uint64_t clock_ns(void)
{
    return now_ns;
}

// What a processor does with an interrupt or an NMI.
enum behaviour {
    HANGS,       // with its interrupts off
    RUNS,        // takes what is sent
    WAITS,       // with its interrupts off, but runs what others want meanwhile
    TICKS,       // has interrupts of its own
    IDLES,       // halted, so NMIs and calls are all that comes
    IS_LOST,     // takes no NMI either
    STARTS_SLOW, // takes interrupts, but its host doesn't run it before the NMI comes
};
static enum behaviour behaviours[PROCESSORS];

bool remote_post(uint32_t cpu, struct remote_work *work, remote_function *run, void *argument)
{
    if (work == &processors[cpu].watchdog.trial) {
        unsigned before = here;
        here = cpu;
        run(argument);
        here = before;
        return true;
    }
    pings[cpu]++;
    bool takes = behaviours[cpu] == RUNS || behaviours[cpu] == IDLES || behaviours[cpu] == WAITS;
    if (takes && !processors[cpu].interrupted) {
        unsigned before = here;
        here = cpu;
        run(argument);
        here = before;
    }
    return true;
}

enum status remote_call(uint32_t cpu, remote_function *run, void *argument)
{
    if (cpu >= PROCESSORS || !processors[cpu].is_online)
        return NOT_FOUND;
    unsigned before = here;
    here = cpu;
    run(argument);
    here = before;
    return OK;
}

static jmp_buf end;
static char reason[80];

void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    longjmp(end, 1);
}

void panic_with_frame(const struct trap_frame *frame, const char *format, ...)
{
    va_list args;
    assert_int_equal(here, 0);
    assert_int_equal(frame->place, 0x1000);
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    strcat(reason, ", with its frame");
    longjmp(end, 1);
}

bool arch_takes_interrupts(const struct trap_frame *frame)
{
    return frame->takes_interrupts;
}

unsigned arch_backtrace(const struct trap_frame *frame, const void *frame_pointer,
                        uintptr_t *addresses, unsigned max)
{
    assert_null(frame_pointer);
    assert_true(max >= 2);
    addresses[0] = frame->place;
    addresses[1] = 0x2000;
    return 2;
}

static void take_nmi(unsigned cpu)
{
    struct trap_frame frame = {behaviours[cpu] != HANGS && behaviours[cpu] != WAITS, 0x1000};
    unsigned before = here;
    here = cpu;
    assert_true(watchdog_on_nmi(&frame));
    assert_false(watchdog_on_nmi(&frame)); // one that nobody has sent
    here = before;
}

void arch_send_nmi(struct percpu *cpu)
{
    assert_ptr_not_equal(cpu, &processors[here]);
    nmis[cpu->cpu]++;
    if (behaviours[cpu->cpu] != IS_LOST)
        take_nmi(cpu->cpu);
}

bool arch_watch_self(void)
{
    return has_counter;
}

// Timers: each runs where it was armed.
static struct {
    struct timer *timer;
    uint64_t deadline_ns;
} armed[PROCESSORS];

void timer_init(struct timer *timer, timer_function *run, void *context, const char *name)
{
    *timer = (struct timer){.run = run, .context = context, .name = name};
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    assert_null(armed[here].timer);
    armed[here].timer = timer;
    armed[here].deadline_ns = deadline_ns;
}

static void run_timers(void)
{
    for (unsigned i = 0; i < PROCESSORS; i++) {
        struct timer *timer = armed[i].timer;
        bool takes = behaviours[i] == RUNS || behaviours[i] == TICKS || behaviours[i] == IDLES;
        if (!timer || armed[i].deadline_ns > now_ns || !takes)
            continue;
        armed[i].timer = NULL;
        here = i;
        processors[i].heartbeat++;
        timer->run(timer->context);
        here = 0;
    }
}

// False: it panics meanwhile.
static bool pass(unsigned tenths)
{
    if (setjmp(end)) {
        here = 0;
        return false;
    }
    for (unsigned i = 0; i < tenths; i++) {
        now_ns += SECOND / 10;
        for (unsigned cpu = 0; cpu < PROCESSORS; cpu++) {
            processors[cpu].is_idle = behaviours[cpu] == IDLES;
            processors[cpu].heartbeat += behaviours[cpu] == TICKS;
        }
        run_timers();
    }
    return true;
}

static void start_as(const char *option)
{
    memset(processors, 0, sizeof(processors));
    memset(armed, 0, sizeof(armed));
    memset(pings, 0, sizeof(pings));
    memset(nmis, 0, sizeof(nmis));
    log_forget();
    reason[0] = 0;
    is_tried = false;
    for (unsigned i = 0; i < PROCESSORS; i++) {
        processors[i].cpu = i;
        processors[i].is_online = true;
        behaviours[i] = TICKS;
    }
    assert_int_equal(option_set_watchdog(option), OK);
    watchdog_init();
}

static void busy_and_idle_ones_are_fine(void **state)
{
    (void)state;
    start_as("10");
    behaviours[0] = behaviours[3] = RUNS;
    behaviours[2] = IDLES;
    assert_true(pass(3000));
    behaviours[0] = WAITS;
    assert_true(pass(300));
    assert_int_equal(log_lines[LOG_ERROR], 0);
    for (unsigned i = 0; i < PROCESSORS; i++)
        assert_int_equal(nmis[i], 0);
    assert_int_equal(pings[1] + pings[2], 0); // one that moves, or sleeps, isn't disturbed
    assert_true(pings[3] > 50);
}

static void one_that_hangs_is_told_of_once(void **state)
{
    (void)state;
    start_as("10");
    behaviours[2] = HANGS;
    assert_true(pass(99));
    assert_int_equal(log_lines[LOG_ERROR], 0); // not before its time
    assert_true(pass(41));                     // and it may have moved just after a look
    assert_int_equal(log_lines[LOG_ERROR], 2);
    assert_string_equal(log_last, "watchdog:   called from 2000 0000000000002000");
    assert_int_equal(nmis[2], 1);
    assert_true(pass(1000));
    assert_int_equal(log_lines[LOG_ERROR], 2);
    behaviours[2] = RUNS;
    processors[2].heartbeat++;
    assert_true(pass(40));
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_string_equal(log_last, "watchdog: CPU 2 goes on");
    behaviours[2] = HANGS;
    assert_true(pass(141));
    assert_int_equal(log_lines[LOG_ERROR], 4); // another time
}

static void one_that_hangs_in_an_interrupt_isnt_idle(void **state)
{
    (void)state;
    struct trap_frame frame = {.place = 0x3000};
    start_as("10");
    behaviours[2] = IDLES;
    processors[2].interrupted = &frame; // and it is still as idle as when that came
    assert_true(pass(141));
    assert_int_equal(log_lines[LOG_ERROR], 2);
}

static void one_that_takes_no_nmi_is_told_of_too(void **state)
{
    (void)state;
    start_as("10");
    behaviours[3] = IS_LOST;
    assert_true(pass(141));
    assert_int_equal(log_lines[LOG_ERROR], 1);
    assert_string_equal(log_last,
                        "watchdog: CPU 3 has been stuck for 10 s and doesn't answer an NMI");
}

static void the_boot_processor_panics(void **state)
{
    (void)state;
    start_as("10");
    behaviours[0] = HANGS;
    assert_true(pass(99));
    assert_false(pass(41));
    assert_string_equal(reason, "watchdog: CPU 0 has been stuck for 10 s, with its frame");
    start_as("10");
    behaviours[0] = IS_LOST;
    assert_true(pass(119));
    assert_false(pass(41));
    assert_string_equal(reason, "watchdog: CPU 0 has been stuck for 10 s and can't say where");
}

// Its host hasn't run it; when it does, the NMI comes first, but it will take the rest.
static void one_that_starts_again_just_then_is_spared(void **state)
{
    (void)state;
    start_as("10");
    behaviours[0] = STARTS_SLOW;
    for (unsigned tenths = 0; nmis[0] < 2; tenths++) {
        assert_true(tenths < 200);
        assert_true(pass(1));
    }
    behaviours[0] = RUNS;
    processors[0].heartbeat++;
    assert_true(pass(200));
}

static void the_lowest_of_the_others_looks_after_the_boot_processor(void **state)
{
    (void)state;
    start_as("10");
    memset(armed, 0, sizeof(armed));
    processors[1].is_online = false; // it hasn't come up
    watchdog_init();
    behaviours[0] = HANGS;
    behaviours[1] = IS_LOST;
    assert_false(pass(141));
    start_as("10");
    memset(armed, 0, sizeof(armed));
    for (unsigned i = 1; i < PROCESSORS; i++)
        processors[i].is_online = false;
    watchdog_init();
    assert_true(pass(50));
    assert_null(armed[0].timer); // alone: it has looked once, to try its counter
}

static void a_pause_of_the_whole_machine_is_none_of_one(void **state)
{
    (void)state;
    start_as("10");
    for (unsigned i = 0; i < 100; i++) {
        behaviours[2] = HANGS; // when the machine is stopped, and only then
        now_ns += 3600ull * SECOND;
        assert_true(pass(1));
        behaviours[2] = TICKS;
        assert_true(pass(20));
    }
    behaviours[2] = HANGS;
    for (unsigned i = 0; i < 100; i++) {
        now_ns += 20ull * SECOND; // the checker comes late, again and again
        assert_true(pass(1));
    }
    assert_int_equal(nmis[2], 0);
    assert_int_equal(log_lines[LOG_ERROR], 0);
}

static void time_is_an_option(void **state)
{
    (void)state;
    start_as("2");
    behaviours[2] = HANGS;
    assert_true(pass(19));
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_true(pass(10));
    assert_int_equal(log_lines[LOG_ERROR], 2);
    start_as("off");
    behaviours[2] = behaviours[0] = HANGS;
    assert_true(pass(1000));
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_null(armed[0].timer);
    assert_int_equal(option_set_watchdog("0"), BAD_ARGUMENT);
    assert_int_equal(option_set_watchdog("3601"), BAD_ARGUMENT);
    assert_int_equal(option_set_watchdog("on"), BAD_ARGUMENT);
    assert_int_equal(option_set_watchdog("-1"), BAD_ARGUMENT);
}

// --- With counters ------------------------------------------------------------------------------

// The counter's NMI on a processor, `count` of them, `tenths` apart.
static bool count_down(unsigned cpu, unsigned count, unsigned tenths, bool takes_interrupts)
{
    struct trap_frame frame = {takes_interrupts, 0x1000};
    if (setjmp(end)) {
        here = 0;
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        now_ns += tenths * (SECOND / 10ull);
        here = cpu;
        watchdog_look_at_self(&frame);
        here = 0;
    }
    return true;
}

static void counters_look_by_themselves(void **state)
{
    (void)state;
    has_counter = true;
    start_as("10");
    behaviours[1] = RUNS;
    behaviours[2] = HANGS;
    assert_true(pass(200));
    assert_int_equal(log_lines[LOG_ERROR], 0); // nobody looks but they
    assert_true(count_down(1, 50, 20, true));  // busy, but interrupts could come
    assert_true(count_down(2, 1, 20, true));
    assert_true(count_down(2, 4, 20, false));
    assert_true(pass(21));
    assert_int_equal(log_lines[LOG_ERROR], 0);
    assert_true(count_down(2, 30, 20, false));
    assert_true(pass(100));
    assert_int_equal(log_lines[LOG_ERROR], 2); // once
    assert_string_equal(log_last, "watchdog:   called from 2000 0000000000002000");
    assert_int_equal(nmis[2], 0);
    processors[2].heartbeat++;
    assert_true(count_down(2, 30, 20, false));
    assert_true(pass(21));
    assert_int_equal(log_lines[LOG_ERROR], 4);
    has_counter = false;
}

static void a_fast_counter_is_no_reason(void **state)
{
    (void)state;
    has_counter = true;
    start_as("10");
    assert_true(pass(21));
    assert_true(count_down(0, 1, 1, true));
    assert_true(count_down(0, 99, 1, false));
    assert_false(count_down(0, 1, 1, false)); // ten seconds
    assert_string_equal(reason, "watchdog: CPU 0 has been stuck for 10 s, with its frame");
    start_as("10");
    assert_true(pass(21));
    assert_true(count_down(0, 1, 1, true));
    assert_true(count_down(0, 4, 36000, false)); // hours, but the machine was stopped
    has_counter = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_and_idle_ones_are_fine),
        cmocka_unit_test(one_that_hangs_is_told_of_once),
        cmocka_unit_test(one_that_hangs_in_an_interrupt_isnt_idle),
        cmocka_unit_test(one_that_takes_no_nmi_is_told_of_too),
        cmocka_unit_test(the_boot_processor_panics),
        cmocka_unit_test(one_that_starts_again_just_then_is_spared),
        cmocka_unit_test(the_lowest_of_the_others_looks_after_the_boot_processor),
        cmocka_unit_test(a_pause_of_the_whole_machine_is_none_of_one),
        cmocka_unit_test(time_is_an_option),
        cmocka_unit_test(counters_look_by_themselves),
        cmocka_unit_test(a_fast_counter_is_no_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
