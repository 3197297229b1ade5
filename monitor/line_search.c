// The line editor's search through the history.

#include "monitor/line_search.h"
#include "lib/string.h"
#include "lib/utf8.h"
#include "monitor/key.h"

void line_search_begin(struct line_editor *editor)
{
    editor->search.is_on = true;
    editor->search.age = editor->search.length = 0;
    editor->search.text[0] = 0;
    editor->search.before = editor->line;
}

// Shows the youngest line of at least that age with the search's text, cursor where it stands.
static bool search_from(struct line_editor *editor, unsigned age)
{
    struct line_search *search = &editor->search;
    unsigned found = search->length ? history_search(editor->history, search->text, age) : 0;
    if (!found)
        return false;
    const char *line = history_get(editor->history, found);
    line_set(&editor->line, line);
    editor->line.cursor = (unsigned)(history_find_text(line, search->text) - line);
    search->age = found;
    return true;
}

static void search_add(struct line_editor *editor, uint32_t code)
{
    struct line_search *search = &editor->search;
    unsigned length = search->length;
    char bytes[UTF8_LENGTH_MAX];
    unsigned more = utf8_encode(bytes, code);
    if (length + more <= LINE_SEARCH_MAX) {
        memcpy(search->text + length, bytes, more);
        search->length += more;
        search->text[search->length] = 0;
        if (search_from(editor, search->age))
            return;
    }
    search->length = length;
    search->text[length] = 0;
    line_editor_beep(editor);
}

static void search_take_back(struct line_editor *editor)
{
    struct line_search *search = &editor->search;
    struct line text;
    line_set(&text, search->text);
    search->length = line_before(&text);
    search->text[search->length] = 0;
    if (search->length && search_from(editor, 1))
        return;
    editor->line = search->before;
    search->age = 0;
}

static void search_older(struct line_editor *editor)
{
    if (!search_from(editor, editor->search.age + 1))
        line_editor_beep(editor);
}

static void search_leave(struct line_editor *editor)
{
    editor->line = editor->search.before;
    editor->search.is_on = false;
}

// The line that was found is being typed from now on.
static void search_accept(struct line_editor *editor)
{
    editor->search.is_on = false;
    if (!editor->search.age)
        return;
    editor->age = 0;
    editor->is_overlong = false;
}

bool line_search_key(struct line_editor *editor, unsigned key)
{
    if (key == KEY_CONTROL('R')) {
        search_older(editor);
    } else if (key == KEY_BACKSPACE) {
        search_take_back(editor);
    } else if (key == KEY_ESCAPE || key == KEY_CONTROL('G') || key == KEY_CONTROL('C')) {
        search_leave(editor);
    } else if (key_is_character(key)) {
        search_add(editor, key);
    } else {
        search_accept(editor);
        return false;
    }
    return true;
}
