// Packets of GDB's remote protocol: framing, parsing and writing, and nothing else [GDB E.1].
//
//   $text#cc   cc: the text's bytes added up, in hexadecimal
//   + -        the last packet was right, or is to be sent again
//   Ctrl-C     stop
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum {
    GDB_PACKET_MAX = 0x8000, // of a packet's text, both ways
    GDB_INTERRUPT_BYTE = 3,
};

enum gdb_received {
    GDB_NOTHING, // or not yet
    GDB_PACKET,  // `text` has it
    GDB_BROKEN,  // a wrong checksum, or one that is too long
    GDB_AGAIN,   // the other side wants the last one again
    GDB_INTERRUPT,
};

// What comes, byte by byte; all zero at first.
struct gdb_reader {
    enum { GDB_OUTSIDE, GDB_IN_TEXT, GDB_IN_CHECKSUM, GDB_AT_END } state;
    uint8_t sum, told;
    size_t length;
    char text[GDB_PACKET_MAX + 1]; // a NUL behind it
};

// A packet's text stays until the next byte. A `$` in the midst of one begins a new one.
enum gdb_received gdb_read(struct gdb_reader *reader, uint8_t byte);

// --- Taking a packet apart: from *at, which moves on; false where it isn't there -----------------

must_use bool gdb_take_char(const char **at, char c);
must_use bool gdb_take_text(const char **at, const char *text);
must_use bool gdb_take_hex(const char **at, uint64_t *value); // at most 16 digits
must_use bool gdb_take_thread(const char **at, int64_t *id);  // -1: all of them

// The bytes that pairs of digits stand for, to the end. Returns how many; -1 where something else
// is among them, or more than `max`.
long gdb_take_bytes(const char *at, uint8_t *bytes, size_t max);

// Takes escapes out of binary data, in place. Returns its length.
size_t gdb_unescape(char *data, size_t length);

// --- Putting one together ------------------------------------------------------------------------

// What has no room is left out, and noted.
struct gdb_writer {
    size_t length;
    bool is_cut;
    char text[GDB_PACKET_MAX];
};

void gdb_put(struct gdb_writer *writer, const char *format, ...) printf_like(2, 3);
void gdb_put_hex(struct gdb_writer *writer, const void *bytes, size_t size);
void gdb_put_binary(struct gdb_writer *writer, const void *bytes, size_t size);

// The whole packet, with runs of equal characters shortened, piece by piece.
typedef void gdb_sender(const char *bytes, size_t length);
void gdb_send(const struct gdb_writer *writer, gdb_sender *send);

// Text that GDB shows to whoever sits there, as one packet or several.
void gdb_send_output(const char *text, size_t length, gdb_sender *send);
