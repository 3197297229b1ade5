// arch/x86_64/ioapic against a model of the chip. Catches inputs that the firmware has left on,
// entries that are changed while they are in force, a destination that has no room in its 8 bits,
// chips that aren't there, have too many inputs, or share addresses or lines, and an entry that
// isn't what was written.

#include "tests/host/ioapic_machine.h"

static struct platform_ioapic found[MODELS];
static struct irq_line line;

static void add(unsigned model, uint32_t first_gsi)
{
    found[platform.ioapic_count++] = (struct platform_ioapic){
        .id = (uint8_t)(model + 1), .first_gsi = first_gsi, .address = models[model].address};
    platform.ioapics = found;
}

static void expect_untouched_or_masked(void)
{
    for (unsigned i = 0; i < MODELS; i++)
        assert_int_equal(models[i].changed_unmasked, 0);
}

static uint64_t entry(unsigned model, unsigned input)
{
    return models[model].entries[input];
}

static enum status use_line(unsigned input, bool is_level, bool is_low, uint32_t cpu)
{
    struct irq_chip *chip = registered[0];
    line = (struct irq_line){.gsi = chip->first_gsi + input,
                             .input = input,
                             .is_level = is_level,
                             .is_low = is_low,
                             .cpu = cpu};
    enum status status = chip->take_vector(chip, &line, cpu, &line.vector);
    return status == OK ? chip->set_up(chip, &line) : status;
}

static void start_one(void)
{
    machine_reset();
    add(0, 0);
    assert_int_equal(ioapic_init(), 1);
}

static void all_inputs_are_masked_at_start(void **state)
{
    (void)state;
    machine_reset();
    models[1].inputs = 120;                    // as many as there can be
    models[0].entries[7] = 0x0000000000000200; // the firmware's SMI
    models[0].entries[9] |= 0xc000;            // a level whose end was missed
    add(0, 0);
    add(1, 24);
    assert_int_equal(ioapic_init(), 2);
    assert_int_equal(registered[0]->inputs, 24);
    assert_int_equal(registered[1]->inputs, 120);
    assert_int_equal(registered[1]->first_gsi, 24);
    assert_string_equal(registered[1]->name, "I/O APIC 2");
    for (unsigned i = 0; i < 24; i++)
        assert_int_equal(entry(0, i), i == 7 ? 0x200 : 0x10000);
    for (unsigned i = 0; i < 120; i++)
        assert_int_equal(entry(1, i), 0x10000);
    assert_int_equal(log_lines[LOG_WARN], 0);
}

static void an_entry_has_everything_before_it_is_in_force(void **state)
{
    (void)state;
    start_one();
    assert_int_equal(use_line(4, false, false, 0), OK);
    assert_true(entry(0, 4) == 0x10030);
    registered[0]->unmask(registered[0], 4);
    assert_true(entry(0, 4) == 0x30);
    assert_int_equal(use_line(11, true, true, 2), OK);
    registered[0]->unmask(registered[0], 11);
    assert_true(entry(0, 11) == 0x040000000000a031);
    assert_int_equal(use_line(11, true, false, 1), OK); // changed while it is in force
    assert_true(entry(0, 11) == 0x0200000000018032);
    registered[0]->unmask(registered[0], 11);
    registered[0]->mask(registered[0], 11);
    assert_true(entry(0, 11) == 0x0200000000018032);
    assert_int_equal(models[0].changed_unmasked, 0);
    lapic_registers[LAPIC_EOI / 4] = 77;
    registered[0]->acknowledge(registered[0], 11);
    assert_int_equal(lapic_registers[LAPIC_EOI / 4], 0);
}

static void what_the_chip_adds_is_no_failure(void **state)
{
    (void)state;
    start_one();
    models[0].entries[3] |= 0x1000; // pending: the level is there already
    assert_int_equal(use_line(3, true, true, 0), OK);
    models[0].entries[3] |= 0x4000;
    registered[0]->mask(registered[0], 3);
    registered[0]->unmask(registered[0], 3);
    assert_true((entry(0, 3) & ~0x5000ull) == 0xa030);
}

