// kernel/irq against a controller of the test's own. Catches a shared line on which one device's
// handler hides the other's, lines shared though their triggers differ, a handler that is called
// after it was removed, a line that stays unmasked when nobody waits for it, a storm that is never
// noticed or that a device which is only busy is taken for, and ISA lines that aren't followed to
// where the firmware has wired them.

#include "tests/host/irq_machine.h"

enum { GSI = FIRST_GSI + 3, INPUT = 3 };

static void nothing_without_a_controller(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    chips = NULL;
    assert_int_equal(irq_add(GSI, false, false, &device.handler), NOT_SUPPORTED);
    assert_int_equal(irq_add_isa(4, &device.handler), NOT_SUPPORTED);
    assert_int_equal(irq_remove(GSI, &device.handler), NOT_FOUND);
    assert_int_equal(irq_unmask(GSI), NOT_FOUND);
    assert_int_equal(irq_move(GSI, 1), NOT_FOUND);
}

static void a_line_reaches_its_handler(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    assert_int_equal(irq_add(GSI, true, true, &device.handler), OK);
    assert_true(chip_state.is_level[INPUT] && chip_state.is_low[INPUT]);
    assert_int_equal(chip_state.cpu[INPUT], 0);
    assert_int_equal(chip_state.vector[INPUT], FIRST_VECTOR);
    assert_true(raise_line(GSI));
    assert_true(raise_line(GSI));
    assert_int_equal(device.calls, 2);
    assert_int_equal(chip_state.acknowledged, 2);
    assert_int_equal(find_line(GSI)->count, 2);
    assert_int_equal(find_line(GSI)->unclaimed, 0);
}

static void lines_that_no_controller_has(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    assert_int_equal(irq_add(FIRST_GSI - 1, false, false, &device.handler), OUT_OF_RANGE);
    assert_int_equal(irq_add(FIRST_GSI + INPUTS, false, false, &device.handler), OUT_OF_RANGE);
    assert_int_equal(irq_add(UINT32_MAX, false, false, &device.handler), OUT_OF_RANGE);
    assert_int_equal(irq_add_isa(16, &device.handler), OUT_OF_RANGE);
    assert_int_equal(irq_remove_isa(16, &device.handler), NOT_FOUND);
    assert_null(irq_line_next(NULL));
}

static void controllers_share_no_lines(void **state)
{
    static struct irq_chip others[5] = {
        {.first_gsi = FIRST_GSI - 4, .inputs = 5},
        {.first_gsi = FIRST_GSI + INPUTS - 1, .inputs = 1},
        {.first_gsi = 0, .inputs = 100},
        {.first_gsi = FIRST_GSI - 4, .inputs = 4},
        {.first_gsi = FIRST_GSI + INPUTS, .inputs = UINT32_MAX},
    };
    (void)state;
    machine_reset();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(irq_chip_add(&others[i]), BAD_ARGUMENT);
    assert_int_equal(irq_chip_add(&others[3]), OK);
    assert_int_equal(irq_chip_add(&others[4]), OK);
    assert_ptr_equal(chip_of(FIRST_GSI - 1), &others[3]);
    assert_ptr_equal(chip_of(FIRST_GSI), &chip);
    assert_ptr_equal(chip_of(UINT32_MAX), &others[4]);
}

static void every_handler_of_a_shared_line_is_asked(void **state)
{
    struct device devices[3] = {DEVICE("first"), DEVICE("second"), DEVICE("third")};
    char names[64];
    (void)state;
    machine_reset();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(irq_add(GSI, true, true, &devices[i].handler), OK);
    assert_int_equal(chip_state.given, 1); // one vector for all
    raise_line(GSI);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(devices[i].calls, 1);
    irq_line_names(find_line(GSI), names, sizeof(names));
    assert_string_equal(names, "first, second, third");
    irq_line_names(find_line(GSI), names, 10);
    assert_string_equal(names, "first, se");
    assert_int_equal(irq_remove(GSI, &devices[1].handler), OK);
    raise_line(GSI);
    assert_int_equal(devices[0].calls, 2);
    assert_int_equal(devices[1].calls, 1);
    assert_int_equal(devices[2].calls, 2);
}

