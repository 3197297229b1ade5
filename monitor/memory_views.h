// What the command `memory` shows, a view a word.
#pragma once

#include "lib/status.h"

// Each takes the words behind its own. BAD_ARGUMENT: too many or too few.
typedef enum status memory_view(int argc, char **argv);

memory_view memory_show_pages, memory_show_slabs, memory_show_leaks; // memory_views.c
memory_view memory_show_ranges, memory_show_mapping, memory_walk;    // memory_space.c
memory_view memory_run_checks;
