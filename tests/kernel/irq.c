// Interrupt lines on the machine at hand: they arrive, noise is told apart and counted, and a line
// that storms is masked and named while everything else goes on. The line is the PIT's.

#include "kernel/irq.h"
#include "arch/arch.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/pic.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/vector.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include "kernel/platform.h"
#include "kernel/test.h"
#include "lib/string.h"

extern const uint8_t test_int_stubs[VECTORS][4];

enum { // [8254]
    PIT_CHANNEL_0 = 0x40,
    PIT_COMMAND = 0x43,
    PIT_RATE = 0x34,     // channel 0, two bytes, mode 2: an edge for each round
    PIT_ONE_SHOT = 0x30, // mode 0: high from the end of the count on
    PIT_1_KHZ = 1193,
};

#define WAIT_NS 2000000000ull

static void set_pit(uint8_t mode, uint16_t count)
{
    port_write8(PIT_COMMAND, mode);
    port_write8(PIT_CHANNEL_0, (uint8_t)count);
    port_write8(PIT_CHANNEL_0, (uint8_t)(count >> 8));
}

struct device {
    struct irq_handler handler; // first
    bool claims;
    volatile unsigned calls;
};

static bool count_calls(struct irq_handler *handler)
{
    struct device *device = (struct device *)handler;
    device->calls++;
    return device->claims;
}

#define DEVICE(name, claims)                     \
    {                                            \
        {(name), count_calls, NULL}, (claims), 0 \
    }

static const struct irq_line *line_of(const struct device *device)
{
    const struct irq_line *line = irq_line_next(NULL);
    while (line && line->handlers != &device->handler)
        line = irq_line_next(line);
    return line;
}

// With interrupts on, until so many have come or the line is masked.
static void wait_for(const struct device *device, unsigned calls, const struct irq_line *line)
{
    uintptr_t state = arch_irq_save();
    __asm__ volatile("sti");
    uint64_t start = clock_ns();
    while (device->calls < calls && __atomic_load_n(&line->state, __ATOMIC_RELAXED) == IRQ_ON &&
           clock_ns() - start < WAIT_NS)
        arch_pause();
    (void)arch_irq_save();
    arch_irq_restore(state);
}

// --- Lines ---------------------------------------------------------------------------------------

KTEST(irq, edges_arrive)
{
    static struct device device = DEVICE("test of edges", true);
    if (!irq_is_available())
        KTEST_SKIP("needs an interrupt controller");
    device.calls = 0;
    set_pit(PIT_RATE, PIT_1_KHZ);
    KTEST_EQUAL(irq_add_isa(0, &device.handler), OK);
    const struct irq_line *line = line_of(&device);
    KTEST_CHECK(line);
    wait_for(&device, 20, line);
    unsigned calls = device.calls;
    KTEST_EQUAL(irq_remove_isa(0, &device.handler), OK);
    unsigned after = device.calls;
    clock_delay_ns(10000000);
    set_pit(PIT_RATE, 0);
    KTEST_CHECK(calls >= 20);
    KTEST_EQUAL(device.calls, after); // removed is over
    KTEST_CHECK(line->state == IRQ_IDLE);
}

// --- Noise ---------------------------------------------------------------------------------------

static void raise(unsigned vector)
{
    ((void (*)(void))(uintptr_t)test_int_stubs[vector])();
}

KTEST(irq, noise_on_the_8259_is_counted)
{
    if (!vector_get(0, VECTOR_PIC)->run)
        KTEST_SKIP("needs an 8259");
    uint64_t before = pic_spurious_count();
    raise(VECTOR_PIC + 7);
    KTEST_EQUAL(pic_spurious_count(), before + 1);
    raise(VECTOR_PIC + 15);
    KTEST_EQUAL(pic_spurious_count(), before + 2);
}

