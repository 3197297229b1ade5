// What commands print, on its way to the console: Ctrl-C cuts it, it can stop after each screenful,
// and that of a job in the background comes line by line, above what is being typed.
#pragma once

#include "kernel/console.h"
#include "lib/compiler.h"
#include "lib/types.h"

// Where a line of commands comes from.
enum output_origin { OUTPUT_FOR_OPTION, OUTPUT_FOR_LINE, OUTPUT_FOR_KEYBOARD };

// When there are pages: never, for what was entered at the machine's own keyboard, or for every
// line that was typed.
enum output_more { OUTPUT_MORE_OFF, OUTPUT_MORE_AUTO, OUTPUT_MORE_ON };
extern enum output_more output_more;

enum { OUTPUT_LINE_MAX = 256 }; // of what comes from the background; longer ones are cut in two

// monitor/output.c's, but for `is_background`, `is_cut` and `is_interrupted`, which others may set.
struct output {
    struct console_stream stream; // first
    struct console_size size;
    unsigned row, column; // rows since the last page's end
    enum output_escape { OUTPUT_TEXT, OUTPUT_AFTER_ESCAPE, OUTPUT_IN_SEQUENCE } escape;
    bool is_paged;
    bool is_background;  // it has neither the keys nor the cursor
    bool is_interrupted; // as soon as it looks it is cut
    bool is_attended;    // somebody else looks for Ctrl-C, and wakes the thread
    bool is_cut;         // nothing more is shown
    uint64_t shown_ns;
    size_t held; // of a line that isn't complete
    char line[OUTPUT_LINE_MAX];
};

// For a line from there.
void output_prepare(struct output *output, enum output_origin origin);

// Around that line, in the thread that runs it: in between, its print() comes here, and
// command_interrupted() of monitor/command.h tells whether the output has been cut. At the end the
// cursor is at a row's start.
void output_begin(struct output *output);
void output_end(struct output *output);

// The one that the calling thread prints to; NULL: none.
struct output *output_of_self(void);
