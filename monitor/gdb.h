// GDB's remote protocol, spoken over a serial line (docs/debugging.md).
#pragma once

// Listens from now on, on the line that gdb= names or the serial console's; with gdbwait it waits
// for GDB at once. Start-up only, when interrupts can come.
void gdb_start(void);
