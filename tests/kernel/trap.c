// Traps: every vector arrives as itself, every register survives, what may fault returns an error,
// and a fault inside an NMI handler doesn't let the next NMI in.

#include "arch/x86_64/trap.h"
#include "arch/arch.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "kernel/clock.h"
#include "kernel/percpu.h"
#include "kernel/test.h"
#include "mm/layout.h"

extern const uint8_t test_int_stubs[VECTORS][4];
bool test_registers_survive(uintptr_t misalignment, uintptr_t fault_address);

static const uintptr_t unmapped = 0x0000400000000000, non_canonical = 0x8000000000000000;

static uint64_t seen_vector, seen_count;

static bool note_vector(struct trap_frame *frame)
{
    seen_vector = frame->vector;
    seen_count++;
    return true;
}

// INT doesn't push the error code that the stubs of these expect.
static bool has_error_code(unsigned vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 ||
           vector == 29 || vector == 30;
}

KTEST(trap, every_exception_arrives_as_itself)
{
    for (unsigned vector = 0; vector < VECTOR_EXCEPTIONS; vector++) {
        if (has_error_code(vector))
            continue;
        trap_handler *before = trap_set_handler((uint8_t)vector, note_vector);
        seen_vector = ~0ull;
        ((void (*)(void))(uintptr_t)test_int_stubs[vector])();
        (void)trap_set_handler((uint8_t)vector, before);
        KTEST_EQUAL(seen_vector, vector);
    }
}

static void note_interrupt(void *context)
{
    seen_vector = this_cpu()->interrupted->vector;
    seen_count += context == &seen_vector;
}

static struct vector_slot expect_interrupt(unsigned vector)
{
    struct vector_slot *slot = &this_cpu()->arch.vectors[vector - VECTOR_PIC], before = *slot;
    slot->run = note_interrupt;
    slot->context = &seen_vector;
    return before;
}

static void restore(unsigned vector, struct vector_slot before)
{
    this_cpu()->arch.vectors[vector - VECTOR_PIC] = before;
}

KTEST(trap, every_interrupt_arrives_as_itself)
{
    for (unsigned vector = VECTOR_PIC; vector < VECTORS; vector++) {
        struct vector_slot before = expect_interrupt(vector);
        seen_vector = ~0ull;
        seen_count = 0;
        ((void (*)(void))(uintptr_t)test_int_stubs[vector])();
        restore(vector, before);
        KTEST_EQUAL(seen_vector, vector);
        KTEST_EQUAL(seen_count, 1);
        KTEST_CHECK(!this_cpu()->interrupted);
    }
}

KTEST(trap, an_unexpected_interrupt_is_survived)
{
    uint64_t before = this_cpu()->arch.vectors[0x80 - VECTOR_PIC].count;
    ((void (*)(void))(uintptr_t)test_int_stubs[0x80])();
    KTEST_EQUAL(this_cpu()->arch.vectors[0x80 - VECTOR_PIC].count, before + 1);
}

KTEST(trap, registers_survive_an_interrupt)
{
    struct vector_slot before = expect_interrupt(0x80);
    bool aligned = test_registers_survive(0, 0), misaligned = test_registers_survive(8, 0);
    restore(0x80, before);
    KTEST_CHECK(aligned);
    KTEST_CHECK(misaligned);
}

KTEST(trap, registers_survive_a_fixup)
{
    KTEST_CHECK(test_registers_survive(0, unmapped));
    KTEST_CHECK(test_registers_survive(8, unmapped));
    KTEST_CHECK(test_registers_survive(0, non_canonical));
}

static bool saw_error_code(struct trap_frame *frame)
{
    seen_vector = frame->vector;
    seen_count = frame->error;
    frame->rip += 2; // behind the two bytes of the test's instruction
    return true;
}

KTEST(trap, error_codes_are_where_they_belong)
{
    trap_handler *before = trap_set_handler(VECTOR_PF, saw_error_code);
    seen_vector = 0;
    __asm__ volatile("movb %%al, (%0)" : : "r"(unmapped) : "memory"); // 2 bytes
    (void)trap_set_handler(VECTOR_PF, before);
    KTEST_EQUAL(seen_vector, VECTOR_PF);
    KTEST_EQUAL(seen_count, 2); // a write to what isn't mapped
}

