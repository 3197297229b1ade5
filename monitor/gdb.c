// The GDB stub: who is talked to, and when the machine goes on [GDB E].

#include "monitor/gdb.h"
#include "drivers/debug_line.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/gdb_priv.h"

enum { SIGNAL_INTERRUPT = 2, SIGNAL_TRAP = 5, SIGNAL_ABORT = 6, TYPED_MAX = 1000 };

#define PANIC_SILENCE_NS 10000000000ull // a panic goes on then as panic= says
#define SILENCE_NS       2000000000ull  // of whoever has called and then says nothing

struct gdb_session gdb_session;
struct gdb_writer gdb_reply;

struct gdb_reader gdb_reader;
static bool is_started;
static bool has_called;     // somebody on the line, who hasn't been heard yet
static bool has_packet;     // `gdb_reader` has one that was complete before the talk began
static bool is_heard;       // whoever is attached has said something in this talk
static uint64_t talking_ns; // since when, or since the last packet
static bool must_wait;      // gdbwait
static bool is_by_hand;     // somebody at the console waits for GDB

OPTION(gdbwait, "", "wait for GDB before the first prompt")
{
    must_wait = string_equal(value, "");
    return must_wait ? OK : BAD_ARGUMENT;
}

void gdb_fail(enum gdb_error error)
{
    gdb_reply.length = 0;
    gdb_put(&gdb_reply, "E%02x", error);
}

void gdb_done(void)
{
    gdb_put(&gdb_reply, "OK");
}

// --- Stopping ------------------------------------------------------------------------------------

static void put_reason(const struct debug_stop *stop)
{
    static const char *const watches[] = {[DEBUG_ON_WRITE] = "watch", [DEBUG_ON_ACCESS] = "awatch"};
    const struct debug_slot *slot = debug_slot(stop->slot);
    if (stop->reason == DEBUG_BREAKPOINT)
        gdb_put(&gdb_reply, "swbreak:;");
    else if (stop->reason == DEBUG_HARDWARE && slot->kind == DEBUG_ON_EXECUTION)
        gdb_put(&gdb_reply, "hwbreak:;");
    else if (stop->reason == DEBUG_HARDWARE)
        gdb_put(&gdb_reply, "%s:%lx;", watches[slot->kind], slot->address);
}

static void serve_why(const char *at)
{
    struct debug_stop *stop = &gdb_session.stop;
    struct gdb_state state;
    unsigned signal = stop->reason == DEBUG_ASKED   ? SIGNAL_INTERRUPT
                      : stop->reason == DEBUG_PANIC ? SIGNAL_ABORT
                                                    : SIGNAL_TRAP;
    (void)at;
    gdb_put(&gdb_reply, "T%02xthread:%x;", signal, stop->cpu + 1);
    put_reason(stop);
    if (gdb_thread_state(gdb_session.thread, &state))
        gdb_put_expedited(&state);
}

// --- Going on ------------------------------------------------------------------------------------

struct action {
    char kind; // c, s or r
    uint64_t start, end;
    int64_t thread; // -1: all that no earlier action is about
};
enum { ACTIONS_MAX = 16 };

static bool take_action(const char **at, struct action *action)
{
    *action = (struct action){.kind = **at, .thread = -1};
    uint64_t signal;
    if (!action->kind || !strchr("csCSr", action->kind))
        return false;
    ++*at;
    if (strchr("CS", action->kind)) { // there are no signals here
        action->kind = action->kind == 'C' ? 'c' : 's';
        if (!gdb_take_hex(at, &signal))
            return false;
    }
    if (action->kind == 'r' && (!gdb_take_hex(at, &action->start) || !gdb_take_char(at, ',') ||
                                !gdb_take_hex(at, &action->end)))
        return false;
    return !gdb_take_char(at, ':') || gdb_take_thread(at, &action->thread);
}

static const struct action *action_for(const struct action *actions, unsigned count, int64_t id)
{
    for (unsigned i = 0; i < count; i++)
        if (actions[i].thread == -1 || actions[i].thread == id)
            return &actions[i];
    return NULL;
}

// Returns whether anybody goes on.
static bool send_all(const struct action *actions, unsigned count)
{
    bool goes_on = false;
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++) {
        const struct action *action = action_for(actions, count, (int64_t)cpu + 1);
        if (!action || !debug_held(cpu))
            continue;
        debug_send(cpu, action->kind == 'c' ? DEBUG_GO : DEBUG_STEP, action->start, action->end);
        goes_on = true;
    }
    return goes_on;
}

// A thread that sleeps can't be told to go on.
static void serve_actions(const char *at)
{
    struct action actions[ACTIONS_MAX];
    unsigned count = 0;
    do {
        if (count == ACTIONS_MAX || !take_action(&at, &actions[count])) {
            gdb_fail(GDB_BAD);
            return;
        }
        count++;
    } while (gdb_take_char(&at, ';'));
    if (!*at && send_all(actions, count))
        gdb_session.is_over = true;
    else
        gdb_fail(GDB_BAD);
}

