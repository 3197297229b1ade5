// Machine-check errors on their way from where they are found to the log.
#pragma once

#include "arch/x86_64/machine_error.h"
#include "lib/types.h"

// Counts an error, and keeps it for machine_notes_log() if there is room. `is_old`: from before the
// start. Any context, machine check included.
void machine_note(const struct machine_error *error, bool is_old);

// Logs what is kept, a few lines a minute at most, and then how many were left out. Not NMI or
// machine check.
void machine_notes_log(void);

struct machine_counts { // since start
    unsigned corrected, others;
};
struct machine_counts machine_counts(void);