static void one_claim_is_enough(void **state)
{
    struct device devices[2] = {DEVICE("asks"), DEVICE("doesn't")};
    (void)state;
    machine_reset();
    devices[1].asks = false;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(irq_add(GSI, true, true, &devices[i].handler), OK);
    for (unsigned i = 0; i < 10000; i++) {
        now_ns += 20000;
        assert_true(raise_line(GSI));
    }
    assert_int_equal(find_line(GSI)->unclaimed, 0);
}

static void a_conflict_is_refused_by_name(void **state)
{
    struct device devices[2] = {DEVICE("network"), DEVICE("sound")};
    (void)state;
    machine_reset();
    assert_int_equal(irq_add(GSI, true, true, &devices[0].handler), OK);
    assert_int_equal(irq_add(GSI, false, true, &devices[1].handler), BAD_ARGUMENT);
    assert_non_null(strstr(log_last, "network"));
    assert_non_null(strstr(log_last, "sound"));
    assert_int_equal(irq_add(GSI, true, false, &devices[1].handler), BAD_ARGUMENT);
    assert_int_equal(log_lines[LOG_WARN], 2);
    raise_line(GSI);
    assert_int_equal(devices[0].calls, 1);
    assert_int_equal(devices[1].calls, 0);
    assert_true(chip_state.is_level[INPUT] && chip_state.is_low[INPUT]);
    assert_int_equal(irq_remove(GSI, &devices[0].handler), OK); // then anybody may have it
    assert_int_equal(irq_add(GSI, false, false, &devices[1].handler), OK);
    assert_false(chip_state.is_level[INPUT] || chip_state.is_low[INPUT]);
    assert_int_equal(chip_state.given, 1);
}

static void nobody_waits_for_it_so_it_is_masked(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    assert_int_equal(irq_add(GSI, false, false, &device.handler), OK);
    assert_int_equal(irq_remove(GSI, &device.handler), OK);
    assert_true(chip_state.is_masked[INPUT]);
    assert_int_equal(irq_remove(GSI, &device.handler), NOT_FOUND);
    irq_deliver(find_line(GSI)); // it was on its way
    assert_int_equal(device.calls, 0);
    assert_int_equal(chip_state.acknowledged, 1);
    assert_int_equal(irq_add(GSI, false, false, &device.handler), OK);
    assert_false(chip_state.is_masked[INPUT]);
}

static void failures_leave_the_line_masked(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    memory_fails = true;
    assert_int_equal(irq_add(GSI, false, false, &device.handler), NO_MEMORY);
    memory_fails = false;
    chip_state.take_fails = NO_MEMORY;
    assert_int_equal(irq_add(GSI, false, false, &device.handler), NO_MEMORY);
    chip_state.take_fails = OK;
    chip_state.set_up_fails = FAILED;
    assert_int_equal(irq_add(GSI, false, false, &device.handler), FAILED);
    assert_true(chip_state.is_masked[INPUT]);
    assert_false(raise_line(GSI));
    chip_state.set_up_fails = OK;
    assert_int_equal(irq_add(GSI, false, false, &device.handler), OK);
    assert_true(raise_line(GSI));
    assert_int_equal(device.calls, 1);
}

// --- Where it goes ------------------------------------------------------------------------------

static void a_line_is_moved_and_what_was_pending_arrives(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    cpus_known = 1; // the others are found later
    assert_int_equal(irq_add(GSI, false, false, &device.handler), OK);
    assert_int_equal(irq_move(GSI, 2), NOT_FOUND);
    cpus_known = CPUS;
    assert_int_equal(irq_move(GSI, 2), OK);
    assert_int_equal(chip_state.cpu[INPUT], 2);
    assert_int_equal(chip_state.vector[INPUT], FIRST_VECTOR + 1);
    assert_false(chip_state.is_masked[INPUT]);
    assert_int_equal(irq_move(GSI, 0), OK); // the vector there is still its own
    assert_int_equal(chip_state.vector[INPUT], FIRST_VECTOR);
    assert_int_equal(chip_state.given, 2);
    assert_int_equal(irq_move(GSI, 3), OUT_OF_RANGE); // beyond reach
    assert_int_equal(irq_move(GSI, CPUS), NOT_FOUND);
    assert_int_equal(irq_move(GSI + 1, 1), NOT_FOUND);
    cpus[1].is_online = false;
    assert_int_equal(irq_move(GSI, 1), NOT_FOUND);
    assert_int_equal(chip_state.cpu[INPUT], 0);
    assert_true(raise_line(GSI));
}

