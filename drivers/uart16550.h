// The 16550 UART and its relatives, as console: what the option serial= can say.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum uart_access { UART_PORT, UART_MMIO, UART_MMIO32 };

struct uart_config {
    enum uart_access access;
    uint64_t address;
    uint32_t baud;    // ignored with keep
    bool keep;        // leave speed and format as the firmware has set them
    bool is_explicit; // named by a person: believed even where the probe fails
};

// com1|com2|0xPORT|mmio:0xADDR|mmio32:0xADDR, then [,BAUD|,keep]. Returns false, and leaves
// *config alone, where the text is none of these.
must_use bool uart_parse(const char *text, struct uart_config *config);
