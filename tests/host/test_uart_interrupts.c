// drivers/uart16550 by interrupts, against the model of the chip. Catches characters that are lost
// while nobody reads, or lost or sent twice between the interrupt and whoever writes; a writer that
// waits though there is room, or for ever where no interrupt comes; interrupts that are believed
// before one has come, or never given up; a ring that is full and asks for ever; and a panic whose
// text waits for an interrupt or a lock.

#include "tests/host/uart_machine.h"

static void write_all(const char *text)
{
    sink->write(sink, text, strlen(text));
}

static void expect_output(const char *expected)
{
    assert_int_equal(chip.length, strlen(expected));
    assert_memory_equal(chip.output, expected, chip.length);
}

// By interrupts, which have come once.
static void start_interrupts(void)
{
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    assert_int_equal(driver_start_uart16550_interrupt(), OK);
    compute(1000000);
    assert_true(source->interrupts);
    irq.count = irq.idle = 0;
}

// --- Start --------------------------------------------------------------------------------------

static void each_port_has_its_line(void **state)
{
    static const struct {
        const char *option;
        unsigned line; // 0: none that is known
    } ports[] = {{"com1", 4}, {"com2", 3}, {"0x3e8", 4}, {"0x2e8", 3}, {"0x1008", 0}};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        uint64_t port;
        assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
        assert_true(uart_parse(ports[i].option, &config));
        port = config.address;
        chip.base = (uint16_t)port;
        assert_int_equal(driver_start_uart16550(), OK);
        assert_int_equal(driver_start_uart16550_interrupt(), ports[i].line ? OK : NOT_FOUND);
        assert_int_equal(irq.handler != NULL, ports[i].line != 0);
        if (ports[i].line)
            assert_true(irq.is_isa && irq.line == ports[i].line);
    }
}

static void registers_in_memory_have_the_line_that_a_table_names(void **state)
{
    uint8_t registers[8] = {[5] = 0x60};
    (void)state;
    mmio.registers = registers;
    mmio.status = OK;
    platform.uart_count = 2;
    platform.uarts[0] = (struct platform_uart){.address = 0xfe030000, .gsi = 4};
    platform.uarts[1] =
        (struct platform_uart){.address = 0xfe030000, .is_mmio = true, .gsi = PLATFORM_NO_GSI};
    assert_int_equal(start(CHIP_ABSENT, 0x3f8, "mmio:0xfe030000"), OK);
    assert_int_equal(driver_start_uart16550_interrupt(), NOT_FOUND);
    platform.uarts[1].gsi = 33;
    assert_int_equal(driver_start_uart16550_interrupt(), OK);
    assert_true(!irq.is_isa && irq.line == 33 && irq.is_level && irq.is_low);
    platform.uart_count = 0;
}

static void without_interrupts_all_is_polled(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    irq.status = NOT_SUPPORTED;
    assert_int_equal(driver_start_uart16550_interrupt(), NOT_FOUND);
    assert_int_equal(chip.ier, 0);
    assert_false(source->interrupts);
    write_all("text that is longer than the transmitter's FIFO\n");
    expect_output("text that is longer than the transmitter's FIFO\r\n");
    irq.status = NO_MEMORY; // told by name
    assert_int_equal(driver_start_uart16550_interrupt(), NO_MEMORY);
    assert_int_equal(start(CHIP_ABSENT, 0x3f8, NULL), NOT_FOUND);
    assert_int_equal(driver_start_uart16550_interrupt(), NOT_FOUND);
}

static void interrupts_are_believed_when_one_has_come(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    irq.is_off = true; // as while the kernel starts
    assert_int_equal(driver_start_uart16550_interrupt(), OK);
    assert_false(source->interrupts);
    write_all("polled, and longer than the FIFO is deep\n");
    expect_output("polled, and longer than the FIFO is deep\r\n");
    irq.is_off = false;
    compute(10 * CHARACTER_NS * 16);
    assert_true(source->interrupts);
    assert_int_equal(irq.idle, 0);
}

