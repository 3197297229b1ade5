// arch/x86_64/pic against a model of the pair and of the chip set's trigger registers. Catches
// vectors that stay among the exceptions, inputs left unmasked, a spurious interrupt that is taken
// for a real one or acknowledged, so that a real one is lost, an end of interrupt that the slave's
// half misses, levels set on lines that can't have them, and an empty port taken for a controller.

#include "tests/host/pic_machine.h"

static struct irq_line lines[PLATFORM_ISA_LINES];
static unsigned high_input;

static bool let_go(struct irq_handler *handler)
{
    (void)handler;
    drive(high_input, false);
    return true;
}

static struct irq_handler device = {.name = "device", .handle = let_go};

static enum status use(unsigned input, bool is_level)
{
    struct irq_line *line = &lines[input];
    *line = (struct irq_line){.gsi = input,
                              .input = input,
                              .is_level = is_level,
                              .is_low = is_level,
                              .handlers = &device};
    enum status status = registered->take_vector(registered, line, 0, &line->vector);
    if (status == OK)
        status = registered->set_up(registered, line);
    if (status == OK)
        registered->unmask(registered, input);
    return status;
}

static void expect_quiet(void)
{
    assert_false(is_asking());
    assert_int_equal(pair.chips[0].in_service, 0);
    assert_int_equal(pair.chips[1].in_service, 0);
}

static void boot(void)
{
    machine_reset();
    pic_init();
    assert_int_equal(pic_enable(), OK);
}

static void it_is_out_of_the_way(void **state)
{
    (void)state;
    machine_reset();
    drive(0, true); // the firmware's timer
    pic_init();
    assert_int_equal(pair.chips[0].starts, 1);
    assert_int_equal(pair.chips[1].starts, 1);
    assert_int_equal(pair.chips[0].words + pair.chips[1].words, 0);
    assert_int_equal(pair.chips[0].base, 0x20);
    assert_int_equal(pair.chips[1].base, 0x28);
    assert_int_equal(pair.chips[0].cascade, 1 << 2);
    assert_int_equal(pair.chips[1].cascade, 2);
    assert_int_equal(pair.chips[0].mode, 1);
    assert_int_equal(pair.chips[1].mode, 1);
    assert_int_equal(pair.chips[0].mask, 0xff);
    assert_int_equal(pair.chips[1].mask, 0xff);
    for (unsigned i = 0; i < 16; i++) {
        drive(i, true);
        assert_false(is_asking());
        assert_non_null(vectors[0x20 + i].run);
    }
}

static void there_is_none(void **state)
{
    (void)state;
    machine_reset();
    pair.is_absent = true;
    pic_init();
    assert_int_equal(pic_enable(), NOT_FOUND);
    assert_null(registered);
    assert_null(vectors[0x20].run);
    machine_reset();
    platform.has_pic = false; // what is at those ports may be anything
    pic_init();
    assert_int_equal(pair.writes, 0);
    assert_int_equal(pic_enable(), NOT_FOUND);
}

static void edges_are_delivered(void **state)
{
    static const unsigned inputs[] = {0, 1, 3, 4, 7, 8, 12, 15};
    (void)state;
    boot();
    for (unsigned i = 0; i < ARRAY_SIZE(inputs); i++)
        assert_int_equal(use(inputs[i], false), OK);
    for (unsigned i = 0; i < ARRAY_SIZE(inputs); i++) {
        high_input = inputs[i];
        drive(high_input, true);
        assert_int_equal(interrupt(), 0x20 + inputs[i]);
        assert_ptr_equal(delivered, &lines[inputs[i]]);
        assert_int_equal(deliveries, i + 1);
        expect_quiet();
    }
    assert_int_equal(pic_spurious_count(), 0);
    assert_int_equal(use(2, false), OUT_OF_RANGE); // the slave's own
}

static void a_masked_line_is_silent(void **state)
{
    (void)state;
    boot();
    assert_int_equal(use(4, false), OK);
    assert_int_equal(use(12, false), OK);
    registered->mask(registered, 4);
    registered->mask(registered, 12);
    drive(4, true);
    drive(12, true);
    assert_false(is_asking());
    registered->unmask(registered, 12);
    high_input = 12;
    assert_int_equal(interrupt(), 0x2c);
    expect_quiet();
    assert_int_equal(pair.chips[0].mask, 0xff & ~4);
    assert_int_equal(pair.chips[1].mask, 0xff & ~0x10);
}

