// Packets of GDB's protocol: what is read is what was sent, whatever else is on the line, and what
// is written can be read by the protocol's rules alone.

#include "tests/host/lib.h"

#include "monitor/gdb_packet.c"

static struct gdb_reader reader;
static struct gdb_writer writer;
static char wire[8 * GDB_PACKET_MAX];
static size_t wire_length;

static enum gdb_received feed(const char *bytes, size_t length)
{
    enum gdb_received last = GDB_NOTHING;
    for (size_t i = 0; i < length; i++)
        last = gdb_read(&reader, (uint8_t)bytes[i]);
    return last;
}

#define FEED(text) feed(text, sizeof(text) - 1)

static void collect(const char *bytes, size_t length)
{
    assert_true(wire_length + length < sizeof(wire));
    memcpy(wire + wire_length, bytes, length);
    wire_length += length;
}

static void start(void)
{
    reader = (struct gdb_reader){0};
    writer.length = 0;
    writer.is_cut = false;
    wire_length = 0;
}

// By the rules, without the code under test: the text of the packet on the wire.
static size_t decode(char *text)
{
    uint8_t sum = 0;
    size_t length = 0, at = 1;
    assert_int_equal(wire[0], '$');
    for (; wire[at] != '#'; at++) {
        assert_true(at < wire_length);
        sum += (uint8_t)wire[at];
        if (wire[at] == '*') {
            int more = wire[++at] - 29;
            assert_false(strchr("#$+-", wire[at]));
            sum += (uint8_t)wire[at];
            for (; more > 0; more--, length++)
                text[length] = text[length - 1];
            continue;
        }
        text[length++] = wire[at];
    }
    char told[3] = {wire[at + 1], wire[at + 2]};
    assert_int_equal(strtol(told, NULL, 16), sum);
    assert_int_equal(at + 3, wire_length);
    return length;
}

static void a_packet_is_read(void **state)
{
    (void)state;
    start();
    assert_int_equal(FEED("+$qC#b4"), GDB_PACKET);
    assert_string_equal(reader.text, "qC");
    assert_int_equal(FEED("$#00"), GDB_PACKET);
    assert_int_equal(reader.length, 0);
    assert_int_equal(FEED("$g#6F"), GDB_BROKEN);
    assert_int_equal(FEED("$OO#9E"), GDB_PACKET); // digits of either kind
}

static void what_is_wrong_is_said_and_forgotten(void **state)
{
    (void)state;
    static const char *const wrong[] = {"$qC#b5", "$qC#xx", "$qC#bx", "$qC##", "$qD#b4"};
    start();
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        bool is_said = false;
        for (const char *at = wrong[i]; *at; at++)
            is_said |= gdb_read(&reader, (uint8_t)*at) == GDB_BROKEN;
        assert_true(is_said);
        assert_int_equal(FEED("$qC#b4"), GDB_PACKET);
    }
}

static void a_packet_begins_anew(void **state)
{
    (void)state;
    start();
    assert_int_equal(FEED("$m123$qC#b4"), GDB_PACKET);
    assert_string_equal(reader.text, "qC");
    assert_int_equal(FEED("$m123#$qC#b4"), GDB_PACKET);
    assert_int_equal(FEED("$m123#4$qC#b4"), GDB_PACKET);
}

static void signs_between_packets(void **state)
{
    (void)state;
    start();
    assert_int_equal(FEED("\003"), GDB_INTERRUPT);
    assert_int_equal(FEED("-"), GDB_AGAIN);
    assert_int_equal(FEED("+"), GDB_NOTHING);
    assert_int_equal(FEED("abc#00"), GDB_NOTHING);
    assert_int_equal(FEED("$X\003-\003"), GDB_NOTHING); // in a text they are text
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    for (size_t length = GDB_PACKET_MAX - 1; length <= GDB_PACKET_MAX + 300; length++) {
        char tail[4];
        start();
        (void)FEED("$");
        for (size_t i = 0; i < length; i++)
            assert_int_equal(gdb_read(&reader, 'a'), GDB_NOTHING);
        snprintf(tail, sizeof(tail), "#%02x", (unsigned)(length * 'a') & 255);
        assert_int_equal(feed(tail, 3), length <= GDB_PACKET_MAX ? GDB_PACKET : GDB_BROKEN);
    }
}

