// drivers/keyboard with all that stands between a key and the console's bytes, keyboards on which a
// test types, and the little of the kernel that is asked for.
#pragma once

#include "tests/host/lib.h"

#include "drivers/key_text.c"
#include "drivers/keyboard.c"
#include "drivers/keymap.c"

enum {
    CAPS = 0x39,
    NUM = 0x53,
    SCROLL = 0x47,
    LCTRL = 0xe0,
    LSHIFT,
    LALT,
    LGUI,
    RCTRL,
    RSHIFT,
    RALT
};

// --- The kernel around it ---------------------------------------------------------------------

struct boot_info boot_info;
uintptr_t direct_map_base, direct_map_size;
static uint8_t low_memory[0x500], bios_flags = 0x20; // Num Lock

static struct console_source *added;
static unsigned sources_added;
static jmp_buf reset;

void console_add_source(struct console_source *source_)
{
    added = source_;
    sources_added++;
}

void power_reset(void)
{
    longjmp(reset, 1);
}

// A keyboard on which a test types: usages, 0x100 added for a key that goes up.
static struct {
    uint16_t keys[64];
    unsigned count, polls, lights, lit;
    bool in_poll;
} typed;

static void typed_poll(struct keyboard *keyboard)
{
    (void)keyboard;
    typed.polls++;
    typed.in_poll = true;
    for (unsigned i = 0; i < typed.count; i++)
        keyboard_key((uint8_t)typed.keys[i], typed.keys[i] < 0x100);
    typed.in_poll = false;
    typed.count = 0;
}

static void typed_leds(struct keyboard *keyboard, bool caps, bool num, bool scroll)
{
    (void)keyboard;
    assert_false(typed.in_poll);
    typed.lights++;
    typed.lit = caps | num << 1 | scroll << 2;
}

static struct keyboard first = {
    .description = "PS/2 (i8042)", .poll = typed_poll, .set_leds = typed_leds};

static void start(const char *name)
{
    keyboards = NULL;
    layout = NULL;
    modifiers_down = locks_down = 0;
    locks_on = 0;
    low_memory[0x417] = bios_flags;
    direct_map_base = (uintptr_t)low_memory;
    direct_map_size = sizeof(low_memory);
    queue_head = queue_tail = 0;
    typed.count = typed.polls = typed.lights = 0;
    added = NULL;
    sources_added = 0;
    if (name)
        assert_int_equal(option_set_keyboard(name), OK);
    keyboard_add(&first);
}

static int read_byte(void)
{
    return added->read(added);
}

static const char *read_all(void)
{
    static char text[QUEUE_SIZE + 1];
    unsigned length = 0;
    int byte;
    while ((byte = read_byte()) >= 0 && length < QUEUE_SIZE)
        text[length++] = (char)byte;
    text[length] = 0;
    return text;
}

static void tap(unsigned usage)
{
    keyboard_key((uint8_t)usage, true);
    keyboard_key((uint8_t)usage, false);
}

// What a key sends while up to two others are held.
static const char *sent(unsigned held, unsigned held_too, unsigned usage)
{
    if (held)
        keyboard_key((uint8_t)held, true);
    if (held_too)
        keyboard_key((uint8_t)held_too, true);
    tap(usage);
    if (held_too)
        keyboard_key((uint8_t)held_too, false);
    if (held)
        keyboard_key((uint8_t)held, false);
    return read_all();
}

static void expect_sent(unsigned held, unsigned held_too, unsigned usage, const char *expected)
{
    const char *text = sent(held, held_too, usage);
    if (!string_equal(text, expected))
        fail_msg("0x%x with 0x%x and 0x%x sends [%s] and not [%s]", usage, held, held_too,
                 text[0] == 27 ? text + 1 : text, expected[0] == 27 ? expected + 1 : expected);
}
