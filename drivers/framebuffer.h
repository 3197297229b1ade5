// A linear framebuffer, drawn on and never read.
//
// Any depth of 15, 16, 24 or 32 bits, masks, pitch and place; integer scale.
#pragma once

#include "drivers/display.h"
#include "kernel/boot_info.h"
#include "lib/compiler.h"
#include "lib/status.h"

enum { FRAMEBUFFER_SCALE_MAX = 8 };

// Draws at `memory`, where the framebuffer that the loader has described is mapped. `scale` is 1 to
// FRAMEBUFFER_SCALE_MAX. NOT_SUPPORTED where the description makes no sense, or not one character
// fits.
must_use enum status framebuffer_open(void *memory, const struct boot_framebuffer *description,
                                      unsigned scale, struct display *display);

// The scale that makes text readable: a character is about 1/45 of the screen's height, where 80
// columns remain. For a panel of 3840 x 2160 it is 3.
unsigned framebuffer_scale(unsigned width, unsigned height);

// Bytes from the first pixel to behind the last.
uint64_t framebuffer_size(const struct boot_framebuffer *description);
