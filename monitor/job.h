// Jobs: lines of commands, each run by a thread of its own, so that no command can take the keys
// away. The session waits for the one in the foreground, which has the keys and the cursor; what
// others print appears line by line, above what is typed.
//
// Jobs run on the boot processor, as commands expect.
#pragma once

#include "lib/status.h"
#include "lib/types.h"
#include "monitor/output.h"

enum { JOBS_MAX = 8 };

// For the session: runs a line, and returns when it has ended, or goes on in the background. Where
// there is no memory for a thread, the session runs it itself.
void job_run(const char *line, enum output_origin origin, bool in_background);

// The rest is for commands, in any thread.

// The session gives the keys to that job as soon as the command that calls this has ended; 0: to
// the one that went to the background last. NOT_FOUND.
must_use enum status job_bring_to_foreground(unsigned number);

// Asks it to end, as Ctrl-C does. NOT_FOUND.
must_use enum status job_interrupt(unsigned number);

struct job_info {
    unsigned number;
    uint32_t thread; // its id
    bool is_background, is_interrupted;
    uint64_t age_ns;
    char text[256];
};

// The first job that goes on whose number is at least `number`. False: none.
must_use bool job_next(unsigned number, struct job_info *info);
