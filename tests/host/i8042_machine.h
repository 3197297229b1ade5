// A model of the PC's keyboard controller with a keyboard and a mouse, behind ports 0x60 and 0x64,
// with time that passes only by accesses; what a test types comes out at drivers/keyboard's place.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "drivers/scancode.c"

#include "drivers/i8042.c"
#include "tests/host/scan_codes.h"

// Whoever waits for keys has been told.
static unsigned notified;

void console_notify(void)
{
    notified++;
}

enum { ACCESS_NS = 1000, QUEUE = 64, EVENTS = 256 };

#define MS 1000000ull

// What is wrong with the machine. All zero: nothing.
static struct {
    bool is_absent;        // the ports read 0xff
    bool is_mute;          // commands are taken and never answered
    bool is_busy;          // the input buffer never empties
    bool floods;           // there is always data
    uint8_t flood;         // that data
    unsigned test_fails;   // so many self-tests
    bool test_mute;        // the self-test isn't answered
    bool test_resets;      // it takes the configuration away
    uint64_t slow_ns;      // before every answer of the controller
    uint64_t slow_test_ns; // before the self-test's
    uint64_t busy_ns;      // after every byte that is written
    uint8_t port_test;     // the result of the port's test
    bool no_keyboard;      // and nobody answers
    bool always_resends;   // the keyboard, or a controller without one
    unsigned acks;         // the keyboard stops answering after so many; 0: never
    unsigned loses;        // the byte to the keyboard that is lost, counted from 1; 0: none
    unsigned resends;      // it asks for so many repetitions first
    bool mouse_moves;      // a byte of the mouse before every byte of others
    uint8_t stray;         // comes, once, before the first answer; 0: none
} fault;

static struct {
    uint8_t config;
    uint8_t expecting; // a command whose argument comes next; 0: none
    struct {
        uint8_t byte;
        bool is_mouse;
        uint64_t at; // not earlier
    } output[QUEUE];
    unsigned count;
    bool translated_release;
    uint64_t busy_until;
    uint8_t keyboard_expects; // likewise
    bool scanning;
    uint8_t leds;
    unsigned to_keyboard, acks, lights_set, self_tests, accesses;
} pc;

static uint64_t now_ns;
static struct keyboard *added;
static struct key_event events[EVENTS];
static unsigned event_count;

uint64_t clock_ns(void)
{
    return now_ns;
}

void keyboard_add(struct keyboard *keyboard_)
{
    added = keyboard_;
}

void keyboard_key(uint8_t usage, bool pressed)
{
    events[event_count++ % EVENTS] = (struct key_event){usage, pressed};
}

static enum status irq_fails;
static struct irq_handler *interrupt;

enum status irq_add_isa(unsigned isa_line, struct irq_handler *handler)
{
    assert_int_equal(isa_line, 1);
    if (irq_fails == OK)
        interrupt = handler;
    return irq_fails;
}

static void put(uint8_t byte, bool is_mouse, uint64_t delay_ns)
{
    if (pc.count == QUEUE)
        return;
    pc.output[pc.count].byte = byte;
    pc.output[pc.count].is_mouse = is_mouse;
    pc.output[pc.count++].at = now_ns + delay_ns;
}

// From the controller itself.
static void answer(uint8_t byte, uint64_t delay_ns)
{
    if (fault.stray)
        put(fault.stray, false, 0);
    fault.stray = 0;
    if (fault.mouse_moves)
        put(0x08, true, 0);
    if (!fault.is_mute)
        put(byte, false, fault.slow_ns + delay_ns);
}

// From the keyboard, by way of the translation.
static void keyboard_sends(uint8_t byte)
{
    if (fault.mouse_moves)
        put(0x09, true, 0);
    if (!(pc.config & 0x40) || translate(&pc.translated_release, &byte))
        put(byte, false, MS);
}

