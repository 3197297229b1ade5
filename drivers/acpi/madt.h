// The MADT, whose signature is "APIC" [ACPI 5.2.12]: processors, and how interrupts come to them.
#pragma once

enum {
    MADT_LAPIC_ADDRESS = 36,
    MADT_FLAGS = 40, // bit 0: there is a pair of 8259, too
    MADT_ENTRIES = 44,
};

enum madt_type {
    MADT_LAPIC,
    MADT_IOAPIC,
    MADT_OVERRIDE,
    MADT_NMI_SOURCE,
    MADT_LAPIC_NMI,
    MADT_LAPIC_ADDRESS_64,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI,
};

enum { MADT_CPU_ENABLED = 1 }; // in the flags of a processor
