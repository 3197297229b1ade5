// The PS/2 keyboard behind the controller of the PC, once an Intel 8042 [PS2].
//
// It is polled. Its interrupt only wakes whoever waits: a handler that read bytes would take away
// the answers that commands wait for.
//
// Whatever the controller does, every wait ends, and a poll reads a bounded number of bytes. What
// machines are known to do otherwise than the book:
//  - keys are pressed while the driver starts, and come where an answer is expected;
//  - a self-test fails the first time, or takes away the configuration, or is never answered by a
//    controller that otherwise works;
//  - keyboards in laptops without lights never answer the command that sets them;
//  - where no keyboard is plugged in, the controller answers "resend" in its place;
//  - the time-out bit of the status is set for bytes that are sound, so it isn't looked at.
// The keyboard isn't reset: that takes up to a second, and the firmware has done it.

#include "arch/arch.h"
#include "arch/x86_64/io.h"
#include "drivers/keyboard.h"
#include "drivers/scancode.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/driver.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "lib/bits.h"

enum { // [PS2]: ports
    PORT_DATA = 0x60,
    PORT_STATUS = 0x64,    // read
    STATUS_DATA = BIT(0),  // a byte is there to be read
    STATUS_BUSY = BIT(1),  // what was written hasn't been taken yet
    STATUS_MOUSE = BIT(5), // the byte is the mouse's
    PORT_COMMAND = 0x64,   // written
    ABSENT = 0xff,
};

enum { // commands to the controller
    READ_CONFIG = 0x20,
    WRITE_CONFIG = 0x60,
    CONFIG_KEYBOARD_INTERRUPT = BIT(0),
    CONFIG_MOUSE_INTERRUPT = BIT(1),
    CONFIG_KEYBOARD_OFF = BIT(4),
    CONFIG_MOUSE_OFF = BIT(5),
    CONFIG_TRANSLATE = BIT(6), // scan codes of set 2 become set 1
    DISABLE_MOUSE = 0xa7,
    SELF_TEST = 0xaa,
    SELF_TEST_PASSED = 0x55,
    TEST_KEYBOARD_PORT = 0xab,
    PORT_TEST_PASSED = 0,
    DISABLE_KEYBOARD = 0xad,
    ENABLE_KEYBOARD = 0xae,
};

enum { // commands to the keyboard, and its answers
    SET_LEDS = 0xed,
    LED_SCROLL = BIT(0),
    LED_NUM = BIT(1),
    LED_CAPS = BIT(2),
    ENABLE_SCANNING = 0xf4,
    ACKNOWLEDGE = 0xfa,
    RESEND = 0xfe,
};

enum {
    DRAIN_MAX = 64,    // bytes that may wait at the start
    BYTES_A_POLL = 16, // what a controller holds
    FLOOD_MAX = 4096,  // bytes without a pause: 3 s of the fastest line
    TRIES = 3,
};

#define ANSWER_NS    50000000ull
#define SELF_TEST_NS 500000000ull
#define START_NS     1000000000ull

static uint64_t start_end; // no wait of the start goes on longer
static struct scancode_decoder decoder;
static bool is_added, has_leds, is_flooded;
static unsigned bytes_without_pause;
static uint8_t used_config;
static bool was_served; // an interrupt on its way may find nothing

static uint64_t wait_end(uint64_t limit_ns)
{
    uint64_t end = clock_ns() + limit_ns;
    return start_end && end > start_end ? start_end : end;
}

static bool send(uint16_t port, uint8_t byte)
{
    uint64_t end = wait_end(ANSWER_NS);
    while (port_read8(PORT_STATUS) & STATUS_BUSY) {
        if (clock_ns() >= end)
            return false;
        arch_pause();
    }
    port_write8(port, byte);
    return true;
}

