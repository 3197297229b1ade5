// A line of text, typed and changed key by key.

#include "monitor/line_editor.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/utf8.h"
#include "monitor/key.h"
#include "monitor/line_search.h"

enum { COLUMNS_MIN = 20 };

static void write_text(const struct line_editor *editor, const char *text)
{
    editor->write(text, strlen(text));
}

void line_editor_beep(struct line_editor *editor)
{
    write_text(editor, "\a");
}

// --- Drawing ----------------------------------------------------------------------------------

static unsigned count_characters(const char *text, unsigned length)
{
    unsigned count = 0;
    for (const char *end = text + length; text < end; count++)
        (void)utf8_next(&text);
    return count;
}

// Columns of a row: the last one of the terminal stays empty.
static unsigned row_columns(const struct line_editor *editor)
{
    return editor->columns - 1 < LINE_ROW_MAX ? editor->columns - 1 : LINE_ROW_MAX;
}

static void row_add(struct line_row *row, unsigned columns, const char *text)
{
    while (*text && row->length < columns)
        row->cells[row->length++] = utf8_next(&text);
}

// Moves the window so that the cursor is in it: by half of its width, so that typing on doesn't
// draw everything again with each key.
static void scroll(struct line_editor *editor, unsigned width)
{
    const struct line *line = &editor->line;
    if (count_characters(line->text, line->length) <= width)
        editor->first = 0;
    if (editor->first <= line->cursor &&
        count_characters(line->text + editor->first, line->cursor - editor->first) <= width)
        return;
    struct line back = *line;
    for (unsigned i = 0; i < width / 2; i++)
        back.cursor = line_before(&back);
    editor->first = back.cursor;
}

static void draw_line(struct line_editor *editor)
{
    struct line_row row = {.length = 0};
    unsigned columns = row_columns(editor);
    row_add(&row, columns, editor->prompt);
    scroll(editor, columns - row.length);
    const struct line *line = &editor->line;
    row.cursor =
        row.length + count_characters(line->text + editor->first, line->cursor - editor->first);
    row_add(&row, columns, line->text + editor->first);
    line_view_draw(&editor->view, &row);
}

static void draw_search(struct line_editor *editor)
{
    struct line_row row = {.length = 0};
    unsigned columns = row_columns(editor);
    editor->first = 0; // of another line
    row_add(&row, columns, "(search)'");
    row_add(&row, columns, editor->search.text);
    row_add(&row, columns, "': ");
    row.cursor = row.length + count_characters(editor->line.text, editor->line.cursor);
    row_add(&row, columns, editor->line.text);
    if (row.cursor > row.length)
        row.cursor = row.length;
    line_view_draw(&editor->view, &row);
}

static void draw(struct line_editor *editor)
{
    if (editor->search.is_on)
        draw_search(editor);
    else
        draw_line(editor);
}

void line_editor_hide(struct line_editor *editor)
{
    line_view_draw(&editor->view, &(struct line_row){.length = 0});
}

void line_editor_show(struct line_editor *editor)
{
    draw(editor);
}

void line_editor_leave_row(struct line_editor *editor)
{
    write_text(editor, "\n");
    line_view_forget(&editor->view);
}

// --- Changing ---------------------------------------------------------------------------------

void line_editor_insert(struct line_editor *editor, const char *text, size_t length)
{
    if (line_insert(&editor->line, text, (unsigned)length))
        return;
    editor->is_overlong = true;
    line_editor_beep(editor);
}

static void insert_character(struct line_editor *editor, uint32_t code)
{
    char bytes[UTF8_LENGTH_MAX];
    line_editor_insert(editor, bytes, utf8_encode(bytes, code));
}

// Deletes up to a place. Whoever deletes has seen where the line ends.
static void delete_to(struct line_editor *editor, unsigned place)
{
    if (place != editor->line.cursor)
        editor->is_overlong = false;
    line_delete(&editor->line, editor->line.cursor, place);
}

static void kill_to(struct line_editor *editor, unsigned place)
{
    unsigned from = editor->line.cursor < place ? editor->line.cursor : place;
    unsigned to = editor->line.cursor < place ? place : editor->line.cursor;
    if (from != to)
        (void)string_copy(editor->killed, sizeof(editor->killed), editor->line.text + from,
                          to - from);
    delete_to(editor, place);
}

static void yank(struct line_editor *editor)
{
    line_editor_insert(editor, editor->killed, strlen(editor->killed));
}

// --- Moving -----------------------------------------------------------------------------------

static void move_to(struct line_editor *editor, unsigned place)
{
    editor->line.cursor = place;
}

static unsigned line_start(const struct line *line)
{
    (void)line;
    return 0;
}

static unsigned line_end(const struct line *line)
{
    return line->length;
}

static void clear_screen(struct line_editor *editor)
{
    write_text(editor, "\033[2J\033[H");
    line_view_forget(&editor->view);
}