static void parts_are_taken(void **state)
{
    (void)state;
    const char *at = "12aF,ffffffffffffffff:-1;10000000000000000";
    uint64_t value;
    int64_t id;
    assert_true(gdb_take_hex(&at, &value) && value == 0x12af);
    assert_false(gdb_take_char(&at, ':'));
    assert_true(gdb_take_char(&at, ','));
    assert_true(gdb_take_hex(&at, &value) && value == UINT64_MAX);
    assert_true(gdb_take_char(&at, ':'));
    assert_true(gdb_take_thread(&at, &id) && id == -1);
    assert_true(gdb_take_text(&at, ";"));
    assert_false(gdb_take_hex(&at, &value)); // more than 64 bits
    at = "";
    assert_false(gdb_take_char(&at, 0));
    assert_false(gdb_take_hex(&at, &value));
    at = "-2";
    assert_false(gdb_take_thread(&at, &id));
}

static void bytes_are_taken(void **state)
{
    (void)state;
    uint8_t bytes[3];
    assert_int_equal(gdb_take_bytes("0aFf", bytes, 3), 2);
    assert_int_equal(bytes[0] << 8 | bytes[1], 0xaff);
    assert_int_equal(gdb_take_bytes("", bytes, 3), 0);
    assert_int_equal(gdb_take_bytes("0", bytes, 3), -1);
    assert_int_equal(gdb_take_bytes("0g", bytes, 3), -1);
    assert_int_equal(gdb_take_bytes("00112233", bytes, 3), -1);
}

static void binary_data_comes_back(void **state)
{
    (void)state;
    static uint8_t all[256];
    start();
    for (unsigned i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    gdb_put_binary(&writer, all, sizeof(all));
    assert_int_equal(writer.length, 256 + 4);
    assert_int_equal(gdb_unescape(writer.text, writer.length), 256);
    assert_memory_equal(writer.text, all, 256);
    char last[] = "ab}";
    assert_int_equal(gdb_unescape(last, 3), 3); // an escape of nothing
}

static void runs_are_shortened(void **state)
{
    static char text[GDB_PACKET_MAX + 400];
    (void)state;
    for (unsigned run = 1; run < 400; run++) {
        start();
        gdb_put(&writer, "x");
        for (unsigned i = 0; i < run; i++)
            gdb_put(&writer, "0");
        gdb_put(&writer, "1");
        gdb_send(&writer, collect);
        assert_int_equal(decode(text), run + 2);
        assert_memory_equal(text, writer.text, run + 2);
        if (run > 20)
            assert_true(wire_length < 6 + 5 * (run / 97 + 2));
    }
}

static void any_text_comes_back(void **state)
{
    static char text[GDB_PACKET_MAX];
    (void)state;
    srand(7);
    for (unsigned round = 0; round < 2000; round++) {
        start();
        for (int i = rand() % 300; i > 0; i--)
            gdb_put(&writer, "%c", "01f*"[rand() % 3]);
        gdb_send(&writer, collect);
        assert_int_equal(decode(text), writer.length);
        assert_memory_equal(text, writer.text, writer.length);
    }
}

static void what_has_no_room_is_noted(void **state)
{
    (void)state;
    start();
    for (unsigned i = 0; i < GDB_PACKET_MAX - 1; i++)
        gdb_put_binary(&writer, "a", 1);
    assert_false(writer.is_cut);
    gdb_put_hex(&writer, "b", 1);
    assert_true(writer.is_cut);
    assert_int_equal(writer.length, GDB_PACKET_MAX);
    gdb_put(&writer, "more");
    assert_int_equal(writer.length, GDB_PACKET_MAX);
}

static void output_is_cut_into_packets(void **state)
{
    static char text[700];
    (void)state;
    start();
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (char)i;
    gdb_send_output(text, sizeof(text), collect);
    size_t seen = 0;
    for (size_t i = 0; i < wire_length; i++) {
        if (gdb_read(&reader, (uint8_t)wire[i]) != GDB_PACKET)
            continue;
        uint8_t bytes[256];
        assert_int_equal(reader.text[0], 'O');
        long length = gdb_take_bytes(reader.text + 1, bytes, sizeof(bytes));
        assert_true(length > 0);
        assert_memory_equal(bytes, text + seen, (size_t)length);
        seen += (size_t)length;
    }
    assert_int_equal(seen, sizeof(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_read),
        cmocka_unit_test(what_is_wrong_is_said_and_forgotten),
        cmocka_unit_test(a_packet_begins_anew),
        cmocka_unit_test(signs_between_packets),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(parts_are_taken),
        cmocka_unit_test(bytes_are_taken),
        cmocka_unit_test(binary_data_comes_back),
        cmocka_unit_test(runs_are_shortened),
        cmocka_unit_test(any_text_comes_back),
        cmocka_unit_test(what_has_no_room_is_noted),
        cmocka_unit_test(output_is_cut_into_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
