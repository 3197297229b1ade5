// drivers/i8042 against a model of the controller that can fail in every way, with time that passes
// only by accesses. Catches a wait without an end or a start that takes longer than a second, an
// absent controller taken for one, interrupts left on, a configuration that the self-test has taken
// away, the mouse's bytes taken for keys, keys lost between an answer, a keyboard without lights
// that makes every Caps Lock slow, and a poll that costs more than one access when nothing happens.

#include "tests/host/i8042_machine.h"

enum { FIRMWARE = 0x47, UNTRANSLATED = 0x07, A = 0x04, B = 0x05, CAPS = 0x39 };

// Starts, and checks that it is over in time.
static enum status start_within(uint8_t config, uint64_t limit_ns)
{
    uint64_t before = now_ns;
    enum status status = start(config);
    if (now_ns - before > limit_ns)
        fail_msg("the start takes %llu ms", (unsigned long long)((now_ns - before) / MS));
    return status;
}

static void no_faults(void)
{
    memset(&fault, 0, sizeof(fault));
}

// Polls until everything has arrived; no poll may take long.
static void poll_all(void)
{
    for (unsigned i = 0; i < 50; i++) {
        uint64_t before = now_ns;
        added->poll(added);
        assert_true(now_ns - before < MS);
        now_ns += MS;
    }
}

static void expect_keys(void)
{
    static const uint8_t usages[] = {A, 0x52, 0xe1, 0x46, B};
    event_count = 0;
    for (unsigned i = 0; i < sizeof(usages); i++) {
        type(usages[i], true);
        type(usages[i], false);
        poll_all();
    }
    assert_int_equal(event_count, 2 * sizeof(usages));
    for (unsigned i = 0; i < event_count; i++) {
        assert_int_equal(events[i].usage, usages[i / 2]);
        assert_int_equal(events[i].pressed, i % 2 == 0);
    }
}

static unsigned lines_logged(void)
{
    return log_lines[LOG_ERROR] + log_lines[LOG_WARN] + log_lines[LOG_INFO];
}

static void set_lights(bool caps, bool num, bool scroll)
{
    added->set_leds(added, caps, num, scroll);
}

// --- A sound machine --------------------------------------------------------------------------

static void both_sets(void **state)
{
    (void)state;
    static const uint8_t configs[] = {FIRMWARE, UNTRANSLATED, 0x40, 0x00, 0x74, 0x34};
    no_faults();
    for (unsigned i = 0; i < sizeof(configs); i++) {
        assert_int_equal(start_within(configs[i], 20 * MS), OK);
        assert_non_null(added);
        assert_int_equal(pc.config & 0x33, 0x20); // no interrupts, keyboard on, mouse off
        assert_int_equal(pc.config & 0x44, configs[i] & 0x44);
        assert_int_equal(pc.acks, 1); // scanning is enabled
        assert_int_equal(log_lines[LOG_WARN], 0);
        assert_int_equal(lines_logged(), 1);
        expect_keys();
    }
    assert_string_equal(added->description, "PS/2 (i8042)");
}

static void an_idle_poll_is_one_access(void **state)
{
    (void)state;
    no_faults();
    assert_int_equal(start(FIRMWARE), OK);
    poll_all();
    for (unsigned i = 0; i < 100; i++) {
        unsigned before = pc.accesses;
        added->poll(added);
        assert_int_equal(pc.accesses - before, 1);
    }
}

static void a_self_test_may_take_the_configuration_away(void **state)
{
    (void)state;
    no_faults();
    fault.test_resets = true;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t config = i ? UNTRANSLATED : FIRMWARE;
        assert_int_equal(start(config), OK);
        assert_int_equal(pc.config & 0x73, 0x20 | (config & 0x40));
        expect_keys();
    }
}

// What the firmware, or a person in a hurry, has left there.
static void keys_from_before_the_start(void **state)
{
    (void)state;
    no_faults();
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(start(FIRMWARE), OK);
        for (unsigned k = 0; k < i; k++)
            put(0x1e, k & 1, 0);
        uint8_t config = pc.config;
        struct keyboard *before = added;
        added = NULL;
        pc.config = config | 0x03;
        assert_int_equal(driver_start_i8042(), OK); // once more, with these bytes in the way
        assert_ptr_equal(added, before);
        assert_int_equal(pc.config & 0x73, 0x60 & (config | 0x20));
        assert_int_equal(log_lines[LOG_WARN], 0);
        expect_keys();
    }
}