// A line that is longer than fits is never left behind: it would come back as if it were whole.
static void show_age(struct line_editor *editor, unsigned age)
{
    const char *line = age ? history_get(editor->history, age) : editor->typed;
    if (!line || editor->is_overlong)
        return line_editor_beep(editor);
    if (editor->age == 0)
        (void)string_copy(editor->typed, sizeof(editor->typed), editor->line.text,
                          editor->line.length);
    line_set(&editor->line, line);
    editor->age = age;
    editor->first = 0;
}

static void go_older(struct line_editor *editor)
{
    show_age(editor, editor->age + 1);
}

static void go_younger(struct line_editor *editor)
{
    if (editor->age)
        show_age(editor, editor->age - 1);
}

static void complete(struct line_editor *editor)
{
    if (editor->complete)
        editor->complete(editor);
}

// --- Keys -------------------------------------------------------------------------------------

// What a key does with the line from the cursor to some place.
static const struct {
    unsigned key;
    void (*act)(struct line_editor *editor, unsigned place);
    unsigned (*place)(const struct line *line);
} motions[] = {
    {KEY_LEFT, move_to, line_before},
    {KEY_CONTROL('B'), move_to, line_before},
    {KEY_RIGHT, move_to, line_behind},
    {KEY_CONTROL('F'), move_to, line_behind},
    {KEY_HOME, move_to, line_start},
    {KEY_CONTROL('A'), move_to, line_start},
    {KEY_END, move_to, line_end},
    {KEY_CONTROL('E'), move_to, line_end},
    {KEY_CTRL | KEY_LEFT, move_to, line_before_word},
    {KEY_ALT | KEY_LEFT, move_to, line_before_word},
    {KEY_ALT | 'b', move_to, line_before_word},
    {KEY_CTRL | KEY_RIGHT, move_to, line_behind_word},
    {KEY_ALT | KEY_RIGHT, move_to, line_behind_word},
    {KEY_ALT | 'f', move_to, line_behind_word},
    {KEY_BACKSPACE, delete_to, line_before},
    {KEY_DELETE, delete_to, line_behind},
    {KEY_CONTROL('D'), delete_to, line_behind},
    {KEY_CONTROL('K'), kill_to, line_end},
    {KEY_CONTROL('U'), kill_to, line_start},
    {KEY_CONTROL('W'), kill_to, line_before_blank},
    {KEY_ALT | KEY_BACKSPACE, kill_to, line_before_word},
    {KEY_ALT | 'd', kill_to, line_behind_word},
    {KEY_CTRL | KEY_DELETE, kill_to, line_behind_word},
};

static const struct {
    unsigned key;
    void (*run)(struct line_editor *editor);
} actions[] = {
    {KEY_TAB, complete},
    {KEY_UP, go_older},
    {KEY_CONTROL('P'), go_older},
    {KEY_DOWN, go_younger},
    {KEY_CONTROL('N'), go_younger},
    {KEY_CONTROL('Y'), yank},
    {KEY_CONTROL('L'), clear_screen},
    {KEY_CONTROL('R'), line_search_begin},
};

static void run_binding(struct line_editor *editor, unsigned key)
{
    key &= ~(unsigned)KEY_SHIFT;
    for (unsigned i = 0; i < ARRAY_SIZE(motions); i++)
        if (motions[i].key == key)
            motions[i].act(editor, motions[i].place(&editor->line));
    for (unsigned i = 0; i < ARRAY_SIZE(actions); i++)
        if (actions[i].key == key)
            actions[i].run(editor);
}

static enum line_state end_line(struct line_editor *editor, const char *mark)
{
    unsigned length = (unsigned)strlen(mark);
    if (length)
        move_to(editor, line_end(&editor->line));
    editor->columns -= length; // room for it
    draw(editor);
    editor->columns += length;
    write_text(editor, mark);
    line_editor_leave_row(editor);
    return length ? LINE_GIVEN_UP : LINE_ENTERED;
}

enum line_state line_editor_key(struct line_editor *editor, unsigned key)
{
    if (editor->search.is_on && line_search_key(editor, key)) {
        draw(editor);
        return LINE_TYPING;
    }
    if (key == KEY_ENTER || key == KEY_CONTROL('C'))
        return end_line(editor, key == KEY_ENTER ? "" : "^C");
    if (key_is_character(key))
        insert_character(editor, key);
    else
        run_binding(editor, key);
    draw(editor);
    return LINE_TYPING;
}

void line_editor_start(struct line_editor *editor)
{
    if (editor->columns < COLUMNS_MIN)
        editor->columns = COLUMNS_MIN;
    line_set(&editor->line, "");
    editor->is_overlong = editor->search.is_on = false;
    editor->age = editor->first = 0;
    editor->view.write = editor->write;
    line_view_forget(&editor->view);
    draw(editor);
}