static void keyboard_takes(uint8_t byte)
{
    if (++pc.to_keyboard == fault.loses)
        return;
    if (fault.always_resends || (fault.resends && fault.resends--)) {
        keyboard_sends(0xfe);
        return;
    }
    if (fault.no_keyboard || (fault.acks && pc.acks == fault.acks))
        return;
    pc.acks++;
    if (pc.keyboard_expects && byte < 0x80) {
        pc.leds = byte;
        pc.lights_set++;
        pc.keyboard_expects = 0;
        pc.scanning = true;
    } else if (byte == 0xed) {
        pc.keyboard_expects = byte;
        pc.scanning = false; // until the argument has come
    } else if (byte == 0xf4) {
        pc.keyboard_expects = 0;
        pc.scanning = true;
    } else {
        assert_int_not_equal(byte, 0xff); // the slow reset
        keyboard_sends(0xfe);
        return;
    }
    keyboard_sends(0xfa);
}

static void controller_takes(uint8_t command)
{
    switch (command) {
    case 0x20:
        answer(pc.config, 0);
        break;
    case 0x60:
        pc.expecting = command;
        break;
    case 0xa7:
        pc.config |= 0x20;
        break;
    case 0xaa:
        pc.self_tests++;
        if (fault.test_resets)
            pc.config = 0x03;
        if (!fault.test_mute)
            answer(fault.test_fails ? 0xfc : 0x55, fault.slow_test_ns);
        fault.test_fails -= fault.test_fails > 0;
        break;
    case 0xab:
        answer(fault.port_test, 0);
        break;
    case 0xad:
        pc.config |= 0x10;
        break;
    case 0xae:
        pc.config &= (uint8_t)~0x10;
        break;
    default:
        fail_msg("unexpected command 0x%x", command);
    }
}

static bool has_output(void)
{
    return fault.floods || (pc.count && now_ns >= pc.output[0].at);
}

static uint8_t read_status(void)
{
    uint8_t status = 0x14; // system flag, not locked
    if (has_output())
        status |= pc.count && pc.output[0].is_mouse ? 0x21 : 0x01;
    if (fault.is_busy || now_ns < pc.busy_until)
        status |= 0x02;
    return status;
}

static uint8_t read_data(void)
{
    if (fault.floods)
        return fault.flood;
    assert_true(has_output()); // else the byte is none
    uint8_t byte = pc.output[0].byte;
    memmove(pc.output, pc.output + 1, --pc.count * sizeof(pc.output[0]));
    return byte;
}

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(size, 1);
    now_ns += ACCESS_NS;
    pc.accesses++;
    assert_true(port == 0x60 || port == 0x64);
    if (fault.is_absent)
        return 0xff;
    return port == 0x64 ? read_status() : read_data();
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    now_ns += ACCESS_NS;
    pc.accesses++;
    assert_false(fault.is_absent || fault.is_busy || now_ns < pc.busy_until);
    pc.busy_until = now_ns + fault.busy_ns;
    if (port == 0x64) {
        controller_takes((uint8_t)value);
    } else if (pc.expecting) {
        pc.config = (uint8_t)value;
        pc.expecting = 0;
    } else {
        pc.config &= (uint8_t)~0x10; // what is sent to the keyboard switches its line on
        keyboard_takes((uint8_t)value);
    }
}

// A key of the keyboard goes down or up. Nothing comes where its line is off.
static void type(unsigned usage, bool pressed)
{
    uint8_t bytes[8];
    unsigned count = set2_bytes(bytes, usage, pressed);
    for (unsigned i = 0; i < count && pc.scanning && !(pc.config & 0x10); i++)
        keyboard_sends(bytes[i]);
}

// The machine as the firmware leaves it, with `config` as configuration.
static enum status start(uint8_t config)
{
    memset(&pc, 0, sizeof(pc));
    pc.config = config;
    pc.scanning = true;
    decoder = (struct scancode_decoder){0};
    start_end = 0;
    has_leds = is_flooded = is_added = was_served = keyboard.interrupts = false;
    bytes_without_pause = event_count = 0;
    added = NULL;
    interrupt = NULL;
    irq_fails = OK;
    log_forget();
    return driver_start_i8042();
}