static void a_move_that_fails_changes_nothing(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    assert_int_equal(irq_add(GSI, false, false, &device.handler), OK);
    chip_state.take_fails = NO_MEMORY;
    assert_int_equal(irq_move(GSI, 1), NO_MEMORY);
    chip_state.take_fails = OK;
    chip_state.set_up_fails = FAILED;
    assert_int_equal(irq_move(GSI, 1), FAILED);
    chip_state.set_up_fails = OK;
    assert_int_equal(find_line(GSI)->cpu, 0);
    assert_int_equal(find_line(GSI)->vector, FIRST_VECTOR);
    assert_true(raise_line(GSI));
}

static void a_masked_line_is_moved_masked(void **state)
{
    struct device device = DEVICE("device");
    (void)state;
    machine_reset();
    assert_int_equal(irq_add(GSI, false, false, &device.handler), OK);
    assert_int_equal(irq_remove(GSI, &device.handler), OK);
    assert_int_equal(irq_move(GSI, 1), OK);
    assert_true(chip_state.is_masked[INPUT]);
}

static void isa_lines_are_where_the_firmware_has_wired_them(void **state)
{
    struct device device = DEVICE("clock"), at_home = DEVICE("serial");
    struct irq_chip pic = {.name = "8259",
                           .inputs = 16,
                           .is_isa = true,
                           .take_vector = take_vector,
                           .set_up = set_up,
                           .mask = mask,
                           .unmask = unmask,
                           .acknowledge = acknowledge};
    (void)state;
    machine_reset();
    platform.isa[0] = (struct platform_isa_line){.gsi = 10, .is_level = true, .is_low = true};
    assert_int_equal(irq_add_isa(0, &device.handler), OK);
    assert_int_equal(irq_add_isa(9, &at_home.handler), OK);
    assert_true(chip_state.is_level[2] && chip_state.is_low[2]);
    assert_false(chip_state.is_level[1] || chip_state.is_low[1]);
    raise_line(10);
    assert_int_equal(device.calls, 1);
    raise_line(9);
    assert_int_equal(at_home.calls, 1);
    assert_int_equal(irq_remove_isa(0, &device.handler), OK);
    assert_true(chip_state.is_masked[2]);

    machine_reset(); // the 8259 has them by their own numbers, whatever the tables say
    chips = NULL;
    assert_int_equal(irq_chip_add(&pic), OK);
    assert_int_equal(irq_add_isa(0, &device.handler), OK);
    assert_non_null(find_line(0));
    assert_null(find_line(10));
    platform.isa[0] = (struct platform_isa_line){.gsi = 0};
}

static void lines_are_listed_by_number(void **state)
{
    static const uint32_t order[] = {12, 9, 30, 10, 31};
    struct device devices[5];
    uint32_t before = 0;
    unsigned count = 0;
    (void)state;
    machine_reset();
    for (unsigned i = 0; i < 5; i++) {
        devices[i] = (struct device)DEVICE("device");
        assert_int_equal(irq_add(order[i], false, false, &devices[i].handler), OK);
    }
    for (const struct irq_line *line = irq_line_next(NULL); line; line = irq_line_next(line)) {
        assert_true(line->gsi > before);
        before = line->gsi;
        count++;
    }
    assert_int_equal(count, 5);
}

// --- Storms -------------------------------------------------------------------------------------

static struct device stormy;

static void start_storm(bool is_level, bool asks)
{
    machine_reset();
    stormy = (struct device)DEVICE("stormy");
    stormy.asks = asks;
    assert_int_equal(irq_add(GSI, is_level, is_level, &stormy.handler), OK);
}

// Raises the line until it is masked; returns how often it came.
static unsigned raise_every(uint64_t pause_ns, unsigned limit)
{
    unsigned count = 0;
    while (count < limit && raise_line(GSI)) {
        now_ns += pause_ns;
        count++;
    }
    return count;
}

static void expect_masked(const char *words)
{
    assert_true(chip_state.is_masked[INPUT]);
    assert_int_equal(find_line(GSI)->state, IRQ_STORM);
    assert_int_equal(find_line(GSI)->storms, 1);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_non_null(strstr(log_last, "line 11 of fake chip (stormy)"));
    assert_non_null(strstr(log_last, words));
}

static void a_level_that_nobody_claims(void **state)
{
    (void)state;
    start_storm(true, false);
    assert_int_equal(raise_every(1000000, 1000), IRQ_UNCLAIMED_MAX);
    expect_masked("none of its devices has asked");
    assert_int_equal(chip_state.acknowledged, IRQ_UNCLAIMED_MAX); // the last one, too
}