static void only_the_boot_processor_is_reached(void **state)
{
    uint8_t vector;
    (void)state;
    boot();
    lines[4] = (struct irq_line){.input = 4};
    assert_int_equal(registered->take_vector(registered, &lines[4], 1, &vector), OUT_OF_RANGE);
}

// A line that falls before the processor has asked for the vector.
static void be_too_short(unsigned input, unsigned vector)
{
    unsigned delivered_before = deliveries;
    uint64_t before = pic_spurious_count();
    drive(input, true);
    assert_true(is_asking());
    pair.chips[input / 8].requested = pair.chips[input / 8].lines = 0;
    unsigned got = acknowledge_cycle();
    assert_int_equal(got, vector);
    vectors[got].run(vectors[got].context);
    assert_int_equal(deliveries, delivered_before);
    assert_int_equal(pic_spurious_count(), before + 1);
    expect_quiet(); // for the slave's, the master's half had to be ended
}

static void spurious_interrupts_are_told_apart(void **state)
{
    (void)state;
    boot();
    assert_int_equal(use(4, false), OK);
    assert_int_equal(use(12, false), OK);
    be_too_short(4, 0x27);
    be_too_short(12, 0x2f);
    assert_int_equal(use(7, false), OK); // and from those of a device at the same input
    assert_int_equal(use(15, false), OK);
    be_too_short(4, 0x27);
    be_too_short(12, 0x2f);
    for (high_input = 7; high_input <= 15; high_input += 8) {
        unsigned before = deliveries;
        drive(high_input, true);
        assert_int_equal(interrupt(), 0x20 + high_input);
        assert_int_equal(deliveries, before + 1);
        expect_quiet();
    }
}

// One that is in service must not be ended by a spurious one.
static void a_spurious_one_ends_nothing(void **state)
{
    (void)state;
    boot();
    pair.chips[0].in_service = 1 << 1;
    pair.chips[1].in_service = 1 << 3;
    vectors[0x27].run(vectors[0x27].context);
    assert_int_equal(pair.chips[0].in_service, 1 << 1);
    vectors[0x2f].run(vectors[0x2f].context);
    assert_int_equal(pair.chips[0].in_service, 1 << 1);
    assert_int_equal(pair.chips[1].in_service, 1 << 3);
    assert_int_equal(pic_spurious_count(), 2);
}

static void what_nobody_waits_for_is_ended(void **state)
{
    (void)state;
    machine_reset();
    pic_init();
    pair.chips[0].in_service = 1 << 5;
    vectors[0x25].run(vectors[0x25].context);
    expect_quiet();
    pair.chips[0].in_service = 1 << 2;
    pair.chips[1].in_service = 1 << 6;
    vectors[0x2e].run(vectors[0x2e].context);
    expect_quiet();
    assert_int_equal(deliveries, 0);
    assert_int_equal(pic_spurious_count(), 0);
}

static void levels_are_set_where_they_can_be(void **state)
{
    (void)state;
    boot();
    assert_int_equal(use(11, true), OK);
    assert_int_equal(use(5, true), OK);
    assert_int_equal(pair.chips[1].levels, 1 << 3);
    assert_int_equal(pair.chips[0].levels, 1 << 5);
    high_input = 11;
    drive(11, true);
    assert_int_equal(interrupt(), 0x2b);
    expect_quiet();
    assert_int_equal(use(11, false), OK);
    assert_int_equal(pair.chips[1].levels, 0);
    static const unsigned never[] = {0, 1, 8, 13};
    for (unsigned i = 0; i < ARRAY_SIZE(never); i++) {
        assert_int_equal(use(never[i], true), NOT_SUPPORTED);
        assert_int_equal(use(never[i], false), OK);
    }
    pair.elcr_is_stuck = true;
    assert_int_equal(use(10, true), FAILED);
}

static void a_machine_without_trigger_registers(void **state)
{
    (void)state;
    machine_reset();
    pair.has_no_elcr = true;
    pic_init();
    assert_int_equal(pic_enable(), OK);
    assert_int_equal(use(11, true), NOT_SUPPORTED);
    assert_int_equal(use(11, false), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_out_of_the_way),
        cmocka_unit_test(there_is_none),
        cmocka_unit_test(edges_are_delivered),
        cmocka_unit_test(a_masked_line_is_silent),
        cmocka_unit_test(only_the_boot_processor_is_reached),
        cmocka_unit_test(spurious_interrupts_are_told_apart),
        cmocka_unit_test(a_spurious_one_ends_nothing),
        cmocka_unit_test(what_nobody_waits_for_is_ended),
        cmocka_unit_test(levels_are_set_where_they_can_be),
        cmocka_unit_test(a_machine_without_trigger_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
