// What is typed, and was typed ahead.
//
// While a command runs, the session looks for what comes, and whoever writes does in between
// (monitor/output.c): the bytes wait here with a mark of where they came from, until somebody wants
// keys.

#include "monitor/input.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "monitor/key.h"

enum { FROM_KEYBOARD = 0x100, POLL_MAX = 256 };

#define LOOK_NS 5000000ull // 16 characters, which a UART holds, take 1.4 ms; the keyboard's less

static struct mutex lock; // of all that follows, and of the sources
static struct key_decoder decoder;
static uint16_t ahead[INPUT_AHEAD_MAX]; // a ring of bytes, with FROM_KEYBOARD
static unsigned first, count;
static bool is_dropping; // up to the next line's end
static bool is_watched, is_interrupted, is_suspended, is_from_keyboard;

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

// Returns whether it is something that is watched for.
static bool is_signal(uint8_t byte)
{
    if (!is_watched || (byte != KEY_CONTROL('C') && byte != KEY_CONTROL('Z')))
        return false;
    __atomic_store_n(byte == KEY_CONTROL('C') ? &is_interrupted : &is_suspended, true,
                     __ATOMIC_RELAXED);
    return true;
}

static void add(unsigned entry)
{
    if (is_signal((uint8_t)entry))
        return;
    if (!is_dropping && count == INPUT_AHEAD_MAX)
        drop_line();
    if (is_dropping)
        is_dropping = !is_line_end(entry);
    else
        ahead[(first + count++) % INPUT_AHEAD_MAX] = (uint16_t)entry;
}

// With the lock held.
static void take_all(void)
{
    int byte;
    for (unsigned i = 0; i < POLL_MAX && (byte = console_read()) >= 0; i++) // one may never end
        add((uint8_t)byte | (console_last_source()->is_local ? FROM_KEYBOARD : 0));
}

// Whoever has the lock is taking it himself.
void input_poll(void)
{
    if (!mutex_try_lock(&lock))
        return;
    take_all();
    mutex_unlock(&lock);
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
    if (!count)
        take_all();
    return count ? take_ahead() : -1;
}

// When to look again without having been told: for a source that doesn't interrupt, and for an
// escape that is the key of that name if nothing follows.
static uint64_t next_look(void)
{
    uint64_t pause_ns = decoder.state == KEY_STATE_PLAIN ? TIMER_NEVER : KEY_PAUSE_NS;
    for (struct console_source *source = console_sources(); source; source = source->next)
        if (!source->is_left_out && !source->interrupts)
            pause_ns = LOOK_NS;
    return pause_ns == TIMER_NEVER ? TIMER_NEVER : clock_ns() + pause_ns;
}

void input_wait(uint64_t seen, uint64_t deadline_ns)
{
    uint64_t look_ns = next_look();
    console_wait(seen, look_ns < deadline_ns ? look_ns : deadline_ns);
}

// The next key that is there, or KEY_NONE.
static unsigned next_key(void)
{
    unsigned key = KEY_NONE;
    int byte = 0;
    mutex_lock(&lock);
    while (key == KEY_NONE && byte >= 0) {
        byte = next_byte();
        key = byte < 0 ? key_decode_pause(&decoder, clock_ns())
                       : key_decode(&decoder, (uint8_t)byte, clock_ns());
    }
    mutex_unlock(&lock);
    return key;
}

unsigned input_key(uint64_t deadline_ns)
{
    for (;;) {
        uint64_t seen = console_notified();
        unsigned key = next_key();
        if (key != KEY_NONE || input_is_interrupted() || input_is_suspended() ||
            (deadline_ns != TIMER_NEVER && clock_ns() >= deadline_ns))
            return key;
        console_show();
        log_show();
        input_wait(seen, deadline_ns);
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
    mutex_lock(&lock);
    is_watched = is_on;
    is_suspended = is_interrupted = false;
    if (count && is_signal((uint8_t)ahead[first]))
        (void)take_ahead();
    mutex_unlock(&lock);
}

bool input_is_interrupted(void)
{
    return __atomic_load_n(&is_interrupted, __ATOMIC_RELAXED);
}

bool input_is_suspended(void)
{
    return __atomic_load_n(&is_suspended, __ATOMIC_RELAXED);
}