static void a_level_that_is_claimed_now_and_then(void **state)
{
    (void)state;
    start_storm(true, false);
    for (unsigned i = 0; i < 10000; i++) {
        stormy.asks = i % 50 == 0;
        now_ns += 100000;
        assert_true(raise_line(GSI));
    }
}

static void edges_that_nobody_claims(void **state)
{
    (void)state;
    start_storm(false, false);
    assert_int_equal(raise_every(20000, 100000), 100000); // 50,000 a second are only useless
    assert_in_range(raise_every(5000, 10000), 1000, 2000);
    expect_masked("none of its devices has asked");
}

static void claims_without_end(void **state)
{
    (void)state;
    start_storm(true, true);
    assert_in_range(raise_every(5000, 1000000), 200000, 202000); // one second
    expect_masked("storms without end");
}

static void a_busy_device_is_no_storm(void **state)
{
    (void)state;
    start_storm(true, true);
    assert_int_equal(raise_every(12000, 1000000), 1000000);
    for (unsigned second = 0; second < 10; second++) { // bursts
        assert_int_equal(raise_every(1000, 50000), 50000);
        now_ns += 950000000;
    }
    now_ns += 100000000000;
    assert_int_equal(raise_every(1000, 50000), 50000); // behind a long silence
}

static void an_unmasked_line_gets_a_new_chance(void **state)
{
    struct device helper = DEVICE("helper");
    (void)state;
    start_storm(true, false);
    assert_int_equal(irq_unmask(GSI), NOT_FOUND); // nothing to be undone
    assert_int_equal(raise_every(1000, 1000), IRQ_UNCLAIMED_MAX);
    assert_int_equal(irq_unmask(GSI), OK);
    assert_int_equal(raise_every(1000, 1000), IRQ_UNCLAIMED_MAX);
    assert_int_equal(find_line(GSI)->storms, 2);
    assert_int_equal(irq_add(GSI, true, true, &helper.handler), OK); // it may be the one
    assert_int_equal(raise_every(100000, 1000), 1000);
    assert_int_equal(irq_remove(GSI, &helper.handler), OK);
    assert_int_equal(raise_every(1000, 1000), IRQ_UNCLAIMED_MAX);
    assert_int_equal(irq_remove(GSI, &stormy.handler), OK);
    assert_int_equal(irq_unmask(GSI), NOT_FOUND); // nobody waits for it
    assert_true(chip_state.is_masked[INPUT]);
}

static void what_was_pending_is_no_second_storm(void **state)
{
    (void)state;
    start_storm(true, false);
    (void)raise_every(1000, 1000);
    for (unsigned i = 0; i < 1000; i++)
        irq_deliver(find_line(GSI));
    assert_int_equal(find_line(GSI)->storms, 1);
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_int_equal(irq_move(GSI, 1), OK);
    assert_true(chip_state.is_masked[INPUT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_without_a_controller),
        cmocka_unit_test(a_line_reaches_its_handler),
        cmocka_unit_test(lines_that_no_controller_has),
        cmocka_unit_test(controllers_share_no_lines),
        cmocka_unit_test(every_handler_of_a_shared_line_is_asked),
        cmocka_unit_test(one_claim_is_enough),
        cmocka_unit_test(a_conflict_is_refused_by_name),
        cmocka_unit_test(nobody_waits_for_it_so_it_is_masked),
        cmocka_unit_test(failures_leave_the_line_masked),
        cmocka_unit_test(a_line_is_moved_and_what_was_pending_arrives),
        cmocka_unit_test(a_move_that_fails_changes_nothing),
        cmocka_unit_test(a_masked_line_is_moved_masked),
        cmocka_unit_test(isa_lines_are_where_the_firmware_has_wired_them),
        cmocka_unit_test(lines_are_listed_by_number),
        cmocka_unit_test(a_level_that_nobody_claims),
        cmocka_unit_test(a_level_that_is_claimed_now_and_then),
        cmocka_unit_test(edges_that_nobody_claims),
        cmocka_unit_test(claims_without_end),
        cmocka_unit_test(a_busy_device_is_no_storm),
        cmocka_unit_test(an_unmasked_line_gets_a_new_chance),
        cmocka_unit_test(what_was_pending_is_no_second_storm),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forget_lines();
    return failed;
}
