// Memory as GDB reads and writes it, and what it wants watched.

#include "monitor/gdb_priv.h"

// --- Memory --------------------------------------------------------------------------------------

static enum debug_space space(void)
{
    return gdb_session.is_physical ? DEBUG_PHYSICAL : DEBUG_VIRTUAL;
}

// "ADDRESS,SIZE", with `end` behind it.
static bool take_range(const char **at, uint64_t *address, uint64_t *size, char end)
{
    return gdb_take_hex(at, address) && gdb_take_char(at, ',') && gdb_take_hex(at, size) &&
           (end ? gdb_take_char(at, end) : !**at);
}

static uint8_t bytes[GDB_PACKET_MAX / 2];

// As many as there are; none is an error.
static size_t read_bytes(const char *at)
{
    uint64_t address, size;
    if (!take_range(&at, &address, &size, 0)) {
        gdb_fail(GDB_BAD);
        return 0;
    }
    size_t got = debug_read(space(), address, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
    if (size && !got)
        gdb_fail(GDB_FAULT);
    return got;
}

void gdb_serve_read(const char *at)
{
    gdb_put_hex(&gdb_reply, bytes, read_bytes(at));
}

void gdb_serve_read_binary(const char *at)
{
    size_t got = read_bytes(at);
    if (gdb_reply.length)
        return;
    gdb_put(&gdb_reply, "b");
    for (size_t i = 0; i < got && gdb_reply.length < GDB_PACKET_MAX - 2; i++)
        gdb_put_binary(&gdb_reply, &bytes[i], 1);
}

static void write_bytes(uint64_t address, uint64_t size, const void *data, long length)
{
    if (length < 0 || (uint64_t)length != size)
        gdb_fail(GDB_BAD);
    else if (debug_write(space(), address, data, size) != size)
        gdb_fail(GDB_FAULT);
    else
        gdb_done();
}

void gdb_serve_write(const char *at)
{
    uint64_t address, size;
    if (take_range(&at, &address, &size, ':'))
        write_bytes(address, size, bytes, gdb_take_bytes(at, bytes, sizeof(bytes)));
    else
        gdb_fail(GDB_BAD);
}

void gdb_serve_write_binary(const char *at)
{
    uint64_t address, size;
    if (!take_range(&at, &address, &size, ':')) {
        gdb_fail(GDB_BAD);
        return;
    }
    char *data = gdb_reader.text + (at - gdb_reader.text);
    size_t length = gdb_unescape(data, gdb_reader.length - (size_t)(at - gdb_reader.text));
    write_bytes(address, size, data, (long)length);
}

// --- Break- and watchpoints ----------------------------------------------------------------------

enum { SOFTWARE, HARDWARE, WATCH_WRITE, WATCH_READ, WATCH_ACCESS };

// The hardware can't watch for reads alone.
static enum debug_kind kind_of(uint64_t type)
{
    if (type == HARDWARE)
        return DEBUG_ON_EXECUTION;
    return type == WATCH_WRITE ? DEBUG_ON_WRITE : DEBUG_ON_ACCESS;
}

static bool take_point(const char **at, uint64_t *type, uint64_t *address, uint64_t *size)
{
    bool is_point = gdb_take_hex(at, type) && *type <= WATCH_ACCESS && gdb_take_char(at, ',') &&
                    take_range(at, address, size, 0);
    if (is_point && *type == HARDWARE)
        *size = 1;
    return is_point;
}

void gdb_serve_insert(const char *at)
{
    uint64_t type, address, size;
    if (!take_point(&at, &type, &address, &size)) {
        gdb_fail(GDB_BAD);
        return;
    }
    enum status status = type == SOFTWARE ? debug_insert(address)
                                          : debug_watch(kind_of(type), address, (unsigned)size);
    if (status == OK)
        gdb_done();
    else
        gdb_fail(status == FAULT ? GDB_FAULT : status == NO_MEMORY ? GDB_FULL : GDB_BAD);
}

// Also what is gone already.
void gdb_serve_remove(const char *at)
{
    uint64_t type, address, size;
    if (!take_point(&at, &type, &address, &size)) {
        gdb_fail(GDB_BAD);
        return;
    }
    if (type == SOFTWARE)
        (void)!debug_remove(address);
    else
        (void)!debug_unwatch(kind_of(type), address, (unsigned)size);
    gdb_done();
}