static void tell_actions(const char *at)
{
    (void)at;
    gdb_put(&gdb_reply, "vCont;c;C;s;S;r");
}

static void let_go(void)
{
    static const struct action all = {.kind = 'c', .thread = -1};
    (void)send_all(&all, 1);
    gdb_session.is_over = true;
}

static void serve_continue(const char *at)
{
    if (*at)
        gdb_fail(GDB_BAD); // from elsewhere: vCont and P do that
    else
        let_go();
}

static void serve_step(const char *at)
{
    const struct action one = {.kind = 's', .thread = gdb_session.thread};
    if (*at || !send_all(&one, 1))
        gdb_fail(GDB_BAD);
    else
        gdb_session.is_over = true;
}

// The console's line is the console's again.
static void leave(void)
{
    debug_forget_points();
    gdb_session.is_attached = gdb_session.is_physical = false;
    if (!debug_line_is_own())
        log_info("gdb: the line is the console's again"); // and so is the prompt, below that
    let_go();
}

static void serve_detach(const char *at)
{
    (void)at;
    gdb_done();
    leave();
}

static void serve_kill(const char *at)
{
    (void)at;
    leave();
}

// --- Packets -------------------------------------------------------------------------------------

static void serve_thread(const char *at)
{
    int64_t id;
    bool is_for_registers = gdb_take_char(&at, 'g');
    if ((!is_for_registers && !gdb_take_char(&at, 'c')) || !gdb_take_thread(&at, &id) ||
        (id > 0 && !gdb_thread_exists(id))) {
        gdb_fail(GDB_BAD);
        return;
    }
    if (is_for_registers && id > 0)
        gdb_session.thread = id;
    gdb_done();
}

static void serve_is_alive(const char *at)
{
    int64_t id;
    if (gdb_take_thread(&at, &id) && gdb_thread_exists(id))
        gdb_done();
    else
        gdb_fail(GDB_NO_ENTRY);
}

static const struct gdb_packet packets[] = {
    {"m", gdb_serve_read},
    {"vCont;", serve_actions},
    {"g", gdb_serve_read_all},
    {"Z", gdb_serve_insert},
    {"z", gdb_serve_remove},
    {"M", gdb_serve_write},
    {"X", gdb_serve_write_binary},
    {"x", gdb_serve_read_binary},
    {"p", gdb_serve_read_one},
    {"P", gdb_serve_write_one},
    {"H", serve_thread},
    {"T", serve_is_alive},
    {"?", serve_why},
    {"c", serve_continue},
    {"s", serve_step},
    {"q", gdb_serve_query},
    {"Q", gdb_serve_query},
    {"vCont?", tell_actions},
    {"D", serve_detach},
    {"k", serve_kill},
};

bool gdb_dispatch(const struct gdb_packet *known, size_t count, const char *at)
{
    for (size_t i = 0; i < count; i++) {
        if (!gdb_take_text(&at, known[i].name))
            continue;
        if (known[i].serve)
            known[i].serve(at);
        return true;
    }
    return false; // an empty reply says so
}

// A GDB that begins anew doesn't know what the one before has left behind.
static void greet(void)
{
    if (!string_starts_with(gdb_reader.text, "qSupported"))
        return;
    debug_forget_points();
    gdb_session.is_quiet = gdb_session.is_physical = false;
}

static void serve(void)
{
    greet();
    gdb_session.is_attached = true;
    debug_line_take(true);
    talking_ns = clock_ns();
    is_heard = true;
    if (!gdb_session.is_quiet)
        debug_line_write("+", 1);
    gdb_reply.length = 0;
    gdb_reply.is_cut = false;
    (void)!gdb_dispatch(packets, ARRAY_SIZE(packets), gdb_reader.text);
    if (!gdb_session.is_over || gdb_reply.length)
        gdb_send(&gdb_reply, debug_line_write);
    debug_line_take(gdb_session.is_attached);
}

// --- Talking -------------------------------------------------------------------------------------

// Nobody has been heard: who has called was noise, whoever was attached has gone without a word, or
// somebody at the console has had enough.
static bool must_give_up(void)
{
    uint64_t silent_ns = clock_ns() - talking_ns;
    if (has_called && !gdb_session.is_attached)
        return silent_ns > SILENCE_NS;
    if (gdb_session.stop.reason == DEBUG_PANIC)
        return !is_heard && silent_ns > PANIC_SILENCE_NS;
    if (gdb_session.is_attached)
        return false;
    return is_by_hand && debug_is_calm() && console_read() == GDB_INTERRUPT_BYTE;
}

