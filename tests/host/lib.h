// lib/ compiled into a test of something else.
#pragma once

#include "tests/host/host.h"

#define word string_word // a type there, a function in some of what is tested
#include "lib/string.c"
#undef word
#define output format_output
#include "lib/format.c"
#undef output
#include "lib/parse.c"
#include "lib/status.c"
#include "lib/utf8.c"
