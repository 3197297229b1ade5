// The local APIC: the part of each processor that takes interrupts and sends them to others
// [SDM3 11] [APM2 16]. All functions but lapic_init() are for the processor they run on.
#pragma once

#include "arch/x86_64/registers.h"
#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

enum lapic_register { // offsets in xAPIC mode; MSR_X2APIC + offset / 16 in x2APIC mode
    LAPIC_ID = 0x20,
    LAPIC_VERSION = 0x30,
    LAPIC_TASK_PRIORITY = 0x80,
    LAPIC_EOI = 0xb0,
    LAPIC_SPURIOUS = 0xf0,
    LAPIC_IN_SERVICE = 0x100, // the first of eight: 32 vectors each
    LAPIC_REQUESTED = 0x200,  // the first of eight
    LAPIC_ERROR_STATUS = 0x280,
    LAPIC_LVT_CMCI = 0x2f0, // only where the version says that there are 7 LVT entries
    LAPIC_COMMAND = 0x300,
    LAPIC_COMMAND_HIGH = 0x310, // xAPIC only
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_THERMAL = 0x330,
    LAPIC_LVT_PMU = 0x340,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_LVT_ERROR = 0x370,
    LAPIC_TIMER_INITIAL = 0x380,
    LAPIC_TIMER_CURRENT = 0x390,
    LAPIC_TIMER_DIVIDE = 0x3e0,
};

enum { // of LVT entries and the command register
    LAPIC_DELIVER_FIXED = 0 << 8,
    LAPIC_DELIVERY = 7 << 8, // the field
    LAPIC_DELIVER_SMI = 2 << 8,
    LAPIC_DELIVER_NMI = 4 << 8,
    LAPIC_DELIVER_INIT = 5 << 8,
    LAPIC_DELIVER_START = 6 << 8, // the vector is the page to start at
    LAPIC_DELIVER_EXTINT = 7 << 8,
    LAPIC_ACTIVE_LOW = 1 << 13,
    LAPIC_LEVEL = 1 << 15,
    LAPIC_MASKED = 1 << 16,
    LAPIC_ASSERT = 1 << 14,  // command register
    LAPIC_PENDING = 1 << 12, // command register, xAPIC: not sent yet
    LAPIC_TO_SELF = 1 << 18, // command register: the destination doesn't count
};

struct lapic {
    volatile uint32_t *registers; // xAPIC mode
    bool is_present, is_x2apic;
};
extern struct lapic lapic; // the same on all processors

// Switches the boot processor's on, in the mode that firmware has left it in, or in x2APIC mode
// where that is asked for (x2apic=on) or needed for a processor's id. Says what it does. Not where
// lapic_forbid() has been called. Start-up only, after the platform is known.
void lapic_init(void);

// For every other processor, before its interrupts are on. False where it can't be switched on in
// the boot processor's mode: then nothing reaches this one.
must_use bool lapic_cpu_init(void);

// Leaves all APICs alone (the option safe). Before lapic_init().
void lapic_forbid(void);

// This processor's id, by CPUID: works without an APIC too. lapic_id_leaf() says by which leaf: 1,
// in EBX[31:24], or another one, in EDX.
uint32_t lapic_id_leaf(void);
uint32_t lapic_cpu_id(void);

enum { LAPIC_XAPIC_ID_MAX = 254 }; // 255 is everybody

// These three only where lapic.is_present.
static inline uint32_t lapic_read(enum lapic_register reg)
{
    return lapic.registers ? lapic.registers[reg / 4] : (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
}

static inline void lapic_write(enum lapic_register reg, uint32_t value)
{
    if (lapic.registers)
        lapic.registers[reg / 4] = value;
    else
        wrmsr(MSR_X2APIC + reg / 16, value);
}

// The end of an interrupt that it has delivered (not of a spurious one, an NMI or one of the
// 8259's).
static inline void lapic_eoi(void)
{
    lapic_write(LAPIC_EOI, 0);
}

// Sends an interrupt to the processor with this id: `command` is a vector with LAPIC_DELIVER_* and
// LAPIC_ASSERT. What has been stored before is seen by who gets it. Any context but NMI and machine
// check, which may come between its two writes. TIMED_OUT where the APIC doesn't take it, in xAPIC
// mode.
enum status lapic_send(uint32_t apic_id, uint32_t command);

// Sends this processor an interrupt. NMI and machine check too: a destination that the interrupted
// code may be about to use is left alone.
void lapic_send_self(uint8_t vector);

// Whether a vector's interrupt has been delivered and not acknowledged yet.
bool lapic_is_in_service(uint8_t vector);
