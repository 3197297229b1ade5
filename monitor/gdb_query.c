// Packets that ask for the machine as a whole: what can be asked for, which threads there are, and
// commands of the monitor.

#include "drivers/debug_line.h"
#include "kernel/aside.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/gdb_priv.h"

// --- Commands of the monitor ---------------------------------------------------------------------

static struct thread *runner;
static char command_line[COMMAND_LINE_MAX + 1];

// While GDB waits for the command's end its output is GDB's. One that has been left waiting goes on
// with the machine, and ends when it looks; what it still says is for the consoles.
static void print_to_gdb(struct console_stream *stream, const char *text, size_t length)
{
    (void)stream;
    if (debug_is_talking())
        gdb_send_output(text, length, debug_line_write);
    else
        console_write_above(text, length);
}

static void say(const char *text)
{
    gdb_send_output(text, strlen(text), debug_line_write);
}

// While GDB waits, Ctrl-C there is sent on.
static bool has_had_enough(struct console_stream *stream)
{
    (void)stream;
    return !debug_is_talking() || debug_line_read() == GDB_INTERRUPT_BYTE;
}

static void run_commands(void)
{
    static struct console_stream stream = {.write = print_to_gdb, .has_enough = has_had_enough};
    (void)console_set_stream(&stream);
    for (;; aside_rest())
        (void)command_line_run(command_line);
}

// Whoever was stopped with its interrupts off may hold a lock that the command needs.
static void run_aside(void)
{
    static const char *const comments[] = {
        [ASIDE_RESTS] = "",
        [ASIDE_WAITS] = "It waits for something, and ends when the machine goes on.\n",
        [ASIDE_DESPAIRS] =
            "Given up: a stopped processor holds what it needs. What it had stays taken.\n",
        [ASIDE_BUSY] = "The command before hasn't ended yet; it does when the machine goes on.\n",
    };
    enum aside_end end = aside_run(runner, gdb_session.stop.reason == DEBUG_PANIC);
    say(comments[end]);
    if (end == ASIDE_DESPAIRS)
        runner = NULL;
}

static void serve_command(const char *at)
{
    static char line[COMMAND_LINE_MAX + 1];
    long length = gdb_take_bytes(at, (uint8_t *)line, COMMAND_LINE_MAX);
    if (!runner && debug_is_calm())
        gdb_start_queries(); // the one before has been given up
    if (length < 0 || !runner) {
        gdb_fail(length < 0 ? GDB_BAD : GDB_FULL);
        return;
    }
    if (!aside_is_busy(runner)) {
        memcpy(command_line, line, (size_t)length);
        command_line[length] = 0;
    }
    run_aside();
    gdb_done();
}

// --- Threads -------------------------------------------------------------------------------------

static int64_t listed; // up to this one

static void list_more(const char *at)
{
    enum { ID_MAX = 12 };
    (void)at;
    for (char separator = 'm'; gdb_reply.length < GDB_PACKET_MAX - ID_MAX; separator = ',') {
        int64_t id = gdb_thread_next(listed);
        if (!id)
            break;
        gdb_put(&gdb_reply, "%c%lx", separator, id);
        listed = id;
    }
    if (!gdb_reply.length)
        gdb_put(&gdb_reply, "l");
}

static void list_first(const char *at)
{
    listed = 0;
    list_more(at);
}

static void describe(const char *at)
{
    char text[64];
    int64_t id;
    size_t length = gdb_take_thread(&at, &id) ? gdb_thread_describe(id, text, sizeof(text)) : 0;
    if (length)
        gdb_put_hex(&gdb_reply, text, length < sizeof(text) ? length : sizeof(text) - 1);
    else
        gdb_fail(GDB_NO_ENTRY);
}

static void tell_current(const char *at)
{
    if (!*at)
        gdb_put(&gdb_reply, "QC%lx", gdb_session.thread);
}

// --- What there is -------------------------------------------------------------------------------

static void tell_features(const char *at)
{
    (void)at;
    gdb_put(&gdb_reply,
            "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;swbreak+;hwbreak+;"
            "vContSupported+;binary-upload+",
            GDB_PACKET_MAX);
}

static void transfer(const char *at)
{
    size_t length;
    uint64_t offset, size;
    const char *xml = gdb_registers_xml(&length);
    if (!gdb_take_text(&at, "target.xml:") || !gdb_take_hex(&at, &offset) ||
        !gdb_take_char(&at, ',') || !gdb_take_hex(&at, &size) || offset > length) {
        gdb_fail(GDB_BAD);
        return;
    }
    size_t left = length - offset;
    if (size > GDB_PACKET_MAX / 2) // as long as it may get by escapes
        size = GDB_PACKET_MAX / 2;
    gdb_put(&gdb_reply, size < left ? "m" : "l");
    gdb_put_binary(&gdb_reply, xml + offset, size < left ? size : left);
}

static void become_quiet(const char *at)
{
    (void)at;
    gdb_session.is_quiet = true;
    gdb_done();
}

static void tell_attached(const char *at)
{
    (void)at;
    gdb_put(&gdb_reply, "1");
}

// As QEMU has it.
static void set_physical(const char *at)
{
    gdb_session.is_physical = *at == '1';
    gdb_done();
}

static void tell_physical(const char *at)
{
    (void)at;
    gdb_put(&gdb_reply, "%d", gdb_session.is_physical);
}

void gdb_serve_query(const char *at)
{
    static const struct gdb_packet queries[] = {
        {"Supported", tell_features},       {"StartNoAckMode", become_quiet},
        {"Xfer:features:read:", transfer},  {"fThreadInfo", list_first},
        {"sThreadInfo", list_more},         {"ThreadExtraInfo,", describe},
        {"Attached", tell_attached},        {"C", tell_current},
        {"Rcmd,", serve_command},           {"qemu.PhyMemMode:", set_physical},
        {"qemu.PhyMemMode", tell_physical},
    };
    (void)!gdb_dispatch(queries, ARRAY_SIZE(queries), at);
}

void gdb_start_queries(void)
{
    runner = aside_create("gdb", run_commands);
    if (!runner)
        log_warn("gdb: no memory for the thread that runs commands");
}