static void one_that_never_comes_is_given_up(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    irq.is_dead = true;
    assert_int_equal(driver_start_uart16550_interrupt(), OK);
    log_forget();
    for (unsigned i = 0; i < 5000; i++) {
        assert_int_equal(source->read(source), -1);
        now_ns += 1000000;
    }
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_non_null(strstr(log_last, "polled"));
    assert_null(irq.handler);
    assert_int_equal(chip.ier, 0);
    write_all("all of it, though no interrupt comes\n");
    expect_output("all of it, though no interrupt comes\r\n");
    chip.input[chip.inputs++] = 'k';
    assert_int_equal(source->read(source), 'k');
}

// --- Sending ------------------------------------------------------------------------------------

static void nobody_waits_for_the_line(void **state)
{
    char text[801] = "";
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    start_interrupts();
    uint64_t before = now_ns;
    write_all(text);
    assert_true(now_ns - before < 100000); // the line takes 69 ms
    compute(801 * CHARACTER_NS);
    expect_output(text);
    assert_int_equal(chip.overruns, 0);
    assert_in_range(irq.count, 800 / 16 - 1, 800 / 16 + 1);
    assert_int_equal(irq.idle, 0);
    assert_int_equal(chip.ier, 1); // nothing more to be said
    irq.count = 0;
    write_all("fits at once\r\n");
    compute(100 * CHARACTER_NS);
    assert_int_equal(irq.count, 0);
}

static void more_than_the_ring_holds_waits_for_room(void **state)
{
    static char text[5001];
    (void)state;
    memset(text, 'y', sizeof(text) - 1);
    for (unsigned is_off = 0; is_off <= 1; is_off++) { // a handler that logs has them off
        start_interrupts();
        irq.is_off = is_off;
        uint64_t before = now_ns;
        write_all(text);
        assert_true(now_ns - before < 4100ull * CHARACTER_NS * 11 / 10);
        assert_true(now_ns - before > 3900ull * CHARACTER_NS);
        irq.is_off = false;
        compute(1200 * CHARACTER_NS);
        expect_output(text);
        assert_int_equal(chip.overruns, 0);
    }
}

// Random texts and pauses on all three chips: nothing lost, nothing twice, never too much at once.
static void all_of_it_arrives(void **state)
{
    static char expected[OUTPUT_MAX];
    (void)state;
    random_seed(5);
    for (enum chip kind = CHIP_16450; kind <= CHIP_16550A; kind++) {
        size_t length = 0;
        assert_int_equal(start(kind, 0x3f8, NULL), OK);
        assert_int_equal(driver_start_uart16550_interrupt(), OK);
        for (unsigned round = 0; round < 300; round++) {
            char text[100];
            size_t size = random_below(random_below(4) ? 20 : 100);
            for (size_t i = 0; i < size; i++)
                text[i] = expected[length++] = (char)('a' + random_below(26));
            irq.is_off = random_below(4) == 0;
            sink->write(sink, text, size);
            irq.is_off = false;
            compute(random_below(40) * CHARACTER_NS);
            if (random_below(4) == 0)
                (void)source->read(source);
        }
        sink->flush(sink);
        assert_int_equal(chip.sending, 0);
        assert_int_equal(chip.overruns, 0);
        assert_int_equal(chip.length, length);
        assert_memory_equal(chip.output, expected, length);
    }
}

static void flush_waits_for_ring_and_chip(void **state)
{
    char text[501] = "";
    (void)state;
    memset(text, 'z', sizeof(text) - 1);
    for (unsigned is_off = 0; is_off <= 1; is_off++) {
        start_interrupts();
        irq.is_off = is_off;
        write_all(text);
        sink->flush(sink);
        assert_int_equal(chip.sending, 0);
        expect_output(text);
    }
}

