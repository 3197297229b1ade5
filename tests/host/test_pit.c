// drivers/pit against a model of channel 0's read-back. Catches a wait without an end for a counter
// that stands still, an empty port that is taken for a timer, a byte left latched for the next
// reader, and a write that stops or reprograms the channel.

#include "tests/host/lib.h"

#include "drivers/pit.c"

enum pit_kind { KIND_ABSENT, KIND_ZERO, KIND_FRESH, KIND_PIT };

static struct {
    enum pit_kind kind;
    uint8_t status;
    bool gated;
    uint64_t ns_per_count;
    uint8_t latched[3];
    unsigned latches, taken;
} pit;

static uint64_t now_ns;

void clock_delay_ns(uint64_t delay_ns)
{
    now_ns += delay_ns;
}

// [8254]: with status and count latched, the first read gives the status, the next ones the count.
uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(size, 1);
    assert_int_equal(port, 0x40);
    if (pit.kind == KIND_FRESH && pit.taken++)
        return (uint8_t)(0 - now_ns / pit.ns_per_count);
    if (pit.kind != KIND_PIT)
        return pit.kind == KIND_ABSENT ? 0xff : 0;
    assert_true(pit.taken < pit.latches); // more would be the running counter's
    return pit.latched[pit.taken++];
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    assert_int_equal(port, 0x43);
    assert_int_equal(value, 0xc2); // read-back, count and status, channel 0; nothing else
    if (pit.kind == KIND_FRESH)
        pit.taken = 0;
    if (pit.kind != KIND_PIT)
        return;
    assert_int_equal(pit.taken, pit.latches);
    uint16_t count = (uint16_t)(pit.gated ? 0x1234 : 0 - now_ns / pit.ns_per_count);
    unsigned access = pit.status >> 4 & 3;
    pit.latched[0] = pit.status;
    pit.latched[1] = (uint8_t)(access == 2 ? count >> 8 : count);
    pit.latched[2] = (uint8_t)(count >> 8);
    pit.latches = access == 3 ? 3 : 2;
    pit.taken = 0;
}

static enum pit_state probe(enum pit_kind kind, uint8_t status, bool gated)
{
    memset(&pit, 0, sizeof(pit));
    pit.kind = kind;
    pit.status = status;
    pit.gated = gated;
    pit.ns_per_count = 838;
    uint64_t before = now_ns;
    enum pit_state state = pit_probe();
    assert_true(now_ns - before <= 2000000);
    if (kind == KIND_PIT)
        assert_int_equal(pit.taken, pit.latches);
    return state;
}

static void a_counter_that_counts(void **state)
{
    (void)state;
    static const uint8_t statuses[] = {0x34, 0x36, 0xb6, 0x30, 0x14, 0x24}; // of all three accesses
    for (unsigned i = 0; i < sizeof(statuses); i++)
        assert_int_equal(probe(KIND_PIT, statuses[i], false), PIT_COUNTING);
}

static void a_counter_that_is_gated_off(void **state)
{
    (void)state;
    assert_int_equal(probe(KIND_PIT, 0x36, true), PIT_STOPPED);
    assert_int_equal(probe(KIND_PIT, 0x14, true), PIT_STOPPED);
}

// QEMU's, under a firmware that doesn't use it: no access is set, so nothing can be latched, and
// after the status the counter itself is read.
static void a_counter_that_nobody_has_programmed(void **state)
{
    (void)state;
    assert_int_equal(probe(KIND_FRESH, 0, false), PIT_COUNTING);
}

static void no_timer(void **state)
{
    (void)state;
    assert_int_equal(probe(KIND_ABSENT, 0, false), PIT_ABSENT);
    assert_int_equal(probe(KIND_ZERO, 0, false), PIT_STOPPED); // says something, but no time
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_that_counts),
        cmocka_unit_test(a_counter_that_is_gated_off),
        cmocka_unit_test(a_counter_that_nobody_has_programmed),
        cmocka_unit_test(no_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
