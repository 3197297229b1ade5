// The lines that were entered last.

#include "monitor/history.h"
#include "lib/string.h"

static bool is_blank_line(const char *line)
{
    while (*line == ' ' || *line == '\t')
        line++;
    return !*line;
}

void history_add(struct history *history, const char *line)
{
    const char *newest = history_get(history, 1);
    if (is_blank_line(line) || (newest && string_equal(line, newest)))
        return;
    char *place = history->lines[history->added++ % HISTORY_LINES];
    (void)string_copy(place, HISTORY_LINE_MAX + 1, line, strlen(line));
}

const char *history_get(const struct history *history, unsigned age)
{
    if (age == 0 || age > HISTORY_LINES || age > history->added)
        return NULL;
    return history->lines[(history->added - age) % HISTORY_LINES];
}

unsigned history_search(const struct history *history, const char *text, unsigned age)
{
    const char *line;
    for (age = age ? age : 1; (line = history_get(history, age)); age++)
        if (history_find_text(line, text))
            return age;
    return 0;
}

const char *history_find_text(const char *line, const char *text)
{
    for (; *line; line++)
        if (string_starts_with(line, text))
            return line;
    return *text ? NULL : line;
}