static void listen(void)
{
    int byte = debug_line_read();
    if (byte < 0) {
        if (must_give_up())
            let_go();
        arch_pause();
        return;
    }
    switch (gdb_read(&gdb_reader, (uint8_t)byte)) {
    case GDB_PACKET:
        serve();
        break;
    case GDB_BROKEN:
        debug_line_write("-", 1);
        break;
    case GDB_AGAIN:
        gdb_send(&gdb_reply, debug_line_write);
        break;
    case GDB_INTERRUPT:
        if (!gdb_session.is_attached && !has_called)
            let_go(); // typed on the console's own line
        break;
    case GDB_NOTHING:
        break;
    }
}

static void talk(const struct debug_stop *stop)
{
    debug_line_begin();
    gdb_session.stop = *stop;
    gdb_session.thread = stop->cpu + 1;
    gdb_session.is_over = false;
    is_heard = false;
    talking_ns = clock_ns();
    if (has_packet) {
        has_packet = false;
        serve();
    } else if (gdb_session.is_attached && gdb_reader.state == GDB_OUTSIDE) {
        gdb_reply.length = 0;
        serve_why("");
        gdb_send(&gdb_reply, debug_line_write);
    }
    while (!gdb_session.is_over)
        listen();
    has_called = false;
    debug_line_end();
}

// --- While the machine runs ----------------------------------------------------------------------

static void be_called(void)
{
    debug_stop();
}

static bool is_wanted(void)
{
    return debug_line_read() == GDB_INTERRUPT_BYTE;
}

// Where there is nobody to talk to, it is a panic.
static bool is_wanted_by_nmi(void)
{
    return gdb_session.is_attached || debug_line_is_own();
}

static enum debug_line_verdict call(void)
{
    has_called = true;
    return DEBUG_LINE_CALL;
}

// GDB's line: it says nothing while the machine runs, but to stop it.
static enum debug_line_verdict judge_own(uint8_t byte)
{
    if (byte == GDB_INTERRUPT_BYTE)
        return call();
    if (byte != '$')
        return DEBUG_LINE_DROP;
    (void)gdb_read(&gdb_reader, byte);
    return call();
}

static bool is_known(const char *text)
{
    for (unsigned i = 0; i < ARRAY_SIZE(packets); i++)
        if (string_starts_with(text, packets[i].name))
            return true;
    return false;
}

static void reset(void)
{
    gdb_reader.state = GDB_OUTSIDE;
}

// The console's line, on which somebody types: only a whole packet is GDB's.
static enum debug_line_verdict judge_typed(uint8_t byte)
{
    if (gdb_reader.state == GDB_OUTSIDE && byte != '$')
        return byte == '+' ? DEBUG_LINE_KEEP : DEBUG_LINE_PASS; // GDB begins with that one
    if (byte < ' ' || gdb_reader.length > TYPED_MAX) {
        reset();
        return DEBUG_LINE_PASS;
    }
    switch (gdb_read(&gdb_reader, byte)) {
    case GDB_NOTHING:
        return DEBUG_LINE_KEEP;
    case GDB_PACKET:
        has_packet = is_known(gdb_reader.text);
        return has_packet ? call() : DEBUG_LINE_PASS;
    default:
        return DEBUG_LINE_PASS;
    }
}

static enum debug_line_verdict judge(uint8_t byte)
{
    return debug_line_is_own() || gdb_session.is_attached ? judge_own(byte) : judge_typed(byte);
}

// The console's output while GDB has its line.
static void encode(const char *text, size_t length)
{
    gdb_send_output(text, length, debug_line_write);
}

// --- Being entered -------------------------------------------------------------------------------

static bool be_asked_in_panic(const struct trap_frame *frame)
{
    static bool has_told;
    int byte = debug_line_is_own() ? debug_line_read() : -1;
    if (byte >= 0)
        (void)judge((uint8_t)byte);
    bool must_tell = gdb_session.is_attached && !has_told;
    has_told = true;
    if (must_tell || has_called)
        debug_stop_in_panic(frame);
    return debug_line_is_own();
}

// Ctrl-C at the console ends that.
static void wait_for_gdb(void)
{
    is_by_hand = true;
    debug_stop();
    is_by_hand = false;
}

void gdb_start(void)
{
    static const struct debug_user user = {
        .talk = talk, .poll = is_wanted, .wants_nmi = is_wanted_by_nmi};
    static const struct debug_line_user line_user = {
        .called = be_called, .judge = judge, .reset = reset, .encode = encode};
    if (debug_init(&user) != OK || debug_line_start(&line_user) != OK) {
        if (must_wait)
            log_warn("gdb: there is no serial line to wait for GDB on");
        return;
    }
    gdb_start_queries();
    is_started = true;
    panic_set_debugger(be_asked_in_panic);
    if (must_wait) {
        log_info("gdb: waiting for GDB on the %s", debug_line_name());
        log_sync();
        wait_for_gdb();
    }
}

COMMAND(gdb, "", "stop all processors, and wait for GDB", "gdb")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    if (!is_started) {
        print("there is no serial line for GDB\n");
        return FAILED;
    }
    print("Waiting for GDB on the %s. Ctrl-C goes on without.\n", debug_line_name());
    console_flush();
    wait_for_gdb();
    return OK;
}
