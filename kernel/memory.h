// Brings memory up.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"

// Pages, the final page tables, objects; then gives back what only the boot needed. What can't be
// done is logged, and boot goes on without it. Once, after boot_info_init() and the options.
void memory_init(void);

// Gives the memory of a module back that nobody wants, and takes it off the list: those behind it
// move up by one. OUT_OF_RANGE where there is no such module; NO_MEMORY where the map has no room
// for one more range.
must_use enum status memory_free_module(unsigned index);
