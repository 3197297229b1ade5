// The serial port console redirection table [SPCR].
#pragma once

enum {
    SPCR_INTERFACE = 36,
    SPCR_ADDRESS = 40,        // a generic address structure
    SPCR_INTERRUPT_TYPE = 52, // bit 0: a line of the 8259; bit 1: an input of an I/O APIC
    SPCR_IRQ = 53,
    SPCR_GSI = 54,
    SPCR_BAUD = 58,
    SPCR_SIZE = 80,         // of the first revisions
    SPCR_PRECISE_BAUD = 80, // revision 4 and later
};
