// monitor/output for tests that include other files too: names that those have are its own here.
#pragma once

#define filter output_filter
#define size   output_size
#define row    output_row
#define column output_column
#define cut    output_cut
#define poll   output_poll
#define follow output_follow
#include "monitor/output.c"
#undef filter
#undef size
#undef row
#undef column
#undef cut
#undef poll
#undef follow
