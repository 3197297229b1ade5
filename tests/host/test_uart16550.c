// drivers/uart16550 against a model of the chip, with time that passes only by accesses. Catches a
// probe that takes an empty port for a UART or waits for ever, more characters than the transmitter
// has room for, a line set to a wrong speed, `keep` that sets it none the less, a stalled port that
// costs its time-out for every line, and register strides that are wrong in memory.

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

// --- The option -------------------------------------------------------------------------------

static void expect_config(const char *text, enum uart_access access, uint64_t address,
                          uint32_t baud, bool keep)
{
    struct uart_config parsed;
    if (!uart_parse(text, &parsed))
        fail_msg("'%s' is refused", text);
    assert_int_equal(parsed.access, access);
    assert_true(parsed.address == address);
    assert_int_equal(parsed.keep, keep);
    assert_true(parsed.is_explicit);
    if (!keep)
        assert_int_equal(parsed.baud, baud);
}

static void every_form_of_the_option(void **state)
{
    (void)state;
    expect_config("com1", UART_PORT, 0x3f8, 115200, false);
    expect_config("com2", UART_PORT, 0x2f8, 115200, false);
    expect_config("0x3e8", UART_PORT, 0x3e8, 115200, false);
    expect_config("0xfff8", UART_PORT, 0xfff8, 115200, false);
    expect_config("mmio:0xfe030000", UART_MMIO, 0xfe030000, 115200, false);
    expect_config("mmio:0xfe030001", UART_MMIO, 0xfe030001, 115200, false);
    expect_config("mmio32:0x123456789c", UART_MMIO32, 0x123456789c, 115200, false);
    expect_config("com2,9600", UART_PORT, 0x2f8, 9600, false);
    expect_config("com1,keep", UART_PORT, 0x3f8, 0, true);
    expect_config("mmio32:0xfedc9000,57600", UART_MMIO32, 0xfedc9000, 57600, false);
    expect_config("mmio:0x1000,keep", UART_MMIO, 0x1000, 0, true);
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ",",
        "com",
        "com3",
        "com11",
        "COM1 ",
        "com1 ",
        "com1,",
        "com1,0",
        "com1,115201",
        "com1,230400",
        "com1,7",
        "com1,1",
        "com1,-9600",
        "com1,9600x",
        "com1,keep,",
        "com1,keepit",
        "com1,9600,keep",
        "com1,,9600",
        "com1,fast",
        "3f8",
        "0x",
        "0x0",
        "0xfff9",
        "0x10000",
        "0x3f8x",
        "1016",
        "mmio",
        "mmio:",
        "mmio:0x",
        "mmio:0",
        "mmio:0x0",
        "mmio:xyz",
        "mmio:fe030000",
        "mmio32:",
        "mmio32:0x0",
        "mmio32:0xfe030001",
        "mmio32:0xfe030002",
        "mmio16:0x1000",
        "mmio:0x10000000000000000",
        "mmio:0x00000000000000000000000000001000",
        "io:0x3f8",
        "mmio:4096",
        "mmio32:4096",
        "com1,9600 ",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct uart_config parsed = {UART_MMIO32, 77, 88, true, false};
        if (uart_parse(bad[i], &parsed))
            fail_msg("'%s' is accepted", bad[i]);
        assert_true(parsed.access == UART_MMIO32 && parsed.address == 77 && parsed.baud == 88 &&
                    parsed.keep && !parsed.is_explicit);
        assert_int_not_equal(option_set_serial(bad[i]), OK);
    }
}

// --- Asking who is there ----------------------------------------------------------------------

// One that is used by somebody else: it sends, characters wait in it, its divisor latch is open.
static void make_busy(enum chip kind)
{
    memset(&chip, 0, sizeof(chip));
    chip.chip = kind;
    chip.base = 0x2f8;
    chip.ier = 0x0f, chip.lcr = 0x83, chip.mcr = 0x0b, chip.fcr = 0xc1, chip.dll = 0x34;
    chip.scratch = 0x77;
    chip.sending = 1, chip.held = true;
    chip.inputs = 3;
    update_line();
}