// Whichever answer a byte comes before.
static void a_byte_in_the_place_of_an_answer(void **state)
{
    (void)state;
    for (unsigned stray = 1; stray < 256; stray++) {
        no_faults();
        fault.stray = (uint8_t)stray;
        assert_int_equal(start_within(FIRMWARE, 200 * MS), OK);
        assert_int_equal(pc.config & 0x73, 0x60);
        expect_keys();
    }
}

static void bytes_of_the_mouse_are_thrown_away(void **state)
{
    (void)state;
    no_faults();
    fault.mouse_moves = true;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(start(i ? UNTRANSLATED : FIRMWARE), OK);
        assert_int_equal(log_lines[LOG_WARN], 0);
        expect_keys();
        set_lights(true, false, false);
        assert_int_equal(pc.leds, 4);
    }
}

// --- No controller ----------------------------------------------------------------------------

static void expect_not_found(uint64_t limit_ns)
{
    assert_int_equal(start_within(FIRMWARE, limit_ns), NOT_FOUND);
    assert_null(added);
    assert_int_equal(log_lines[LOG_INFO], 1);
    assert_int_equal(lines_logged(), 1); // named once, and nothing to worry about
}

static void absent(void **state)
{
    (void)state;
    no_faults();
    fault.is_absent = true;
    expect_not_found(10 * ACCESS_NS);
}

static void never_answers(void **state)
{
    (void)state;
    no_faults();
    fault.is_mute = true;
    expect_not_found(60 * MS);
}

static void takes_no_commands(void **state)
{
    (void)state;
    no_faults();
    fault.is_busy = true;
    expect_not_found(60 * MS);
}

static void data_for_ever_from_the_start(void **state)
{
    (void)state;
    no_faults();
    fault.floods = true;
    expect_not_found(10 * MS);
}

// --- A bad controller -------------------------------------------------------------------------

static void a_self_test_that_fails_first(void **state)
{
    (void)state;
    no_faults();
    fault.test_fails = 2;
    assert_int_equal(start_within(FIRMWARE, 20 * MS), OK);
    assert_int_equal(pc.self_tests, 3);
    assert_int_equal(log_lines[LOG_WARN], 0);
    expect_keys();
}

static void a_self_test_that_fails_always(void **state)
{
    (void)state;
    no_faults();
    fault.test_fails = 1000;
    assert_int_equal(start_within(FIRMWARE, 20 * MS), OK);
    assert_in_range(pc.self_tests, 1, 5);
    assert_int_equal(log_lines[LOG_WARN], 1);
    expect_keys();
}

static void a_slow_self_test(void **state)
{
    (void)state;
    no_faults();
    fault.slow_test_ns = 400 * MS;
    assert_int_equal(start_within(FIRMWARE, 500 * MS), OK);
    assert_int_equal(log_lines[LOG_WARN], 0);
    expect_keys();
}

static void a_self_test_without_an_answer(void **state)
{
    (void)state;
    no_faults();
    fault.test_mute = true;
    assert_int_equal(start_within(FIRMWARE, 600 * MS), OK);
    assert_int_equal(log_lines[LOG_WARN], 1);
    expect_keys();
}

static void a_port_test_that_fails(void **state)
{
    (void)state;
    no_faults();
    fault.port_test = 3;
    assert_int_equal(start_within(FIRMWARE, 20 * MS), OK);
    assert_int_equal(log_lines[LOG_WARN], 1);
    expect_keys();
}

// Everything just within its limit, or none of it: the start as a whole is bounded.
static void everything_is_slow(void **state)
{
    (void)state;
    for (unsigned busy_ms = 0; busy_ms < 50; busy_ms += 7)
        for (unsigned slow_ms = 0; slow_ms < 50; slow_ms += 7) {
            no_faults();
            fault.busy_ns = busy_ms * MS;
            fault.slow_ns = slow_ms * MS;
            fault.slow_test_ns = 450 * MS;
            (void)start_within(FIRMWARE, 1001 * MS);
        }
}

static void a_controller_that_goes_away(void **state)
{
    (void)state;
    no_faults();
    assert_int_equal(start(FIRMWARE), OK);
    fault.is_absent = true;
    unsigned before = pc.accesses;
    for (unsigned i = 0; i < 10; i++)
        added->poll(added);
    assert_int_equal(pc.accesses - before, 10);
    assert_int_equal(event_count, 0);
    uint64_t time = now_ns;
    for (unsigned i = 0; i < 100; i++)
        set_lights(i & 1, false, false);
    assert_true(now_ns - time < 250 * MS);
}