static void a_stalled_port_costs_one_time_out(void **state)
{
    (void)state;
    start_interrupts();
    chip.held = true;
    uint64_t before = now_ns;
    for (unsigned i = 0; i < 1000; i++)
        write_all("a line that nobody takes\n");
    assert_true(now_ns - before < 1000000000);
    assert_in_range(chip.length, 0, 16);
    chip.held = false;
    compute(100 * CHARACTER_NS);
    chip.length = 0;
    write_all("back again\n");
    compute(100 * CHARACTER_NS);
    expect_output("\r\n[some output is lost]\r\nback again\r\n");
}

// A request that got lost on the way: the chip has told it, and doesn't again.
static void a_lost_request_is_raised_anew(void **state)
{
    char text[201] = "";
    (void)state;
    memset(text, 'l', sizeof(text) - 1);
    start_interrupts();
    write_all(text);
    now_ns += 100 * CHARACTER_NS;
    pass_time(0);
    chip.thr_told = true;
    irq.is_pending = chip.is_high = false;
    assert_int_equal(source->read(source), -1);
    compute(300 * CHARACTER_NS);
    expect_output(text);
    assert_true(source->interrupts);
}

static void interrupts_that_stop_coming_are_given_up(void **state)
{
    char text[201] = "";
    (void)state;
    memset(text, 's', sizeof(text) - 1);
    start_interrupts();
    log_forget();
    irq.is_dead = true;
    write_all(text);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(source->read(source), -1);
        now_ns += 1000000;
    }
    expect_output(text);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_false(source->interrupts);
    assert_null(irq.handler);
    write_all("!");
    assert_int_equal(chip.output[chip.length - 1], '!');
}

// A slow line isn't a dead one.
static void a_long_text_is_no_missing_interrupt(void **state)
{
    static char text[1001];
    (void)state;
    memset(text, 'w', sizeof(text) - 1);
    start_interrupts();
    for (unsigned i = 0; i < 200; i++) {
        write_all(text);
        compute(50000000);
        assert_int_equal(source->read(source), -1);
        chip.length = 0;
    }
    assert_true(source->interrupts);
}

// --- Receiving ----------------------------------------------------------------------------------

static void input_is_taken_while_nobody_reads(void **state)
{
    static char pasted[3001];
    (void)state;
    for (unsigned i = 0; i < sizeof(pasted) - 1; i++)
        pasted[i] = (char)('a' + i % 26);
    start_interrupts();
    log_forget();
    notified = 0;
    chip.coming = pasted;
    chip.arrived_at = now_ns;
    compute(3010 * CHARACTER_NS); // a command that prints nothing
    assert_true(notified > 0);
    for (unsigned i = 0; i < sizeof(pasted) - 1; i++)
        assert_int_equal(source->read(source), pasted[i]);
    assert_int_equal(source->read(source), -1);
    assert_int_equal(log_lines[LOG_WARN], 0);
    assert_int_equal(irq.idle, 0);
}

static void a_full_ring_asks_no_more_until_there_is_room(void **state)
{
    enum { MORE = 12 }; // what the chip holds
    static char pasted[RECEIVED_MAX + MORE + 1];
    (void)state;
    memset(pasted, 'f', sizeof(pasted) - 1);
    start_interrupts();
    chip.coming = pasted;
    chip.arrived_at = now_ns;
    compute((RECEIVED_MAX - 1) * CHARACTER_NS);
    while (chip.ier & 1)
        compute(CHARACTER_NS);
    unsigned before = irq.count;
    compute((MORE + 1) * CHARACTER_NS);
    assert_int_equal(irq.count, before);
    assert_int_equal(chip.inputs, MORE);
    for (unsigned i = 0; i < RECEIVED_MAX; i++)
        assert_int_equal(source->read(source), 'f');
    assert_int_equal(chip.ier & 1, 1);
    unsigned rest = 0;
    while (source->read(source) == 'f')
        rest++;
    assert_int_equal(rest, MORE);
}

