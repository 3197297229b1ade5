// What is typed: keys from all of the console's sources, one after the other, those included that
// were typed ahead while something else was going on.
#pragma once

#include "lib/types.h"

// So many bytes can be typed (or pasted) ahead. Of more, only whole lines are lost, and a BEL
// tells.
enum { INPUT_AHEAD_MAX = 32768 };

// Takes what has come meanwhile. Never waits. To be called often: a UART holds only 16 bytes.
void input_poll(void);

// Waits for a key of monitor/key.h. What was written comes to sight first.
unsigned input_key(void);

// Whether the last key came from the keyboard of this machine, and not over a line.
bool input_is_from_keyboard(void);

// Looks back on the consoles where that is what the key means; returns whether it is.
bool input_scroll(unsigned key);

// Whether something has been typed ahead.
bool input_is_waiting(void);

// While watched, Ctrl-C isn't a key but an interrupt; one that was typed just before counts.
// Watching forgets the interrupt before.
void input_watch(bool is_on);
bool input_is_interrupted(void);