// Polls end, and after some seconds' worth of data nobody listens any more.
static void data_for_ever_later(void **state)
{
    (void)state;
    static const uint8_t floods[] = {0x00, 0x1e, 0xe0, 0xfa, 0xff};
    for (unsigned i = 0; i < sizeof(floods); i++) {
        no_faults();
        assert_int_equal(start(FIRMWARE), OK);
        log_forget();
        fault.floods = true;
        fault.flood = floods[i];
        uint64_t slowest = 0;
        for (unsigned k = 0; k < 1000; k++) {
            uint64_t before = now_ns;
            added->poll(added);
            slowest = now_ns - before > slowest ? now_ns - before : slowest;
        }
        assert_true(slowest < MS);
        assert_int_equal(log_lines[LOG_WARN], 1);
        uint64_t before = now_ns;
        added->poll(added);
        set_lights(true, true, true);
        assert_true(now_ns == before);
    }
}

static void data_for_ever_while_lights_are_set(void **state)
{
    (void)state;
    for (unsigned flood = 0; flood < 256; flood++) {
        no_faults();
        assert_int_equal(start(FIRMWARE), OK);
        fault.floods = true;
        fault.flood = (uint8_t)flood;
        uint64_t before = now_ns;
        for (unsigned i = 0; i < 10; i++)
            set_lights(true, true, true);
        assert_true(now_ns - before < 200 * MS);
    }
}

// --- A bad keyboard ---------------------------------------------------------------------------

static void no_keyboard_and_one_plugged_in_later(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        no_faults();
        fault.no_keyboard = !i;
        fault.always_resends = i;
        assert_int_equal(start_within(FIRMWARE, 100 * MS), OK);
        assert_int_equal(log_lines[LOG_WARN], 1);
        assert_non_null(added);
        uint64_t before = now_ns;
        set_lights(false, true, false);
        assert_true(now_ns == before); // nobody to wait for
        no_faults();
        expect_keys();
    }
}

static void a_keyboard_that_asks_again(void **state)
{
    (void)state;
    no_faults();
    fault.resends = 2;
    assert_int_equal(start_within(FIRMWARE, 50 * MS), OK);
    assert_int_equal(log_lines[LOG_WARN], 0);
    fault.resends = 1;
    set_lights(true, true, false);
    assert_int_equal(pc.leds, 6);
    expect_keys();
}

static void lights(void **state)
{
    (void)state;
    no_faults();
    assert_int_equal(start(UNTRANSLATED), OK);
    for (unsigned bits = 0; bits < 8; bits++) {
        uint64_t before = now_ns;
        set_lights(bits & 4, bits & 2, bits & 1);
        assert_int_equal(pc.leds, bits); // [PS2]: scroll, num, caps from bit 0
        assert_true(now_ns - before < 10 * MS);
    }
    assert_int_equal(pc.lights_set, 8);
    expect_keys();
}

// Keys that arrive where an acknowledgement is expected aren't lost.
static void keys_while_lights_are_set(void **state)
{
    (void)state;
    no_faults();
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(start(i ? UNTRANSLATED : FIRMWARE), OK);
        poll_all();
        event_count = 0;
        type(A, true);
        type(A, false);
        set_lights(true, true, true);
        assert_int_equal(pc.leds, 7);
        poll_all();
        assert_int_equal(event_count, 2);
        assert_true(events[0].usage == A && events[0].pressed && !events[1].pressed);
        expect_keys();
    }
}

// It answers the first so many commands. The second of a light's two may be the one that isn't.
static void an_answer_is_lost_while_lights_are_set(void **state)
{
    (void)state;
    for (unsigned acks = 1; acks <= 3; acks++) {
        no_faults();
        fault.acks = acks;
        assert_int_equal(start(FIRMWARE), OK);
        log_forget();
        uint64_t before = now_ns;
        for (unsigned i = 0; i < 100; i++)
            set_lights(i & 1, true, false);
        assert_true(now_ns - before < 200 * MS); // once, and never again
        assert_int_equal(lines_logged(), 1);
        assert_int_equal(log_lines[LOG_WARN], 0);
    }
}

