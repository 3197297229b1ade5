// Packets of GDB's remote protocol.

#include "monitor/gdb_packet.h"
#include "lib/format.h"
#include "lib/string.h"

enum { ESCAPE = '}', ESCAPED_BY = 0x20, RUN = '*', RUN_BASE = 29, RUN_MIN = 4, RUN_MAX = 98 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// --- Reading -------------------------------------------------------------------------------------

static void begin(struct gdb_reader *reader)
{
    reader->state = GDB_IN_TEXT;
    reader->length = 0;
    reader->sum = 0;
}

static void take_text(struct gdb_reader *reader, uint8_t byte)
{
    reader->sum += byte;
    if (reader->length < GDB_PACKET_MAX)
        reader->text[reader->length] = (char)byte;
    reader->length += reader->length <= GDB_PACKET_MAX; // one more: it is too long
}

static enum gdb_received end(struct gdb_reader *reader, int low)
{
    reader->state = GDB_OUTSIDE;
    if (low < 0 || (reader->told | low) != reader->sum || reader->length > GDB_PACKET_MAX)
        return GDB_BROKEN;
    reader->text[reader->length] = 0;
    return GDB_PACKET;
}

static enum gdb_received read_outside(uint8_t byte)
{
    if (byte == GDB_INTERRUPT_BYTE)
        return GDB_INTERRUPT;
    return byte == '-' ? GDB_AGAIN : GDB_NOTHING;
}

enum gdb_received gdb_read(struct gdb_reader *reader, uint8_t byte)
{
    int digit = hex_digit((char)byte);
    if (byte == '$') { // in a text it would have been escaped
        begin(reader);
    } else if (reader->state == GDB_OUTSIDE) {
        return read_outside(byte);
    } else if (reader->state == GDB_IN_TEXT && byte == '#') {
        reader->state = GDB_IN_CHECKSUM;
    } else if (reader->state == GDB_IN_TEXT) {
        take_text(reader, byte);
    } else if (reader->state == GDB_IN_CHECKSUM && digit >= 0) {
        reader->told = (uint8_t)(digit << 4);
        reader->state = GDB_AT_END;
    } else {
        return end(reader, reader->state == GDB_AT_END ? digit : -1);
    }
    return GDB_NOTHING;
}

// --- Parsing -------------------------------------------------------------------------------------

bool gdb_take_char(const char **at, char c)
{
    bool is_there = **at == c && c;
    *at += is_there;
    return is_there;
}

bool gdb_take_text(const char **at, const char *text)
{
    bool is_there = string_starts_with(*at, text);
    *at += is_there ? strlen(text) : 0;
    return is_there;
}

bool gdb_take_hex(const char **at, uint64_t *value)
{
    const char *start = *at;
    uint64_t result = 0;
    for (int digit; (digit = hex_digit(**at)) >= 0; ++*at) {
        if (result >> 60)
            return false;
        result = result << 4 | (unsigned)digit;
    }
    *value = result;
    return *at != start;
}

bool gdb_take_thread(const char **at, int64_t *id)
{
    uint64_t value;
    bool is_negative = gdb_take_char(at, '-');
    if (!gdb_take_hex(at, &value) || value > UINT32_MAX || (is_negative && value != 1))
        return false;
    *id = is_negative ? -1 : (int64_t)value;
    return true;
}

long gdb_take_bytes(const char *at, uint8_t *bytes, size_t max)
{
    size_t count = 0;
    for (; *at; at += 2) {
        int high = hex_digit(at[0]), low = hex_digit(at[1]);
        if (high < 0 || low < 0 || count == max)
            return -1;
        bytes[count++] = (uint8_t)(high << 4 | low);
    }
    return (long)count;
}

size_t gdb_unescape(char *data, size_t length)
{
    size_t to = 0;
    for (size_t from = 0; from < length; from++) {
        bool is_escaped = data[from] == ESCAPE && from + 1 < length;
        from += is_escaped;
        data[to++] = (char)(data[from] ^ (is_escaped ? ESCAPED_BY : 0));
    }
    return to;
}

// --- Writing -------------------------------------------------------------------------------------

static void put_char(struct gdb_writer *writer, char c)
{
    if (writer->length < sizeof(writer->text))
        writer->text[writer->length++] = c;
    else
        writer->is_cut = true;
}

void gdb_put(struct gdb_writer *writer, const char *format, ...)
{
    va_list args;
    size_t room = sizeof(writer->text) - writer->length;
    va_start(args, format);
    size_t length = vsnprintf(writer->text + writer->length, room, format, args);
    va_end(args);
    writer->is_cut |= length >= room;
    writer->length += length < room ? length : room;
}

static const char digits[] = "0123456789abcdef";

void gdb_put_hex(struct gdb_writer *writer, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < size; i++) {
        put_char(writer, digits[from[i] >> 4]);
        put_char(writer, digits[from[i] & 15]);
    }
}

void gdb_put_binary(struct gdb_writer *writer, const void *bytes, size_t size)
{
    const char *from = bytes;
    for (size_t i = 0; i < size; i++) {
        bool is_special = from[i] && strchr("#$}*", from[i]);
        if (is_special)
            put_char(writer, ESCAPE);
        put_char(writer, (char)(from[i] ^ (is_special ? ESCAPED_BY : 0)));
    }
}

// How many equal characters begin there, as far as one mark can say: its count must be none of the
// protocol's own characters.
static size_t run_length(const char *text, size_t left)
{
    size_t run = 1;
    while (run < left && run < RUN_MAX && text[run] == text[0])
        run++;
    while (run >= RUN_MIN && strchr("#$+-", (char)(RUN_BASE + run - 1)))
        run--;
    return run;
}

static size_t shorten(char out[3], const char *text, size_t run)
{
    out[0] = text[0];
    out[1] = RUN;
    out[2] = (char)(RUN_BASE + run - 1);
    return run >= RUN_MIN ? 3 : 1;
}

void gdb_send(const struct gdb_writer *writer, gdb_sender *send)
{
    char piece[64], tail[4];
    uint8_t sum = 0;
    size_t filled = 0;
    send("$", 1);
    for (size_t i = 0, run; i < writer->length; i += run) {
        run = run_length(writer->text + i, writer->length - i);
        size_t length = shorten(piece + filled, writer->text + i, run);
        run = length == 1 ? 1 : run;
        for (; length; length--)
            sum += (uint8_t)piece[filled++];
        if (filled > sizeof(piece) - 3 || i + run >= writer->length) {
            send(piece, filled);
            filled = 0;
        }
    }
    snprintf(tail, sizeof(tail), "#%02x", sum);
    send(tail, 3);
}

// Shortened it isn't: while the machine runs, several processors may come here at a time.
void gdb_send_output(const char *text, size_t length, gdb_sender *send)
{
    enum { PIECE_MAX = 256 };
    for (size_t piece; length; text += piece, length -= piece) {
        char packet[2 * PIECE_MAX + 5] = "$O";
        size_t filled = 2;
        uint8_t sum = 'O';
        piece = length < PIECE_MAX ? length : PIECE_MAX;
        for (size_t i = 0; i < piece; i++) {
            packet[filled++] = digits[(uint8_t)text[i] >> 4];
            packet[filled++] = digits[text[i] & 15];
            sum += (uint8_t)packet[filled - 1];
            sum += (uint8_t)packet[filled - 2];
        }
        packet[filled++] = '#';
        packet[filled++] = digits[sum >> 4];
        packet[filled++] = digits[sum & 15];
        send(packet, filled);
    }
}
