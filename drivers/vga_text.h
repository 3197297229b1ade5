// VGA text memory, 80 x 25 on every PC with a BIOS.
#pragma once

#include "drivers/display.h"
#include "kernel/boot_info.h"
#include "lib/compiler.h"
#include "lib/status.h"

// Draws at `memory`, of `columns` by `rows` characters, and hides the hardware's own cursor.
// NOT_SUPPORTED where the size makes no sense.
must_use enum status vga_text_open(void *memory, unsigned columns, unsigned rows,
                                   struct display *display);

// Whether a VGA stands in a text mode with its memory at 0xb8000. Where there is none, it says so.
bool vga_text_is_on(void);