// It has taken the command and waits for what belongs to it: without a word it would stay mute.
static void a_keyboard_is_not_left_in_the_middle(void **state)
{
    (void)state;
    for (unsigned loses = 2; loses <= 3; loses++) {
        no_faults();
        fault.loses = loses;
        assert_int_equal(start(FIRMWARE), OK);
        set_lights(true, true, false);
        assert_int_equal(pc.lights_set, 0);
        expect_keys();
        uint64_t before = now_ns;
        set_lights(false, true, false);
        assert_true(now_ns == before);
    }
}

// --- Its interrupt
// --------------------------------------------------------------------------------

static void the_interrupt_only_wakes(void **state)
{
    (void)state;
    no_faults();
    assert_int_equal(start(FIRMWARE), OK);
    assert_int_equal(driver_start_i8042_interrupt(), OK);
    assert_non_null(interrupt);
    assert_int_equal(pc.config & 0x33, 0x21); // its own, not the mouse's
    assert_int_equal(pc.config & 0x44, FIRMWARE & 0x44);
    assert_false(added->interrupts); // not before one has come
    event_count = 0;
    type(A, true);
    now_ns += MS;
    notified = 0;
    assert_true(interrupt->handle(interrupt));
    assert_int_equal(notified, 1);
    assert_true(added->interrupts);
    assert_int_equal(event_count, 0);
    poll_all();
    assert_int_equal(event_count, 1);
    assert_true(interrupt->handle(interrupt)); // it was for what is read already
    assert_false(interrupt->handle(interrupt));
    poll_all();
    assert_false(interrupt->handle(interrupt));
    expect_keys();
    set_lights(true, false, false);
    assert_int_equal(pc.leds, 4);
}

static void a_key_from_before_the_interrupt_is_not_forgotten(void **state)
{
    (void)state;
    no_faults();
    assert_int_equal(start(FIRMWARE), OK);
    event_count = 0;
    type(A, true);
    now_ns += MS;
    assert_int_equal(driver_start_i8042_interrupt(), OK); // its edge is gone
    assert_int_equal(event_count, 1);
}

static void without_interrupts_or_keyboard(void **state)
{
    (void)state;
    no_faults();
    assert_int_equal(start(FIRMWARE), OK);
    irq_fails = NOT_SUPPORTED;
    assert_int_equal(driver_start_i8042_interrupt(), NOT_FOUND);
    assert_int_equal(pc.config & 0x33, 0x20);
    expect_keys();
    fault.is_absent = true;
    assert_int_equal(start(FIRMWARE), NOT_FOUND);
    assert_int_equal(driver_start_i8042_interrupt(), NOT_FOUND);
    assert_null(interrupt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sets),
        cmocka_unit_test(an_idle_poll_is_one_access),
        cmocka_unit_test(a_self_test_may_take_the_configuration_away),
        cmocka_unit_test(keys_from_before_the_start),
        cmocka_unit_test(a_byte_in_the_place_of_an_answer),
        cmocka_unit_test(bytes_of_the_mouse_are_thrown_away),
        cmocka_unit_test(absent),
        cmocka_unit_test(never_answers),
        cmocka_unit_test(takes_no_commands),
        cmocka_unit_test(data_for_ever_from_the_start),
        cmocka_unit_test(a_self_test_that_fails_first),
        cmocka_unit_test(a_self_test_that_fails_always),
        cmocka_unit_test(a_slow_self_test),
        cmocka_unit_test(a_self_test_without_an_answer),
        cmocka_unit_test(a_port_test_that_fails),
        cmocka_unit_test(everything_is_slow),
        cmocka_unit_test(a_controller_that_goes_away),
        cmocka_unit_test(data_for_ever_later),
        cmocka_unit_test(data_for_ever_while_lights_are_set),
        cmocka_unit_test(no_keyboard_and_one_plugged_in_later),
        cmocka_unit_test(a_keyboard_that_asks_again),
        cmocka_unit_test(lights),
        cmocka_unit_test(keys_while_lights_are_set),
        cmocka_unit_test(an_answer_is_lost_while_lights_are_set),
        cmocka_unit_test(a_keyboard_is_not_left_in_the_middle),
        cmocka_unit_test(the_interrupt_only_wakes),
        cmocka_unit_test(a_key_from_before_the_interrupt_is_not_forgotten),
        cmocka_unit_test(without_interrupts_or_keyboard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
