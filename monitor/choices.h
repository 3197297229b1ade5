// The words that may come next, for people: in columns.
#pragma once

#include "monitor/completion.h"
#include "monitor/line_view.h"

// Writes what was found as lines of fewer than `columns` columns, sorted downwards, and how many
// more there are.
void choices_show(const struct completion *found, unsigned columns, line_write *write);