static void whoever_answers_is_left_as_it_was(void **state)
{
    (void)state;
    for (enum chip kind = CHIP_16450; kind <= CHIP_DEAF; kind++) {
        make_busy(kind);
        assert_true(uart_answers(0x2f8));
        unsigned writes = chip.writes;
        typeof(chip) after = chip;
        make_busy(kind);
        chip.writes = writes;
        assert_memory_equal(&after, &chip, sizeof(chip));
    }
}

static void an_empty_port_does_not_answer(void **state)
{
    (void)state;
    make_busy(CHIP_ABSENT);
    assert_false(uart_answers(0x2f8));
    assert_int_equal(chip.writes, 0); // whatever else there is
    make_busy(CHIP_16550A);
    assert_false(uart_answers(0x3e8));
    assert_int_equal(chip.writes, 0);
    make_busy(CHIP_STUCK);
    assert_false(uart_answers(0x2f8));
}

static void the_console_is_known(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_ABSENT, 0x3f8, NULL), NOT_FOUND);
    assert_null(uart_console());
    assert_int_equal(start(CHIP_16550A, 0x2f8, "com2"), OK);
    assert_non_null(uart_console());
    assert_true(uart_console()->access == UART_PORT && uart_console()->address == 0x2f8);
}

// --- The probe --------------------------------------------------------------------------------

static void a_uart_is_found_by_default_at_com1(void **state)
{
    (void)state;
    for (enum chip kind = CHIP_16450; kind <= CHIP_16550A; kind++) {
        assert_int_equal(start(kind, 0x3f8, NULL), OK);
        assert_non_null(sink);
        assert_non_null(source);
        assert_string_equal(sink->name, "serial");
        assert_string_equal(source->name, "serial");
        assert_int_equal(chip.length, 0);        // the probe's characters stay inside
        assert_int_equal(chip.mcr & 0x13, 0x03); // DTR and RTS, no loopback
        assert_int_equal(chip.ier, 0);
        assert_int_equal(chip.inputs, 0);
    }
}

static void input_that_waits_does_not_hide_the_uart(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    for (unsigned i = 0; i < 16; i++)
        chip.input[chip.inputs++] = (uint8_t)i;
    sink = NULL;
    assert_int_equal(driver_start_uart16550(), OK);
    assert_non_null(sink);
}

static void no_uart_is_no_console(void **state)
{
    (void)state;
    static const enum chip kinds[] = {CHIP_ABSENT, CHIP_STUCK};
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        uint64_t before = now_ns;
        assert_int_equal(start(kinds[i], 0x3f8, NULL), NOT_FOUND);
        assert_null(sink);
        assert_null(source);
        assert_true(now_ns - before < 1000000000);
    }
    assert_int_equal(start(CHIP_16550A, 0x2f8, NULL), NOT_FOUND); // only COM1 is looked at
}

// [16550 8.1]: reset leaves 5 bits a word, and no firmware need have changed that.
static void a_uart_fresh_from_reset_is_found(void **state)
{
    (void)state;
    first_lcr = 0;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    assert_non_null(sink);
    write_all("eight bits: \xe9");
    expect_output("eight bits: \xe9");
    first_lcr = 0x1b;
}

static void an_open_divisor_latch_is_closed(void **state)
{
    (void)state;
    first_lcr = 0x83;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    write_all("x");
    expect_output("x");
    assert_int_equal(start(CHIP_DEAF, 0x3f8, NULL), NOT_FOUND);
    assert_int_equal(chip.lcr, 0x83);
    first_lcr = 0x1b;
}

// It may be another device's: what the probe has written is put back.
static void what_does_not_loop_back_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_DEAF, 0x3f8, NULL), NOT_FOUND);
    assert_null(sink);
    assert_int_equal(chip.mcr, 0x03);
    assert_int_equal(chip.line_writes, 0);
    assert_int_equal(chip.lcr, 0x1b);
    assert_int_equal(chip.length, 0);
}

static void a_port_that_a_person_names_is_believed(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x2f8, "com2"), OK);
    write_all("x");
    expect_output("x");
    for (enum chip kind = CHIP_ABSENT; kind <= CHIP_STUCK; kind += CHIP_STUCK) {
        uint64_t before = now_ns;
        assert_int_equal(start(kind, 0x2f8, "com2"), OK);
        assert_non_null(sink);
        for (unsigned i = 0; i < 100; i++)
            write_all("text for nobody\n");
        assert_true(now_ns - before < 2000000000);
        assert_int_equal(source->read(source), -1);
    }
}