KTEST(irq, noise_on_the_local_apic_is_counted)
{
    const struct vector_slot *slot = vector_get(this_cpu()->cpu, VECTOR_SPURIOUS);
    if (!slot->run)
        KTEST_SKIP("needs a local APIC");
    uint64_t before = slot->count;
    raise(VECTOR_SPURIOUS);
    KTEST_EQUAL(slot->count, before + 1);
    KTEST_CHECK(!lapic_is_in_service(VECTOR_SPURIOUS));
}

// --- Storms --------------------------------------------------------------------------------------

static bool find_name(void *context, const char *line, size_t length)
{
    static const char name[] = "(test of storms)";
    unsigned *found = context;
    for (size_t i = 0; i + sizeof(name) - 1 <= length; i++)
        *found += memcmp(line + i, name, sizeof(name) - 1) == 0;
    return true;
}

static unsigned times_named(void)
{
    unsigned found = 0;
    log_replay(LOG_WARN, find_name, &found);
    return found;
}

// High for good: the PIT has nothing that takes the level away.
KTEST(irq, a_level_that_nobody_claims_is_masked_and_named)
{
    static struct device device = DEVICE("test of storms", false);
    uint32_t gsi = platform.isa[0].gsi;
    unsigned named = times_named();
    device.calls = 0;
    enum status status = irq_add(gsi, true, false, &device.handler);
    if (status == NOT_SUPPORTED)
        KTEST_SKIP("needs an I/O APIC");
    KTEST_EQUAL(status, OK);
    const struct irq_line *line = line_of(&device);
    uint64_t storms = line->storms;
    set_pit(PIT_ONE_SHOT, 1); // some emulators take a level for one only when it changes
    wait_for(&device, UINT32_MAX, line);
    bool is_masked = line->state == IRQ_STORM;
    unsigned calls = device.calls;
    clock_delay_ns(10000000);
    bool is_silent = device.calls == calls;
    bool is_named = times_named() == named + 1;
    enum status unmasked = irq_unmask(gsi); // and it is noticed again
    wait_for(&device, UINT32_MAX, line);
    KTEST_EQUAL(irq_remove(gsi, &device.handler), OK);
    set_pit(PIT_RATE, 0);
    KTEST_CHECK(is_masked);
    KTEST_CHECK(calls >= 50 && calls < 1000);
    KTEST_CHECK(is_silent);
    KTEST_CHECK(is_named);
    KTEST_EQUAL(unmasked, OK);
    KTEST_EQUAL(line->storms, storms + 2);
    KTEST_CHECK(irq_unmask(gsi) == NOT_FOUND); // nobody is left
}

// Interrupts that this processor sends itself, as fast as it takes them: fewer than make a storm of
// what is claimed.
KTEST(irq, edges_that_nobody_claims_are_masked_and_named)
{
    enum { SENT_MAX = 100000 };
    static struct device device = DEVICE("test of storms", false);
    if (!irq_is_available() || !platform.ioapic_count)
        KTEST_SKIP("needs an I/O APIC");
    unsigned named = times_named();
    KTEST_EQUAL(irq_add_isa(0, &device.handler), OK);
    const struct irq_line *line = line_of(&device);
    uint64_t storms = line->storms;
    uint32_t id = percpu_get(line->cpu)->arch.apic_id;
    enum status sent = OK;
    uintptr_t state = arch_irq_save();
    __asm__ volatile("sti");
    for (unsigned i = 0; i < SENT_MAX && sent == OK && line->state == IRQ_ON; i++)
        sent = lapic_send(id, line->vector | LAPIC_DELIVER_FIXED | LAPIC_ASSERT);
    (void)arch_irq_save();
    arch_irq_restore(state);
    KTEST_EQUAL(irq_remove_isa(0, &device.handler), OK);
    KTEST_EQUAL(sent, OK);
    KTEST_EQUAL(line->storms, storms + 1);
    KTEST_EQUAL(times_named(), named + 1);
}
