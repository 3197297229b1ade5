// What the parts of the GDB stub share: gdb.c stops and goes on, gdb_memory.c reads, writes and
// watches, gdb_query.c answers what isn't about one thread, gdb_registers.c and gdb_threads.c what
// is, gdb_packet.c knows the wire.
#pragma once

#include "arch/x86_64/debug.h"
#include "arch/x86_64/trap.h"
#include "kernel/thread.h"
#include "monitor/gdb_packet.h"

struct gdb_session {
    bool is_attached; // GDB has spoken, and hasn't left
    bool is_quiet;    // nobody acknowledges packets
    bool is_over;     // the talk: the machine goes on
    bool is_physical; // so are addresses
    int64_t thread;   // of registers
    struct debug_stop stop;
};

extern struct gdb_session gdb_session;
extern struct gdb_reader gdb_reader; // whose text is served,
extern struct gdb_writer gdb_reply;  // and the reply to it

// As GDB knows them: CPU n is thread n + 1, and behind them come the threads that don't run.
enum { GDB_SLEEPERS = 0x10000 };

enum gdb_error { GDB_BAD = 1, GDB_NO_ENTRY = 2, GDB_FAULT = 14, GDB_FULL = 28 }; // errno's
void gdb_fail(enum gdb_error error);
void gdb_done(void); // "OK"

// What the rest of a packet means, behind the name that it was found by.
struct gdb_packet {
    const char *name;
    void (*serve)(const char *at);
};
must_use bool gdb_dispatch(const struct gdb_packet *packets, size_t count, const char *at);

void gdb_serve_query(const char *at); // behind q or Q
void gdb_start_queries(void);         // start-up

// --- gdb_memory.c --------------------------------------------------------------------------------

// Packets m, x, M and X, Z and z.
void gdb_serve_read(const char *at);
void gdb_serve_read_binary(const char *at);
void gdb_serve_write(const char *at);
void gdb_serve_write_binary(const char *at);
void gdb_serve_insert(const char *at);
void gdb_serve_remove(const char *at);

// --- gdb_threads.c -------------------------------------------------------------------------------

// 0: there is none that is called `id`, or, of the next function, that has a higher one.
must_use bool gdb_thread_exists(int64_t id);
int64_t gdb_thread_next(int64_t id);
size_t gdb_thread_describe(int64_t id, char *text, size_t size);

// What its registers are found in. False: it doesn't answer.
struct gdb_state {
    struct trap_frame *frame;
    const struct debug_controls *controls; // NULL: not known, nor is what a frame of its own lacks
    struct trap_frame own;
};
must_use bool gdb_thread_state(int64_t id, struct gdb_state *state);

// --- gdb_registers.c -----------------------------------------------------------------------------

// The description for GDB, and its length.
const char *gdb_registers_xml(size_t *length);

// What a stop tells of them, and packets g, p and P.
void gdb_put_expedited(const struct gdb_state *state);
void gdb_serve_read_all(const char *at);
void gdb_serve_read_one(const char *at);
void gdb_serve_write_one(const char *at);
