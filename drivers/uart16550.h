// The 16550 UART and its relatives: as console, what the option serial= can say, and which others
// there are.
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

// The UART that the driver has set up as console; NULL where there is none.
const struct uart_config *uart_console(void);

// Whether a UART answers at an I/O port. Writes nothing but its scratch register, which is put
// back: what goes over the line goes on undisturbed. Not for the port of uart_console(), which is
// there.
must_use bool uart_answers(uint16_t port);
