// What is typed: keys from all of the console's sources, one after the other, those included that
// were typed ahead while something else was going on. For threads, of whom one at a time waits for
// keys.
#pragma once

#include "lib/types.h"

// So many bytes can be typed (or pasted) ahead. Of more, only whole lines are lost, and a BEL
// tells.
enum { INPUT_AHEAD_MAX = 32768 };

// Takes what has come meanwhile. Never waits. To be called often: a UART holds only 16 bytes.
void input_poll(void);

// Waits for a key of monitor/key.h; what was written comes to sight first. KEY_NONE when clock_ns()
// comes to `deadline_ns` (TIMER_NEVER: doesn't), or something that is watched for has come.
unsigned input_key(uint64_t deadline_ns);

// Until something may have come, or `deadline_ns`, for who looks at something else, too. `seen` is
// what console_notified() returned before he looked.
void input_wait(uint64_t seen, uint64_t deadline_ns);

// Whether the last key came from the keyboard of this machine, and not over a line.
bool input_is_from_keyboard(void);

// Looks back on the consoles where that is what the key means; returns whether it is.
bool input_scroll(unsigned key);

// Whether something has been typed ahead.
bool input_is_waiting(void);

// While watched, Ctrl-C and Ctrl-Z aren't keys: they are told of here. A Ctrl-C that was typed just
// before counts. Watching forgets what has come before.
void input_watch(bool is_on);
bool input_is_interrupted(void);
bool input_is_suspended(void);