// The next byte that isn't the mouse's, or -1 where there is none until `end`.
static int receive(uint64_t end)
{
    for (;;) {
        uint8_t status = port_read8(PORT_STATUS);
        if (status & STATUS_DATA) {
            uint8_t byte = port_read8(PORT_DATA);
            if (!(status & STATUS_MOUSE))
                return byte;
        }
        if (clock_ns() >= end)
            return -1;
        arch_pause();
    }
}

// Throws away what is there to be read. Returns false where that never ends.
static bool drain(void)
{
    for (unsigned i = 0; i < DRAIN_MAX; i++) {
        if (!(port_read8(PORT_STATUS) & STATUS_DATA))
            return true;
        (void)port_read8(PORT_DATA);
    }
    return false;
}

// The answer to a command of the controller, or -1. What was there before is none.
static int ask(uint8_t command, uint64_t limit_ns)
{
    (void)drain();
    return send(PORT_COMMAND, command) ? receive(wait_end(limit_ns)) : -1;
}

static void take_byte(uint8_t byte)
{
    struct key_event event;
    if (scancode_decode(&decoder, byte, &event))
        keyboard_key(event.usage, event.pressed);
}

// Keys that come before the answer are taken as such, however many until `end`.
static int receive_answer(uint64_t end)
{
    int byte = receive(end);
    while (byte >= 0 && byte != ACKNOWLEDGE && byte != RESEND) {
        take_byte((uint8_t)byte);
        byte = clock_ns() < end ? receive(end) : -1;
    }
    return byte;
}

static bool command_keyboard(uint8_t byte)
{
    uint64_t end = wait_end(ANSWER_NS);
    int answer = RESEND;
    for (unsigned i = 0; i < TRIES && answer == RESEND; i++)
        answer = send(PORT_DATA, byte) ? receive_answer(end) : -1;
    return answer == ACKNOWLEDGE;
}

static void poll(struct keyboard *keyboard)
{
    (void)keyboard;
    if (is_flooded)
        return;
    for (unsigned i = 0; i < BYTES_A_POLL; i++) {
        uint8_t status = port_read8(PORT_STATUS);
        if (status == ABSENT || !(status & STATUS_DATA)) {
            bytes_without_pause = 0;
            return;
        }
        uint8_t byte = port_read8(PORT_DATA);
        was_served = true;
        if (!(status & STATUS_MOUSE))
            take_byte(byte);
    }
    bytes_without_pause += BYTES_A_POLL;
    is_flooded = bytes_without_pause >= FLOOD_MAX;
    if (is_flooded)
        log_warn("keyboard: the controller sends without end; given up");
}

// One that fails is left alone for good: no key may wait for its lights. 0xf4 ends the command that
// it may still be in.
static void set_leds(struct keyboard *keyboard, bool caps, bool num, bool scroll)
{
    (void)keyboard;
    unsigned lit = (scroll ? LED_SCROLL : 0) | (num ? LED_NUM : 0) | (caps ? LED_CAPS : 0);
    if (!has_leds || is_flooded)
        return;
    has_leds = command_keyboard(SET_LEDS) && command_keyboard((uint8_t)lit);
    if (has_leds)
        return;
    log_info("keyboard: its lights can't be set; left alone");
    (void)command_keyboard(ENABLE_SCANNING);
}

// Believed when it comes twice: a key that was on its way may stand in its place.
static int read_config(void)
{
    int before = -1, config = ask(READ_CONFIG, ANSWER_NS);
    for (unsigned i = 0; i < TRIES && config >= 0 && config != before; i++) {
        before = config;
        config = ask(READ_CONFIG, ANSWER_NS);
    }
    return config;
}

static bool write_config(uint8_t config)
{
    return send(PORT_COMMAND, WRITE_CONFIG) && send(PORT_DATA, config);
}