KTEST(probe, reads_what_is_there)
{
    static const uint64_t word = 0x8877665544332211;
    uint64_t value;
    KTEST_EQUAL(arch_probe_read((uintptr_t)&word, 1, &value), OK);
    KTEST_EQUAL(value, 0x11);
    KTEST_EQUAL(arch_probe_read((uintptr_t)&word, 2, &value), OK);
    KTEST_EQUAL(value, 0x2211);
    KTEST_EQUAL(arch_probe_read((uintptr_t)&word, 4, &value), OK);
    KTEST_EQUAL(value, 0x44332211);
    KTEST_EQUAL(arch_probe_read((uintptr_t)&word, 8, &value), OK);
    KTEST_EQUAL(value, word);
    KTEST_EQUAL(arch_probe_read((uintptr_t)&word, 3, &value), BAD_ARGUMENT);
}

KTEST(probe, writes_only_as_much_as_asked)
{
    uint64_t word = ~0ull;
    for (unsigned size = 1; size <= 8; size *= 2) {
        word = ~0ull;
        KTEST_EQUAL(arch_probe_write((uintptr_t)&word, size, 0), OK);
        KTEST_EQUAL(word, size == 8 ? 0 : ~0ull << (8 * size));
    }
}

KTEST(probe, faults_are_errors)
{
    uint64_t value = 42;
    for (unsigned size = 1; size <= 8; size *= 2) {
        KTEST_EQUAL(arch_probe_read(unmapped, size, &value), FAULT);
        KTEST_EQUAL(arch_probe_read(non_canonical, size, &value), FAULT);
        KTEST_EQUAL(arch_probe_read(0, size, &value), FAULT);
        KTEST_EQUAL(arch_probe_write(unmapped, size, 1), FAULT);
        KTEST_EQUAL(arch_probe_write((uintptr_t)kernel_text_start, size, 1), FAULT);
        KTEST_EQUAL(arch_probe_write((uintptr_t)kernel_rodata_start, size, 1), FAULT);
    }
    KTEST_EQUAL(value, 42);
}

enum { MSR_PKRS = 0x6e1 };

KTEST(msr, what_the_processor_refuses_is_an_error)
{
    uint64_t efer;
    KTEST_EQUAL(msr_read(MSR_EFER, &efer), OK);
    KTEST_EQUAL(efer & EFER_KERNEL, EFER_KERNEL);
    KTEST_EQUAL(msr_write(MSR_PKRS, ~0ull), FAULT); // absent, or its upper half is reserved
}

static volatile unsigned nmi_depth, nmi_depth_max, nmi_count;

static void send_nmi_to_self(void)
{
    (void)lapic_send(this_cpu()->arch.apic_id, LAPIC_DELIVER_NMI | LAPIC_ASSERT);
}

static bool provoke_in_nmi(struct trap_frame *frame)
{
    uint64_t value;
    (void)frame;
    nmi_depth++;
    if (nmi_depth > nmi_depth_max)
        nmi_depth_max = nmi_depth;
    if (nmi_count++ == 0) {
        (void)!arch_probe_read(unmapped, 8, &value); // returning from this by IRET would unblock
        send_nmi_to_self();
        clock_delay_ns(100000);
    }
    nmi_depth--;
    return true;
}

KTEST(trap, a_fault_in_an_nmi_handler_keeps_nmis_blocked)
{
    if (!lapic.is_present)
        KTEST_SKIP("needs a local APIC");
    nmi_depth_max = nmi_count = 0;
    trap_handler *before = trap_set_handler(VECTOR_NMI, provoke_in_nmi);
    send_nmi_to_self();
    uint64_t start = clock_ns();
    while (nmi_count < 2 && clock_ns() - start < 100000000)
        arch_pause();
    (void)trap_set_handler(VECTOR_NMI, before);
    KTEST_EQUAL(nmi_count, 2); // the second came, but not before the first was done
    KTEST_EQUAL(nmi_depth_max, 1);
}
