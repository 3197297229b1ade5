// What lower layers need to know of the machine: processors, how interrupts are routed, timers,
// serial ports, memory's nodes. drivers/acpi fills it; arch/ and kernel/ read it and never ACPI.
//
// Without ACPI it describes the PC of old: one processor, the pair of 8259, no I/O APIC.
// Counts are what was understood and kept; arrays are allocated, and NULL where the count is 0.
// Written once, at start, by the boot processor.
#pragma once

#include "lib/types.h"

struct platform_cpu {
    uint32_t apic_id;
    uint32_t uid;    // by which other tables name it
    uint32_t node;   // of NUMA; PLATFORM_NO_NODE: not said
    bool is_enabled; // otherwise it isn't there, or only might be plugged in later
};

enum { PLATFORM_NO_NODE = 255, PLATFORM_ISA_LINES = 16 };

struct platform_ioapic {
    uint8_t id;
    uint32_t first_gsi; // global system interrupt of its first input
    paddr_t address;
};

// What an ISA interrupt line has become, where the firmware has rewired it; else its own number,
// edge, active high.
struct platform_isa_line {
    uint32_t gsi;
    bool is_level, is_low;
};

// A local interrupt input of a processor's APIC that is wired to NMI.
struct platform_nmi {
    uint32_t uid; // PLATFORM_ALL_CPUS: of all
    uint8_t lint; // 0 or 1
    bool is_level, is_low;
};

#define PLATFORM_ALL_CPUS UINT32_MAX

struct platform_hpet {
    paddr_t address; // 0: none
    uint8_t number;
    uint16_t minimum_tick;
};

struct platform_pm_timer {
    uint64_t address; // 0: none
    bool is_mmio;     // otherwise a port
    bool is_32_bit;   // otherwise it wraps after 24
};

enum { PLATFORM_UARTS_MAX = 8 };

struct platform_uart { // by SPCR or DBG2
    uint64_t address;
    bool is_mmio;
    uint8_t stride;     // bytes from one register to the next
    uint32_t gsi;       // PLATFORM_NO_GSI: none, or not said
    uint32_t baud;      // 0: as the firmware has left it
    bool is_console;    // SPCR's; otherwise a port for debuggers
    uint16_t interface; // subtype, as the tables count
};

#define PLATFORM_NO_GSI UINT32_MAX

struct platform_ecam { // PCI Express configuration space, by MCFG
    paddr_t address;   // of bus 0, even where first_bus is another
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

struct platform_memory_node {
    paddr_t start, end;
    uint32_t node;
};

struct platform {
    bool has_acpi; // and with it, MADT and the rest below where `has_madt`
    bool has_madt;
    bool has_pic;        // the pair of 8259, to be masked where I/O APICs are used
    bool has_i8042;      // false only where the FADT says so; not believed: the driver asks it
    bool has_rtc;        // false only where the FADT says so
    bool is_hw_reduced;  // no PM1 registers, no PM timer
    uint8_t rtc_century; // CMOS register that counts centuries; 0: none
    uint32_t sci_gsi;    // PLATFORM_NO_GSI: none
    bool sci_is_level, sci_is_low;
    paddr_t lapic_address; // 0: not said, the processor's own word counts

    unsigned cpu_count, ioapic_count, nmi_count, uart_count, ecam_count, memory_node_count;
    struct platform_cpu *cpus; // in the order of the MADT; no two with the same APIC id
    struct platform_ioapic *ioapics;
    struct platform_isa_line isa[PLATFORM_ISA_LINES];
    struct platform_nmi *nmis;
    struct platform_hpet hpet;
    struct platform_pm_timer pm_timer;
    struct platform_uart uarts[PLATFORM_UARTS_MAX];
    struct platform_ecam *ecams;
    struct platform_memory_node *memory_nodes;
};

extern struct platform platform; // kernel/platform.c: the PC of old, until the tables say more