// --- The line ---------------------------------------------------------------------------------

static void each_speed_has_its_divisor(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        unsigned divisor; // of 1.8432 MHz / 16 [16550, table III]
    } speeds[] = {
        {"com1", 1},       {"com1,115200", 1}, {"com1,57600", 2}, {"com1,38400", 3},
        {"com1,19200", 6}, {"com1,9600", 12},  {"com1,4800", 24}, {"com1,2400", 48},
        {"com1,1200", 96}, {"com1,300", 384},  {"com1,75", 1536}, {"com1,50", 2304},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(speeds); i++) {
        assert_int_equal(start(CHIP_16550A, 0x3f8, speeds[i].option), OK);
        assert_int_equal(chip.dlm << 8 | chip.dll, speeds[i].divisor);
        assert_int_equal(chip.lcr, 0x03); // 8 bits, no parity, 1 stop bit, latch closed
    }
}

static void keep_leaves_the_line_alone(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, "com1,keep"), OK);
    assert_int_equal(chip.line_writes, 0);
    assert_int_equal(chip.lcr, 0x1b);
    assert_int_equal(chip.dll, 0x34);
    assert_int_equal(chip.dlm, 0x12);
    write_all("kept");
    expect_output("kept");
}

// --- Sending and receiving --------------------------------------------------------------------

static void line_ends_become_carriage_returns_too(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    write_all("");
    write_all("\n");
    write_all("one\ntwo\n\nthree");
    write_all("\x1b[2J\xff");
    expect_output("\r\none\r\ntwo\r\n\r\nthree\x1b[2J\xff");
}

// Each of the three chips, with random texts: nothing lost, nothing twice, never too much at once.
static void the_transmitter_is_never_overrun(void **state)
{
    (void)state;
    static char expected[OUTPUT_MAX];
    random_seed(80);
    for (enum chip kind = CHIP_16450; kind <= CHIP_16550A; kind++) {
        assert_int_equal(start(kind, 0x3f8, NULL), OK);
        size_t length = 0;
        for (unsigned round = 0; round < 300; round++) {
            char text[100];
            size_t size = random_below(random_below(4) ? 20 : 100);
            for (size_t i = 0; i < size; i++) {
                text[i] = random_below(8) ? (char)('a' + random_below(26)) : '\n';
                if (text[i] == '\n')
                    expected[length++] = '\r';
                expected[length++] = text[i];
            }
            sink->write(sink, text, size);
        }
        assert_int_equal(chip.overruns, 0);
        assert_int_equal(chip.length, length);
        assert_memory_equal(chip.output, expected, length);
    }
}

// Sixteen at once, and no more time than the line needs.
static void the_fifo_is_used(void **state)
{
    (void)state;
    char text[4000];
    memset(text, 'x', sizeof(text));
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    uint64_t before = now_ns;
    sink->write(sink, text, sizeof(text));
    assert_true(now_ns - before < 4000ull * CHARACTER_NS * 11 / 10);
    assert_int_equal(chip.length, sizeof(text));
    pass_time(1000000000);
    chip.held = true;
    sink->write(sink, text, 16);
    assert_int_equal(chip.sending, 16);
}

static void a_stalled_port_costs_one_time_out_and_recovers(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    chip.held = true;
    uint64_t before = now_ns;
    for (unsigned i = 0; i < 1000; i++)
        write_all("a line that nobody takes\n");
    assert_true(now_ns - before < 1000000000);
    assert_true(now_ns - before > 100000000); // but a slow line isn't given up at once
    assert_in_range(chip.length, 0, 16);
    assert_int_equal(chip.overruns, 0);
    chip.held = false;
    pass_time(10000000);
    chip.length = 0;
    write_all("back again\n");
    expect_output("\r\n[some output is lost]\r\nback again\r\n");
    chip.length = 0;
    write_all("and whole\n");
    expect_output("and whole\r\n");
    chip.held = true; // and the next stall is waited for again, once
    before = now_ns;
    write_all("more than sixteen characters\n");
    write_all("more\n");
    assert_true(now_ns - before > 100000000 && now_ns - before < 1000000000);
}

