// The monitor's session.
#pragma once

#include "lib/compiler.h"

// Runs the commands of the option run=, then reads and runs lines for ever.
noreturn void shell_run(void);

// Prints the lines that were entered, the oldest first, with their numbers.
void shell_list_history(void);
