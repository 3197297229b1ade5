// Any taken on GDB's line. Whatever came before, a whole packet is read; a text that is read has
// the sum that was told, and every way to take it apart stays inside of it.

#include "tests/host/lib.h"

#include "monitor/gdb_packet.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gdb_reader reader;
static uint8_t taken[GDB_PACKET_MAX];
static char copy[GDB_PACKET_MAX + 1];

static void refuse(bool broken)
{
    if (broken)
        abort();
}

static void take_apart(void)
{
    const char *end = reader.text + reader.length, *at = reader.text;
    uint64_t value;
    int64_t id;
    uint8_t sum = 0;
    for (size_t i = 0; i < reader.length; i++)
        sum += (uint8_t)reader.text[i];
    refuse(sum != reader.sum || reader.length > GDB_PACKET_MAX || *end);
    while (at < end) {
        const char *before = at;
        bool is_taken = gdb_take_thread(&at, &id) || gdb_take_hex(&at, &value) ||
                        gdb_take_text(&at, "vCont;") || gdb_take_char(&at, *at);
        refuse(at > end || (is_taken && at == before));
        at += at == before;
    }
    refuse(gdb_take_bytes(reader.text, taken, sizeof(taken)) > (long)(reader.length / 2));
    memcpy(copy, reader.text, reader.length);
    refuse(gdb_unescape(copy, reader.length) > reader.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reader.state = GDB_OUTSIDE;
    for (size_t i = 0; i < size; i++)
        if (gdb_read(&reader, data[i]) == GDB_PACKET)
            take_apart();
    enum gdb_received last = GDB_NOTHING;
    for (const char *at = "$qC#b4"; *at; at++)
        last = gdb_read(&reader, (uint8_t)*at);
    refuse(last != GDB_PACKET);
    return 0;
}