static void keys_are_read_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    assert_int_equal(source->read(source), -1);
    chip.input[0] = 'k', chip.input[1] = 0xe9, chip.input[2] = 0, chip.inputs = 3;
    assert_int_equal(source->read(source), 'k');
    assert_int_equal(source->read(source), 0xe9);
    assert_int_equal(source->read(source), 0);
    uint64_t before = now_ns;
    assert_int_equal(source->read(source), -1);
    assert_true(now_ns - before < 10 * ACCESS_NS);
    chip.chip = CHIP_ABSENT; // unplugged
    assert_int_equal(source->read(source), -1);
}

// --- Registers in memory ----------------------------------------------------------------------

// Plain memory that says "data there, transmitter empty": whatever is written comes back.
// Somebody pastes while the kernel prints: both directions are as fast as the line.
static void input_is_taken_while_output_waits(void **state)
{
    (void)state;
    char pasted[201] = "", printed[301] = "";
    memset(pasted, 'p', sizeof(pasted) - 1);
    memset(printed, 'o', sizeof(printed) - 1);
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    log_forget();
    chip.coming = pasted;
    chip.arrived_at = now_ns;
    write_all(printed);
    assert_int_equal(*chip.coming, 0);
    for (unsigned i = 0; i < sizeof(pasted) - 1; i++)
        assert_int_equal(source->read(source), 'p');
    assert_int_equal(source->read(source), -1);
    assert_int_equal(log_lines[LOG_WARN], 0);
}

static void lost_input_is_told_once(void **state)
{
    (void)state;
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    log_forget();
    chip.coming = "0123456789abcdefLOST";
    chip.arrived_at = now_ns;
    now_ns += 30 * CHARACTER_NS;
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(source->read(source), "0123456789abcdef"[i]);
    assert_int_equal(source->read(source), -1);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_non_null(strstr(log_last, "lost"));
}

// A terminal that is switched off sends a break; noise has no stop bits. Neither is a key.
static void breaks_and_noise_are_no_keys(void **state)
{
    (void)state;
    static const uint8_t errors[] = {0x08, 0x10, 0x18};
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
        chip.input[chip.inputs++] = 'n';
        chip.error = errors[i];
        assert_int_equal(source->read(source), -1);
        assert_int_equal(chip.inputs, 0);
        chip.error = 0;
        chip.input[chip.inputs++] = 'k';
        assert_int_equal(source->read(source), 'k');
    }
}

static void check_mmio(const char *option, size_t stride)
{
    uint8_t *registers = calloc(8, stride);
    mmio.status = OK;
    mmio.registers = registers;
    memset(registers, 0xee, 8 * stride);
    registers[5 * stride] = 0x60;
    assert_int_equal(start(CHIP_ABSENT, 0x3f8, option), OK);
    assert_int_equal(mmio.size, 8 * stride);
    assert_int_equal(registers[2 * stride], 0x07); // FIFOs on and empty
    assert_int_equal(registers[3 * stride], 0x03);
    assert_int_equal(registers[4 * stride] & 0x1f, 0x0b);
    assert_int_equal(registers[1 * stride], 0x00);
    assert_int_equal(registers[5 * stride], 0x60);
    assert_int_equal(registers[6 * stride], 0xee);
    assert_int_equal(registers[7 * stride], 0xee);
    if (stride == 4) // whole words are written
        for (unsigned i = 1; i < 4; i++)
            assert_int_equal(registers[3 * 4 + i], 0);
    write_all("Z");
    assert_int_equal(registers[0], 'Z');
    registers[5 * stride] = 0x61;
    assert_int_equal(source->read(source), 'Z');
    free(registers);
}

// A debugger that takes what is between '$' and '#' for its own.
static bool in_packet;
static unsigned resets;

static enum debug_line_verdict judge_packets(uint8_t byte)
{
    in_packet |= byte == '$';
    if (!in_packet)
        return byte == '~' ? DEBUG_LINE_DROP : DEBUG_LINE_PASS;
    in_packet = byte != '#' && byte != '\r';
    return in_packet ? DEBUG_LINE_KEEP : byte == '#' ? DEBUG_LINE_CALL : DEBUG_LINE_PASS;
}

static void forget_packet(void)
{
    in_packet = false;
    resets++;
}

