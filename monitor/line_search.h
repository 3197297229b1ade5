// The line editor's search through the history, letter by letter (Ctrl-R). Part of the editor; it
// changes the line, and the editor draws.
#pragma once

#include "monitor/line_editor.h"

void line_search_begin(struct line_editor *editor);

// While a search is on. Returns whether the key meant the search; any other one accepts the line
// that was found, and is then to be done as always.
bool line_search_key(struct line_editor *editor, unsigned key);