static void pollers_and_interrupts_take_turns(void **state)
{
    static char pasted[2001];
    unsigned taken = 0;
    (void)state;
    random_seed(6);
    for (unsigned i = 0; i < sizeof(pasted) - 1; i++)
        pasted[i] = (char)('A' + i % 53);
    start_interrupts();
    chip.coming = pasted;
    chip.arrived_at = now_ns;
    while (taken < sizeof(pasted) - 1) {
        irq.is_off = random_below(2);
        now_ns += random_below(8) * CHARACTER_NS;
        int c = source->read(source);
        if (c >= 0)
            assert_int_equal(c, pasted[taken++]);
        irq.is_off = false;
        let_arrive();
        let_interrupt();
        if (random_below(3) == 0)
            compute(random_below(10) * CHARACTER_NS);
    }
    assert_int_equal(irq.idle, 0); // a poller's work isn't noise on the line
}

static void a_chip_that_never_stops_asking_is_left(void **state)
{
    (void)state;
    start_interrupts();
    uint64_t before = now_ns;
    chip.chip = CHIP_STUCK; // all zeros: an interrupt by the modem
    assert_true(irq.handler->handle(irq.handler));
    assert_true(now_ns - before < 2000000);
    chip.chip = CHIP_ABSENT;
    before = now_ns;
    (void)irq.handler->handle(irq.handler);
    assert_false(irq.handler->handle(irq.handler));
    assert_true(now_ns - before < 10 * ACCESS_NS);
}

// --- Panic --------------------------------------------------------------------------------------

static void a_panic_says_what_is_left_and_then_polls(void **state)
{
    (void)state;
    start_interrupts();
    irq.is_off = true;
    write_all("what was said before it, longer than the FIFO\n");
    uart.lock.next++; // somebody has it, and was stopped
    sink->reset(sink);
    write_all("KEELSON PANIC\n");
    expect_output("what was said before it, longer than the FIFO\r\nKEELSON PANIC\r\n");
    assert_int_equal(chip.ier, 0);
    assert_false(source->interrupts);
    chip.input[chip.inputs++] = 'k';
    assert_int_equal(source->read(source), 'k');
    assert_int_equal(source->read(source), -1);
}

static void a_panic_trusts_no_ring(void **state)
{
    (void)state;
    start_interrupts();
    irq.is_off = true;
    uart.unsent_first = uart.first = 0xffffff01;
    uart.unsent_count = uart.count = 0xfffffff0;
    sink->reset(sink);
    write_all("panic\n");
    expect_output("panic\r\n");
    assert_int_equal(source->read(source), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_port_has_its_line),
        cmocka_unit_test(registers_in_memory_have_the_line_that_a_table_names),
        cmocka_unit_test(without_interrupts_all_is_polled),
        cmocka_unit_test(interrupts_are_believed_when_one_has_come),
        cmocka_unit_test(one_that_never_comes_is_given_up),
        cmocka_unit_test(nobody_waits_for_the_line),
        cmocka_unit_test(more_than_the_ring_holds_waits_for_room),
        cmocka_unit_test(all_of_it_arrives),
        cmocka_unit_test(flush_waits_for_ring_and_chip),
        cmocka_unit_test(a_stalled_port_costs_one_time_out),
        cmocka_unit_test(a_lost_request_is_raised_anew),
        cmocka_unit_test(interrupts_that_stop_coming_are_given_up),
        cmocka_unit_test(a_long_text_is_no_missing_interrupt),
        cmocka_unit_test(input_is_taken_while_nobody_reads),
        cmocka_unit_test(a_full_ring_asks_no_more_until_there_is_room),
        cmocka_unit_test(pollers_and_interrupts_take_turns),
        cmocka_unit_test(a_chip_that_never_stops_asking_is_left),
        cmocka_unit_test(a_panic_says_what_is_left_and_then_polls),
        cmocka_unit_test(a_panic_trusts_no_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
