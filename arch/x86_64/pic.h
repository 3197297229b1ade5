// The pair of 8259 interrupt controllers of the PC [8259A].
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

// Moves its vectors away from the exceptions, masks all of it, and answers what it raises
// nevertheless. Does nothing where there is none. The boot processor, start-up only.
void pic_init(void);

// Makes it a controller of interrupt lines (kernel/irq.h), which are then ISA's. NOT_FOUND where
// there is none. Start-up only, after pic_init().
must_use enum status pic_enable(void);

// Interrupts without anybody who had asked: each is noise on a line, and counted.
uint64_t pic_spurious_count(void);
