// What commands print, on its way to the console: Ctrl-C cuts it, and it can stop after each
// screenful. What is typed meanwhile is kept (monitor/input.h).
#pragma once

#include "lib/types.h"

// Where a line of commands comes from.
enum output_origin { OUTPUT_FOR_OPTION, OUTPUT_FOR_LINE, OUTPUT_FOR_KEYBOARD };

// When there are pages: never, for what was entered at the machine's own keyboard, or for every
// line that was typed.
enum output_more { OUTPUT_MORE_OFF, OUTPUT_MORE_AUTO, OUTPUT_MORE_ON };
extern enum output_more output_more;

// Around a line of commands. In between, print() comes here, and command_interrupted() of
// monitor/command.h tells whether the output has been cut. At the end the cursor is at a row's
// start.
void output_begin(enum output_origin origin);
void output_end(void);

// Writes to the console as it stands, and takes what is typed meanwhile.
void output_write(const char *text, size_t length);