static void test_controller(void)
{
    int result = ask(SELF_TEST, SELF_TEST_NS);
    for (unsigned i = 1; i < TRIES && result >= 0 && result != SELF_TEST_PASSED; i++)
        result = ask(SELF_TEST, SELF_TEST_NS);
    if (result < 0)
        log_warn("keyboard: the controller doesn't answer its self-test; going on without");
    else if (result != SELF_TEST_PASSED)
        log_warn("keyboard: the controller's self-test says 0x%x; going on", (unsigned)result);
}

static void test_port(void)
{
    int result = ask(TEST_KEYBOARD_PORT, ANSWER_NS);
    if (result < 0)
        log_warn("keyboard: the controller doesn't answer the test of its port; going on");
    else if (result != PORT_TEST_PASSED)
        log_warn("keyboard: the test of the keyboard's port says 0x%x; going on", (unsigned)result);
}

// Brings the controller into a known state, both ports off. Returns the configuration, -1 where
// there is no controller.
static int find_controller(void)
{
    if (port_read8(PORT_STATUS) == ABSENT) {
        log_info("keyboard: no controller at port 0x%x", PORT_STATUS);
        return -1;
    }
    if (!send(PORT_COMMAND, DISABLE_KEYBOARD) || !send(PORT_COMMAND, DISABLE_MOUSE)) {
        log_info("keyboard: the controller at port 0x%x takes no commands", PORT_STATUS);
        return -1;
    }
    if (!drain()) {
        log_info("keyboard: the controller at port 0x%x sends without end", PORT_STATUS);
        return -1;
    }
    int config = read_config();
    if (config < 0)
        log_info("keyboard: the controller at port 0x%x doesn't answer", PORT_STATUS);
    return config;
}

// The self-test may have taken the configuration away, and switched the mouse on.
static bool set_up(uint8_t config)
{
    config &= (uint8_t) ~(CONFIG_KEYBOARD_INTERRUPT | CONFIG_MOUSE_INTERRUPT);
    config |= CONFIG_KEYBOARD_OFF | CONFIG_MOUSE_OFF;
    used_config = config & (uint8_t)~CONFIG_KEYBOARD_OFF;
    if (!write_config(config))
        return false;
    test_controller();
    bool is_set = write_config(config);
    test_port();
    return is_set && send(PORT_COMMAND, ENABLE_KEYBOARD);
}

static struct keyboard keyboard = {
    .description = "PS/2 (i8042)", .poll = poll, .set_leds = set_leds};

INPUT_DRIVER(i8042)
{
    start_end = clock_ns() + START_NS;
    int config = find_controller();
    if (config < 0)
        return NOT_FOUND;
    decoder.set = config & CONFIG_TRANSLATE ? SCANCODE_SET1 : SCANCODE_SET2;
    if (!set_up((uint8_t)config))
        log_warn("keyboard: the controller has stopped taking commands");
    has_leds = command_keyboard(ENABLE_SCANNING);
    start_end = 0;
    if (has_leds)
        log_info("keyboard: PS/2, scan code set %d", (int)decoder.set);
    else
        log_warn("keyboard: PS/2, doesn't answer; listening for one that is plugged in later");
    keyboard_add(&keyboard);
    is_added = true;
    return OK;
}

static bool note_byte(struct irq_handler *handler)
{
    (void)handler;
    bool has_asked = was_served || port_read8(PORT_STATUS) & STATUS_DATA;
    was_served = false;
    keyboard.interrupts |= has_asked;
    console_notify();
    return has_asked;
}

// Behind the interrupt controllers. What waits in the controller already raises no edge any more.
DRIVER(i8042_interrupt)
{
    enum { KEYBOARD_LINE = 1 };
    static struct irq_handler handler = {.name = "keyboard", .handle = note_byte};
    if (!is_added || irq_add_isa(KEYBOARD_LINE, &handler) != OK)
        return NOT_FOUND;
    if (!write_config(used_config | CONFIG_KEYBOARD_INTERRUPT))
        log_info("keyboard: its interrupt can't be switched on; polled");
    poll(&keyboard);
    return OK;
}