static void type_all(const char *text)
{
    for (; *text; text++) {
        chip.input[0] = (uint8_t)*text;
        chip.inputs = 1;
        (void)uart_look(&uart);
    }
}

static void assert_typed(const char *text)
{
    for (; *text; text++)
        assert_int_equal(source->read(source), *text);
    assert_int_equal(source->read(source), -1);
}

static void start_judged(void)
{
    assert_int_equal(start(CHIP_16550A, 0x3f8, NULL), OK);
    uart.judge = judge_packets;
    uart.reset_judge = forget_packet;
    in_packet = false;
    resets = calls = 0;
}

static void what_may_be_a_debuggers_is_kept_back(void **state)
{
    (void)state;
    start_judged();
    type_all("ab$c");
    assert_typed("ab");
    now_ns += KEEP_NS;
    assert_typed("$c"); // no more of it has come
    assert_int_equal(resets, 1);
    type_all("d$e\r");
    assert_typed("d$e\r");
    assert_int_equal(calls, 0);
}

static void a_debugger_is_called(void **state)
{
    (void)state;
    start_judged();
    type_all("a$bc#");
    assert_int_equal(calls, 1);
    type_all("x"); // is left in the receiver
    assert_int_equal(chip.inputs, 1);
    assert_typed("a");
    uart.is_called = false;
    assert_typed("x");
    type_all("~y~");
    assert_typed("y");
}

static char encoded[64];

static void encode_into(const char *text, size_t length)
{
    snprintf(encoded, sizeof(encoded), "<%.*s>", (int)length, text);
}

static void what_is_said_is_a_debuggers(void **state)
{
    (void)state;
    start_judged();
    chip.length = 0;
    uart.encode = encode_into;
    sink->write(sink, "hello\n", 6);
    assert_string_equal(encoded, "<hello\n>");
    assert_int_equal(chip.length, 0);
    uart.encode = NULL;
    uart.judge = NULL;
}

static void memory_mapped_registers_by_their_stride(void **state)
{
    (void)state;
    check_mmio("mmio:0xfe030000", 1);
    assert_true(mmio.address == 0xfe030000);
    check_mmio("mmio32:0xfe030040", 4);
    assert_true(mmio.address == 0xfe030040);
}

static void registers_that_cannot_be_mapped(void **state)
{
    (void)state;
    mmio.status = NO_MEMORY;
    mmio.registers = NULL;
    assert_int_equal(start(CHIP_ABSENT, 0x3f8, "mmio32:0xfe030000"), NO_MEMORY);
    assert_null(sink);
    assert_null(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_the_option),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(whoever_answers_is_left_as_it_was),
        cmocka_unit_test(an_empty_port_does_not_answer),
        cmocka_unit_test(the_console_is_known),
        cmocka_unit_test(a_uart_is_found_by_default_at_com1),
        cmocka_unit_test(input_that_waits_does_not_hide_the_uart),
        cmocka_unit_test(no_uart_is_no_console),
        cmocka_unit_test(a_uart_fresh_from_reset_is_found),
        cmocka_unit_test(an_open_divisor_latch_is_closed),
        cmocka_unit_test(what_does_not_loop_back_is_left_alone),
        cmocka_unit_test(a_port_that_a_person_names_is_believed),
        cmocka_unit_test(each_speed_has_its_divisor),
        cmocka_unit_test(keep_leaves_the_line_alone),
        cmocka_unit_test(line_ends_become_carriage_returns_too),
        cmocka_unit_test(the_transmitter_is_never_overrun),
        cmocka_unit_test(the_fifo_is_used),
        cmocka_unit_test(a_stalled_port_costs_one_time_out_and_recovers),
        cmocka_unit_test(keys_are_read_without_waiting),
        cmocka_unit_test(input_is_taken_while_output_waits),
        cmocka_unit_test(lost_input_is_told_once),
        cmocka_unit_test(breaks_and_noise_are_no_keys),
        cmocka_unit_test(what_may_be_a_debuggers_is_kept_back),
        cmocka_unit_test(a_debugger_is_called),
        cmocka_unit_test(what_is_said_is_a_debuggers),
        cmocka_unit_test(memory_mapped_registers_by_their_stride),
        cmocka_unit_test(registers_that_cannot_be_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
