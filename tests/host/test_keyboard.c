// drivers/keyboard: the option, modifiers, locks and lights, and the queue. Catches a modifier that
// sticks or that only one of its two keys sets, a lock that a repeating key toggles, half a
// sequence from a full queue, lights that are set while a keyboard is being polled, and a reset by
// other keys than Ctrl-Alt-Del.

#include "tests/host/keyboard_machine.h"

static void the_option(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "fr", "US", "dee", "d", "us,de", "de "};
    start("de");
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_not_equal(option_set_keyboard(bad[i]), OK);
    expect_sent(0, 0, 0x1c, "z"); // none of them has changed it
}

// Two keys of one modifier are held, and one is let go.
static void modifiers_left_and_right(void **state)
{
    (void)state;
    start("us");
    keyboard_key(LSHIFT, true);
    keyboard_key(RSHIFT, true);
    keyboard_key(LSHIFT, false);
    expect_sent(0, 0, 0x04, "A");
    keyboard_key(RSHIFT, false);
    expect_sent(0, 0, 0x04, "a");
    keyboard_key(LSHIFT, false); // once more, as after an overrun
    expect_sent(LGUI, 0, 0x04, "a");
}

// --- Locks and lights -------------------------------------------------------------------------

static void a_lock_toggles_once_however_long_it_is_held(void **state)
{
    (void)state;
    start("us");
    for (unsigned i = 0; i < 4; i++)
        keyboard_key(CAPS, true);
    expect_sent(0, 0, 0x04, "A");
    keyboard_key(CAPS, false);
    expect_sent(0, 0, 0x04, "A");
    tap(CAPS);
    expect_sent(0, 0, 0x04, "a");
}

// [BIOS data area] 40:17; where there is UEFI, whatever stands there means nothing.
static void num_lock_is_the_firmwares(void **state)
{
    (void)state;
    bios_flags = 0xdf;
    start("us");
    assert_int_equal(locks_on, 0);
    bios_flags = 0x20;
    start("us");
    assert_int_equal(locks_on, BIT(LOCK_NUM));
    boot_info.efi.system_table = 0x1000;
    start("us");
    assert_int_equal(locks_on, 0);
    boot_info.efi.system_table = 0;
}

static void lights_follow_the_locks(void **state)
{
    (void)state;
    start("us");
    assert_int_equal(read_byte(), -1);
    assert_int_equal(typed.lights, 1); // as the firmware has left them
    assert_int_equal(typed.lit, 2);
    static const uint8_t keys[] = {CAPS, SCROLL, NUM, CAPS, SCROLL, NUM};
    static const uint8_t lit[] = {3, 7, 5, 4, 0, 2};
    for (unsigned i = 0; i < sizeof(keys); i++) {
        typed.keys[0] = keys[i];
        typed.keys[1] = 0x100 | keys[i];
        typed.count = 2;
        assert_int_equal(read_byte(), -1);
        assert_int_equal(typed.lights, i + 2);
        assert_int_equal(typed.lit, lit[i]);
    }
    for (unsigned i = 0; i < 10; i++)
        tap(0x04);
    (void)read_all();
    assert_int_equal(typed.lights, 7);
}

// --- The queue and the source -----------------------------------------------------------------

static void a_key_repeats(void **state)
{
    (void)state;
    start("us");
    for (unsigned i = 0; i < 3; i++)
        keyboard_key(0x04, true);
    keyboard_key(0x04, false);
    assert_string_equal(read_all(), "aaa");
}

// Sequences of 6 bytes, more of them than there is room for, from every place in the ring.
static void a_full_queue_drops_whole_keys(void **state)
{
    (void)state;
    start("us");
    for (unsigned round = 0; round < QUEUE_SIZE; round++) {
        keyboard_key(LCTRL, true);
        for (unsigned i = 0; i < QUEUE_SIZE; i++)
            tap(0x52);
        keyboard_key(LCTRL, false);
        const char *text = read_all();
        unsigned whole = 0;
        while (string_starts_with(text, "\033[1;5A")) {
            text += 6;
            whole++;
        }
        if (*text != 0) // what still fits is a single byte; none was typed
            fail_msg("round %u: %u whole sequences, then %zu bytes", round, whole, strlen(text));
        assert_true(whole >= 10 && whole <= QUEUE_SIZE / 6);
        tap(0x04);
        assert_string_equal(read_all(), "a");
    }
}

static void the_queue_comes_before_the_keyboards(void **state)
{
    (void)state;
    start("us");
    tap(0x04);
    tap(0x05);
    assert_int_equal(read_byte(), 'a');
    assert_int_equal(read_byte(), 'b');
    assert_int_equal(typed.polls, 0);
    typed.keys[0] = 0x06;
    typed.count = 1;
    assert_int_equal(read_byte(), 'c');
    assert_int_equal(typed.polls, 1);
    assert_int_equal(read_byte(), -1);
    assert_int_equal(typed.polls, 2);
}

static void several_keyboards_are_one_source(void **state)
{
    (void)state;
    static struct keyboard second = {.description = "USB", .poll = typed_poll};
    start("de");
    assert_string_equal(added->name, "screen");
    assert_string_equal(added->description, "PS/2 (i8042), layout de");
    keyboard_add(&second);
    assert_int_equal(sources_added, 1);
    assert_string_equal(added->description, "USB, PS/2 (i8042), layout de");
    assert_int_equal(read_byte(), -1);
    assert_int_equal(typed.polls, 2);
    assert_int_equal(typed.lights, 1); // the second has none
    static struct keyboard more[8];
    for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
        more[i] = (struct keyboard){.description = "a long description", .poll = typed_poll};
        keyboard_add(&more[i]);
    }
    assert_true(strlen(added->description) < sizeof(description));
}

static bool resets(unsigned ctrl, unsigned alt, unsigned usage)
{
    start("de");
    keyboard_key((uint8_t)ctrl, true);
    keyboard_key((uint8_t)alt, true);
    if (setjmp(reset))
        return true;
    tap(usage);
    return false;
}

static void control_alt_delete(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_true(resets(i & 1 ? LCTRL : RCTRL, i & 2 ? LALT : RALT, i & 4 ? 0x4c : 0x63));
    assert_false(resets(LCTRL, LSHIFT, 0x4c));
    assert_false(resets(LALT, LSHIFT, 0x4c));
    assert_false(resets(LALT, RALT, 0x4c));
    assert_false(resets(LCTRL, LALT, 0x49));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_option),
        cmocka_unit_test(modifiers_left_and_right),
        cmocka_unit_test(a_lock_toggles_once_however_long_it_is_held),
        cmocka_unit_test(num_lock_is_the_firmwares),
        cmocka_unit_test(lights_follow_the_locks),
        cmocka_unit_test(a_key_repeats),
        cmocka_unit_test(a_full_queue_drops_whole_keys),
        cmocka_unit_test(the_queue_comes_before_the_keyboards),
        cmocka_unit_test(several_keyboards_are_one_source),
        cmocka_unit_test(control_alt_delete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
