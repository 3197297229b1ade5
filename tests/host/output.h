// monitor/output for tests that include other files too: names that those have are its own here.
#pragma once

#define poll output_poll
#define hold output_hold
#define set  output_set
#include "monitor/output.c"
#undef poll
#undef hold
#undef set
