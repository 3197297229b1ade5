// What keyboards of every kind share.
//
// What keys send waits in a queue, a key's bytes all or none, until the console asks for them.

#include "drivers/keyboard.h"
#include "drivers/key_text.h"
#include "drivers/key_usage.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "kernel/option.h"
#include "kernel/power.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "mm/layout.h"

enum { QUEUE_SIZE = 128 }; // a power of two

enum lock { LOCK_CAPS, LOCK_NUM, LOCK_SCROLL, LOCKS };

static const uint8_t lock_usages[LOCKS] = {USAGE_CAPS_LOCK, USAGE_NUM_LOCK, USAGE_SCROLL_LOCK};

static struct keyboard *keyboards;
static const struct keymap *layout;
static uint8_t modifiers_down;       // bit 0 is the left Ctrl key, as in usages
static uint8_t locks_on, locks_down; // by enum lock
static bool leds_stale;
static char queue[QUEUE_SIZE];
static unsigned queue_head, queue_tail; // bytes ever taken and put
static char description[80];

OPTION(keyboard, "us|de", "the keyboard's layout; us if not said")
{
    const struct keymap *found = keymap_find(value);
    if (!found)
        return BAD_ARGUMENT;
    layout = found;
    return OK;
}

static const struct keymap *used_layout(void)
{
    if (!layout)
        layout = keymap_find("us");
    return layout;
}

static void queue_put(const char *text, size_t length)
{
    if (length > QUEUE_SIZE - (queue_tail - queue_head))
        return;
    while (length--)
        queue[queue_tail++ % QUEUE_SIZE] = *text++;
}

static int queue_take(void)
{
    return queue_head == queue_tail ? -1 : (uint8_t)queue[queue_head++ % QUEUE_SIZE];
}

static bool is_down(uint8_t left, uint8_t right)
{
    return modifiers_down & (BIT(left - USAGE_LEFT_CTRL) | BIT(right - USAGE_LEFT_CTRL));
}

static unsigned modifiers(void)
{
    uint8_t right_alt = used_layout()->has_altgr ? USAGE_LEFT_ALT : USAGE_RIGHT_ALT;
    unsigned result = 0;
    if (is_down(USAGE_LEFT_SHIFT, USAGE_RIGHT_SHIFT))
        result |= MODIFIER_SHIFT;
    if (is_down(USAGE_LEFT_CTRL, USAGE_RIGHT_CTRL))
        result |= MODIFIER_CTRL;
    if (is_down(USAGE_LEFT_ALT, right_alt))
        result |= MODIFIER_ALT;
    if (used_layout()->has_altgr && is_down(USAGE_RIGHT_ALT, USAGE_RIGHT_ALT))
        result |= MODIFIER_ALTGR;
    if (locks_on & BIT(LOCK_CAPS))
        result |= MODIFIER_CAPS;
    if (locks_on & BIT(LOCK_NUM))
        result |= MODIFIER_NUM;
    return result;
}

// The bit of a lock's key, 0 for other keys.
static uint8_t lock_bit(uint8_t usage)
{
    for (unsigned lock = 0; lock < LOCKS; lock++)
        if (lock_usages[lock] == usage)
            return (uint8_t)BIT(lock);
    return 0;
}

// Held down it repeats, and turns its lock around only once.
static void lock_key(uint8_t bit, bool pressed)
{
    if (pressed && !(locks_down & bit)) {
        locks_on ^= bit;
        leds_stale = true;
    }
    locks_down = pressed ? locks_down | bit : locks_down & (uint8_t)~bit;
}

static void modifier_key(uint8_t usage, bool pressed)
{
    uint8_t bit = (uint8_t)BIT(usage - USAGE_LEFT_CTRL);
    modifiers_down = pressed ? modifiers_down | bit : modifiers_down & (uint8_t)~bit;
}

static bool asks_for_reset(uint8_t usage)
{
    return (usage == USAGE_DELETE || usage == USAGE_PAD_DOT) &&
           is_down(USAGE_LEFT_CTRL, USAGE_RIGHT_CTRL) && is_down(USAGE_LEFT_ALT, USAGE_RIGHT_ALT);
}

void keyboard_key(uint8_t usage, bool pressed)
{
    char text[USAGE_TEXT_MAX];
    uint8_t lock = lock_bit(usage);
    if (usage >= USAGE_LEFT_CTRL && usage <= USAGE_RIGHT_GUI)
        modifier_key(usage, pressed);
    else if (lock)
        lock_key(lock, pressed);
    else if (pressed && asks_for_reset(usage))
        power_reset();
    else if (pressed)
        queue_put(text, key_text(text, used_layout(), usage, modifiers()));
}

// Not from keyboard_key(): a driver that reports keys isn't ready to talk to its keyboard.
static void show_leds(void)
{
    leds_stale = false;
    for (struct keyboard *k = keyboards; k; k = k->next)
        if (k->set_leds)
            k->set_leds(k, locks_on & BIT(LOCK_CAPS), locks_on & BIT(LOCK_NUM),
                        locks_on & BIT(LOCK_SCROLL));
}

static int read_key(struct console_source *source)
{
    int byte = queue_take();
    if (byte >= 0)
        return byte;
    bool all_interrupt = true;
    for (struct keyboard *k = keyboards; k; k = k->next) {
        k->poll(k);
        all_interrupt &= k->interrupts;
    }
    source->interrupts = all_interrupt;
    if (leds_stale)
        show_leds();
    return queue_take();
}

static struct console_source source = {
    .name = "screen", .description = description, .is_local = true, .read = read_key};

static void describe(void)
{
    size_t length = 0;
    for (struct keyboard *k = keyboards; k && length < sizeof(description); k = k->next)
        length +=
            snprintf(description + length, sizeof(description) - length, "%s, ", k->description);
    if (length < sizeof(description))
        (void)snprintf(description + length, sizeof(description) - length, "layout %s",
                       used_layout()->name);
}

// Num Lock stays as the firmware has set it: a laptop without a keypad makes one of its letters
// while it is on. A BIOS keeps its flags in memory; with UEFI it is off.
static uint8_t firmware_locks(void)
{
    enum { BIOS_KEYBOARD_FLAGS = 0x417, FLAG_NUM_LOCK = BIT(5) };
    const volatile uint8_t *flags = phys_to_virt(BIOS_KEYBOARD_FLAGS, sizeof(*flags));
    bool is_on = !boot_info.efi.system_table && flags && *flags & FLAG_NUM_LOCK;
    return is_on ? BIT(LOCK_NUM) : 0;
}

void keyboard_add(struct keyboard *keyboard)
{
    bool is_first = !keyboards;
    keyboard->next = keyboards;
    keyboards = keyboard;
    leds_stale = true;
    describe();
    if (!is_first)
        return;
    locks_on = firmware_locks();
    console_add_source(&source);
}