static void processors_beyond_its_reach_are_refused(void **state)
{
    (void)state;
    start_one();
    cpus[1].arch.apic_id = 254;
    cpus[2].arch.apic_id = 255; // would be everybody
    assert_int_equal(use_line(4, false, false, 1), OK);
    assert_true(entry(0, 4) >> 56 == 254);
    assert_int_equal(use_line(4, false, false, 2), OUT_OF_RANGE);
    cpus[2].arch.apic_id = 256;
    assert_int_equal(use_line(4, false, false, 2), OUT_OF_RANGE);
    assert_int_equal(use_line(4, false, false, CPUS), NOT_FOUND);
}

static void an_entry_that_is_not_what_was_written(void **state)
{
    (void)state;
    start_one();
    models[0].kind = MODEL_STUCK;
    assert_int_equal(use_line(4, false, false, 0), FAILED);
    assert_non_null(strstr(log_last, "line 4 of I/O APIC 1"));
    assert_int_equal(entry(0, 4), 0x10000);
}

static void the_firmwares_own_input_is_refused(void **state)
{
    (void)state;
    machine_reset();
    models[0].entries[7] = 0x200;
    add(0, 0);
    assert_int_equal(ioapic_init(), 1);
    assert_int_equal(use_line(7, false, false, 0), FAILED);
    assert_int_equal(entry(0, 7), 0x200);
}

static void expect_left_out(const char *words)
{
    assert_int_equal(log_lines[LOG_WARN], 1);
    assert_non_null(strstr(log_last, "is left out"));
    assert_non_null(strstr(log_last, words));
    assert_int_equal(left_mapped, registered_count);
    assert_int_equal(allocated, registered_count);
    expect_untouched_or_masked();
}

static void what_does_not_answer_is_left_out(void **state)
{
    (void)state;
    for (unsigned kind = MODEL_ONES; kind <= MODEL_ZEROS; kind++) {
        machine_reset();
        models[0].kind = kind;
        add(0, 0);
        assert_int_equal(ioapic_init(), 0);
        expect_left_out("I/O APIC 1 at 0xfec00000");
        assert_int_equal(registered_count, 0);
    }
    machine_reset();
    models[0].inputs = 121;
    add(0, 0);
    assert_int_equal(ioapic_init(), 0);
    expect_left_out("doesn't answer");
}

static void contradictions_are_left_out(void **state)
{
    (void)state;
    machine_reset();
    add(0, 0);
    add(1, 23);
    assert_int_equal(ioapic_init(), 1);
    expect_left_out("another one has some of its lines");
    assert_int_equal(entry(1, 0), 0x10000); // but masked

    machine_reset();
    add(0, 0);
    add(0, 24);
    assert_int_equal(ioapic_init(), 1);
    expect_left_out("the same address");

    machine_reset();
    add(0, UINT32_MAX - 4);
    assert_int_equal(ioapic_init(), 0);
    expect_left_out("no numbers");

    machine_reset();
    add(0, 0);
    map_fails = NO_MEMORY;
    assert_int_equal(ioapic_init(), 0);
    expect_left_out("mapped");

    machine_reset();
    add(0, 0);
    memory_fails = true;
    assert_int_equal(ioapic_init(), 0);
    expect_left_out("memory");
}

static void a_machine_without_any(void **state)
{
    (void)state;
    machine_reset();
    assert_int_equal(ioapic_init(), 0);
    assert_int_equal(log_lines[LOG_WARN], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_inputs_are_masked_at_start),
        cmocka_unit_test(an_entry_has_everything_before_it_is_in_force),
        cmocka_unit_test(what_the_chip_adds_is_no_failure),
        cmocka_unit_test(processors_beyond_its_reach_are_refused),
        cmocka_unit_test(an_entry_that_is_not_what_was_written),
        cmocka_unit_test(the_firmwares_own_input_is_refused),
        cmocka_unit_test(what_does_not_answer_is_left_out),
        cmocka_unit_test(contradictions_are_left_out),
        cmocka_unit_test(a_machine_without_any),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_reset();
    return failed;
}
