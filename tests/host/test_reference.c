// The references of the TSC's measurement on simulated hardware. Catches a device that is taken for
// one although it isn't there or can't be, a counter read the wrong way round or too wide, a
// speaker that is heard, and a device that isn't left as it was found.

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "kernel/platform.c"

#include "arch/x86_64/reference_hpet.c"
#include "arch/x86_64/reference_pit.c"
#include "arch/x86_64/reference_pm_timer.c"

// --- The machine ---------------------------------------------------------------------------------

static uint32_t memory[0x400 / 4];
static bool is_mappable;
static unsigned mapped;

enum status vspace_map_mmio(paddr_t physical, size_t size, unsigned type, const char *name,
                            void **address)
{
    assert_true(size <= sizeof(memory) && type == MAP_UNCACHED && name);
    (void)physical;
    if (!is_mappable)
        return OUT_OF_RANGE;
    mapped++;
    *address = memory;
    return OK;
}

void vspace_unmap_physical(const void *address)
{
    assert_ptr_equal(address, memory);
    mapped--;
}

// Channel 2 [8254], as far as a driver of it may go.
static struct {
    bool is_there;
    uint8_t gate, mode, loads, reads;
    uint16_t count, latched;
    enum { NOTHING, COUNT, STATUS } latch;
} chip;

static uint32_t pm_count;

uint32_t fake_port_read(uint16_t port, unsigned size)
{
    if (size == 4) {
        assert_int_equal(port, 0x608);
        return pm_count;
    }
    assert_int_equal(size, 1);
    if (port == 0x61)
        return chip.is_there ? chip.gate : 0xff;
    assert_int_equal(port, 0x42);
    if (!chip.is_there)
        return 0xff;
    if (chip.latch == STATUS) {
        chip.latch = NOTHING;
        return chip.mode | 0x40;
    }
    assert_int_equal(chip.latch, COUNT); // unlatched, the halves wouldn't match
    return (uint8_t)(chip.latched >> 8 * (chip.reads++ % 2));
}

void fake_port_write(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(size, 1);
    if (port == 0x61)
        chip.gate = (uint8_t)value;
    else if (port == 0x42)
        chip.loads++, chip.count = 0;
    else if (value == 0x80)
        chip.latch = COUNT, chip.latched = chip.count, chip.reads = 0;
    else if (value == 0xe8)
        chip.latch = STATUS;
    else
        chip.mode = value & 0x3f;
    assert_true(port == 0x61 || port == 0x42 || port == 0x43);
}

static int start(void **state)
{
    (void)state;
    memset(&chip, 0, sizeof(chip));
    memset(memory, 0, sizeof(memory));
    platform.hpet.address = 0xfed00000;
    platform.pm_timer = (struct platform_pm_timer){.address = 0x608};
    chip.is_there = is_mappable = true;
    chip.gate = 0x30;
    mapped = 0;
    registers = NULL;
    log_forget();
    return 0;
}

// --- Tests ---------------------------------------------------------------------------------------

static void pit_counts_down(void **state)
{
    (void)state;
    const struct reference *found = pit_start();
    assert_non_null(found);
    assert_int_equal(found->mask, 0xffff);
    assert_int_equal(chip.gate, 0x31); // open, not heard
    assert_int_equal(chip.loads, 2);
    chip.count = 0x1234;
    uint64_t first = found->read() & found->mask;
    chip.count = 0x1200;
    assert_int_equal((found->read() - first) & found->mask, 0x34);
    chip.count = 0xfff0; // behind 0
    assert_int_equal((found->read() - first) & found->mask, 0x1244);
    found->stop();
    assert_int_equal(chip.gate, 0x30);
}

static void pit_was_heard(void **state)
{
    (void)state;
    chip.gate = 0x33;
    assert_non_null(pit_start());
    assert_int_equal(chip.gate & 3, 1);
}

static void no_pit(void **state)
{
    (void)state;
    chip.is_there = false;
    assert_null(pit_start());
}

static void hpet_runs(void **state)
{
    (void)state;
    memory[1] = 69841279;
    memory[4] = 2; // stopped, with the legacy routing that somebody has chosen
    memory[0xf0 / 4] = 0xfffffff0;
    const struct reference *found = hpet_start();
    assert_non_null(found);
    assert_int_equal(found->period_fs, 69841279);
    assert_int_equal(memory[4], 3);
    assert_int_equal(found->read() & found->mask, 0xfffffff0);
    found->stop();
    assert_int_equal(memory[4], 2);
}

static void hpets_that_cannot_be(void **state)
{
    (void)state;
    static const uint32_t periods[] = {0, 100000001, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_SIZE(periods); i++) {
        memory[1] = periods[i];
        assert_null(hpet_start());
        assert_int_equal(memory[4], 0);
    }
    assert_int_equal(mapped, 0);
    assert_int_equal(log_lines[LOG_WARN], 3);
    is_mappable = false;
    assert_null(hpet_start());
    assert_int_equal(log_lines[LOG_WARN], 4);
    platform.hpet.address = 0;
    assert_null(hpet_start());
    assert_int_equal(log_lines[LOG_WARN], 4);
}

static void pm_timer_by_port(void **state)
{
    (void)state;
    const struct reference *found = pm_timer_start();
    assert_non_null(found);
    assert_true(found->mask == 0xffffff && !found->stop);
    pm_count = 0xff123456;
    assert_int_equal(found->read() & found->mask, 0x123456);
    platform.pm_timer.is_32_bit = true;
    assert_true(pm_timer_start()->mask == 0xffffffff);
}

static void pm_timer_in_memory(void **state)
{
    (void)state;
    platform.pm_timer = (struct platform_pm_timer){0xfed81000, .is_mmio = true};
    memory[0] = 4711;
    const struct reference *found = pm_timer_start();
    assert_non_null(found);
    assert_int_equal(found->read() & found->mask, 4711);
}

static void pm_timers_that_cannot_be(void **state)
{
    (void)state;
    platform.pm_timer = (struct platform_pm_timer){.address = 0x10608};
    assert_null(pm_timer_start());
    assert_int_equal(log_lines[LOG_WARN], 1);
    platform.pm_timer = (struct platform_pm_timer){0xfed81002, .is_mmio = true};
    assert_null(pm_timer_start());
    is_mappable = false;
    platform.pm_timer.address = 0xfed81000;
    assert_null(pm_timer_start());
    platform.pm_timer.address = 0;
    assert_null(pm_timer_start());
    assert_int_equal(mapped, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pit_counts_down),
        TEST(pit_was_heard),
        TEST(no_pit),
        TEST(hpet_runs),
        TEST(hpets_that_cannot_be),
        TEST(pm_timer_by_port),
        TEST(pm_timers_that_cannot_be),
        TEST(pm_timer_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
