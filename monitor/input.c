// What is typed, and was typed ahead.
//
// While a command runs or something is drawn, nobody waits for keys: whoever writes polls in
// between (monitor/output.c), and the bytes wait here with a mark of where they came from.

#include "monitor/input.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/idle.h"
#include "kernel/log.h"
#include "kernel/timer.h"
#include "monitor/key.h"

enum { FROM_KEYBOARD = 0x100, POLL_MAX = 256 };

#define LOST_NS 1000000000ull
#define LOOK_NS 5000000ull // 16 characters, which a UART holds, take 1.4 ms; the keyboard's less

static struct key_decoder decoder;
static uint16_t ahead[INPUT_AHEAD_MAX]; // a ring of bytes, with FROM_KEYBOARD
static unsigned first, count;
static bool is_dropping; // up to the next line's end
static bool is_busy;     // a source is being read: what it logs must not read it again
static bool is_watched, is_interrupted, is_from_keyboard;

static bool is_line_end(unsigned entry)
{
    uint8_t byte = (uint8_t)entry;
    return byte == '\r' || byte == '\n';
}

// There is no room: the line that has been begun goes, since half a line must never be run.
static void drop_line(void)
{
    while (count && !is_line_end(ahead[(first + count - 1) % INPUT_AHEAD_MAX]))
        count--;
    is_dropping = true;
    console_write("\a", 1);
}

static void add(unsigned entry)
{
    if (is_watched && (uint8_t)entry == KEY_CONTROL('C')) {
        is_interrupted = true;
        return;
    }
    if (!is_dropping && count == INPUT_AHEAD_MAX)
        drop_line();
    if (is_dropping)
        is_dropping = !is_line_end(entry);
    else
        ahead[(first + count++) % INPUT_AHEAD_MAX] = (uint16_t)entry;
}

static void poll_source(struct console_source *source)
{
    unsigned mark = source->is_local ? FROM_KEYBOARD : 0;
    for (unsigned i = 0; i < POLL_MAX; i++) { // one that never ends is broken
        int byte = source->read(source);
        if (byte < 0)
            return;
        add((uint8_t)byte | mark);
    }
}

void input_poll(void)
{
    if (is_busy)
        return;
    is_busy = true;
    for (struct console_source *source = console_sources(); source; source = source->next)
        if (!source->is_left_out)
            poll_source(source);
    is_busy = false;
}

static uint8_t take_ahead(void)
{
    unsigned entry = ahead[first];
    first = (first + 1) % INPUT_AHEAD_MAX;
    count--;
    is_from_keyboard = entry & FROM_KEYBOARD;
    return (uint8_t)entry;
}

// The next byte, or -1.
static int next_byte(void)
{
    if (count)
        return take_ahead();
    is_busy = true;
    int byte = console_read();
    is_busy = false;
    if (byte >= 0)
        is_from_keyboard = console_last_source()->is_local;
    return byte;
}

// When to look again without having been interrupted: for a source that doesn't interrupt, for an
// escape that is the key of that name if nothing follows, and in case an interrupt was lost, or its
// line is masked for a storm.
static uint64_t next_look(void)
{
    uint64_t pause_ns = decoder.state == KEY_STATE_PLAIN ? LOST_NS : KEY_PAUSE_NS;
    for (struct console_source *source = console_sources(); source; source = source->next)
        if (!source->is_left_out && !source->interrupts)
            pause_ns = LOOK_NS;
    return clock_ns() + pause_ns;
}

unsigned input_key(void)
{
    for (;;) {
        uint64_t mark = idle_mark();
        int byte = next_byte();
        unsigned key = byte < 0 ? key_decode_pause(&decoder, clock_ns())
                                : key_decode(&decoder, (uint8_t)byte, clock_ns());
        if (key != KEY_NONE)
            return key;
        if (byte >= 0)
            continue;
        log_show();
        idle_since(mark, next_look());
    }
}

bool input_scroll(unsigned key)
{
    if (key == (KEY_SHIFT | KEY_PAGE_UP))
        console_scroll(1);
    else if (key == (KEY_SHIFT | KEY_PAGE_DOWN))
        console_scroll(-1);
    else
        return false;
    return true;
}

bool input_is_from_keyboard(void)
{
    return is_from_keyboard;
}

bool input_is_waiting(void)
{
    return count > 0;
}

void input_watch(bool is_on)
{
    is_watched = is_on;
    is_interrupted = is_on && count && (uint8_t)ahead[first] == KEY_CONTROL('C');
    if (is_interrupted)
        (void)take_ahead();
}

bool input_is_interrupted(void)
{
    return is_interrupted;
}
