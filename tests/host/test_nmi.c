// arch/x86_64/nmi with simulated hooks and chipset. Catches a reason that isn't asked for, one NMI
// for two of them that is taken for two, a second NMI for what was answered early that stops the
// machine, one without any reason that doesn't, a chipset that isn't there taken for an error, and
// one whose next error isn't reported.

#include "tests/host/lib.h"

#include "arch/x86_64/nmi.c"

static struct percpu this_percpu;
static uint64_t now_ns;

struct percpu *fake_percpu(void)
{
    return &this_percpu;
}

uint64_t clock_ns(void)
{
    return now_ns;
}

static bool is_debugged;
static unsigned stops;

bool debug_stop_by_nmi(struct trap_frame *frame)
{
    assert_int_equal(frame->vector, 2);
    stops += is_debugged;
    return is_debugged;
}

static uint32_t sent_to, sent;

enum status lapic_send(uint32_t apic_id, uint32_t command)
{
    sent_to = apic_id;
    sent = command;
    return OK;
}

static trap_handler *handler;

trap_handler *trap_set_handler(uint8_t vector, trap_handler *to)
{
    assert_int_equal(vector, 2);
    handler = to;
    return NULL;
}

void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

static jmp_buf end;
static char reason[80];

void panic_with_frame(const struct trap_frame *frame, const char *format, ...)
{
    (void)frame;
    snprintf(reason, sizeof(reason), "%s", format);
    longjmp(end, 1);
}

// System control port B: setting bit 2 or 3 clears bit 7 or 6; what is written to bits 7 to 4
// should be 0.
static uint8_t port_b;
static bool is_absent;

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    assert_int_equal(port, 0x61);
    assert_int_equal(size, 1);
    return is_absent ? 0xff : port_b;
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(port, 0x61);
    assert_int_equal(size, 1);
    assert_int_equal(value & 0xf0, 0);
    assert_int_equal(value & 3, port_b & 3);
    uint8_t kept = port_b & 0xf0;
    if (value & 4)
        kept &= 0x7f;
    if (value & 8)
        kept &= 0xbf;
    port_b = kept | (uint8_t)value;
}

static bool own[2];
static unsigned asked[2];

static bool hook_0(struct trap_frame *frame)
{
    assert_int_equal(frame->vector, 2);
    assert_int_equal(asked[1], asked[0]++); // before the other
    return own[0];
}

static bool hook_1(struct trap_frame *frame)
{
    (void)frame;
    asked[1]++;
    return own[1];
}

// 1: the interrupted code goes on; 0: nobody knows why; -1: a panic that says why.
static int raise(bool first, bool second)
{
    struct trap_frame frame = {.vector = 2};
    own[0] = first;
    own[1] = second;
    reason[0] = 0;
    asked[0] = asked[1] = 0;
    if (setjmp(end))
        return -1;
    bool goes_on = handler(&frame);
    assert_int_equal(asked[0], 1);
    assert_int_equal(asked[1], 1);
    return goes_on;
}

static void hooks_are_asked_in_order(void **state)
{
    (void)state;
    assert_int_equal(raise(true, false), 1);
    assert_int_equal(raise(false, true), 1);
    assert_int_equal(raise(false, false), 0);
}

static void two_reasons_may_be_two_nmis(void **state)
{
    (void)state;
    assert_int_equal(raise(true, true), 1);
    assert_int_equal(raise(false, false), 1); // the second
    assert_int_equal(raise(false, false), 0);
    assert_int_equal(raise(true, true), 1);
    now_ns += 1000000001;
    assert_int_equal(raise(false, false), 0); // they had one NMI between them
    assert_int_equal(raise(true, true), 1);   // what nobody came for doesn't add up
    assert_int_equal(raise(true, true), 1);
    assert_int_equal(raise(false, false), 1);
    assert_int_equal(raise(false, false), 0);
}

static void what_has_no_reason_is_a_debuggers(void **state)
{
    (void)state;
    is_debugged = true;
    assert_int_equal(raise(false, false), 1);
    assert_int_equal(stops, 1);
    assert_int_equal(raise(true, false), 1);
    assert_int_equal(stops, 1);
    is_debugged = false;
}

static void the_chipset_has_reasons(void **state)
{
    (void)state;
    port_b = 0x83;
    assert_int_equal(raise(false, false), -1);
    assert_string_equal(reason, "NMI: memory parity or system error (SERR)");
    assert_int_equal(port_b, 0x03); // cleared, and not masked
    port_b = 0x60;
    assert_int_equal(raise(false, false), -1);
    assert_string_equal(reason, "NMI: a card reports an error (IOCHK)");
    assert_int_equal(port_b, 0x20);
    port_b = 0xc1;
    assert_int_equal(raise(false, false), -1);
    assert_int_equal(port_b, 0x01);
    port_b = 0x30; // the PIT's output and its refresh bit say nothing
    assert_int_equal(raise(false, false), 0);
    assert_int_equal(port_b, 0x30);
}

static void no_chipset_has_none(void **state)
{
    (void)state;
    is_absent = true;
    assert_int_equal(raise(false, false), 0);
    is_absent = false;
}

static void an_error_isnt_forgiven(void **state)
{
    (void)state;
    assert_int_equal(raise(true, true), 1);
    port_b = 0x80;
    assert_int_equal(raise(false, false), -1);
}

// [SDM3 11.6.1]: delivery mode 4, asserted.
static void others_are_sent_one(void **state)
{
    struct percpu other = {.arch.apic_id = 77};
    (void)state;
    arch_send_nmi(&other);
    assert_int_equal(sent_to, 77);
    assert_int_equal(sent, 0x4400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_are_asked_in_order),
        cmocka_unit_test(two_reasons_may_be_two_nmis),
        cmocka_unit_test(what_has_no_reason_is_a_debuggers),
        cmocka_unit_test(the_chipset_has_reasons),
        cmocka_unit_test(no_chipset_has_none),
        cmocka_unit_test(an_error_isnt_forgiven),
        cmocka_unit_test(others_are_sent_one),
    };
    nmi_init();
    nmi_add_hook(hook_0);
    nmi_add_hook(hook_1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
