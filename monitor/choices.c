// The words that may come next, in columns.

#include "monitor/choices.h"
#include "lib/format.h"

enum { GAP = 2, ROWS_MAX = 20 };

static unsigned longest(const struct completion *found)
{
    size_t length = 0;
    for (unsigned i = 0; i < found->kept; i++)
        if (found->words[i].length > length)
            length = found->words[i].length;
    return (unsigned)length;
}

static void show_word(const struct completion_word *word, unsigned width, line_write *write)
{
    size_t length = word->length;
    write(word->text, length);
    for (; length < width; length++)
        write(" ", 1);
}

void choices_show(const struct completion *found, unsigned columns, line_write *write)
{
    unsigned width = longest(found) + GAP;
    unsigned across = width < columns ? (columns + GAP - 1) / width : 1;
    unsigned shown = found->kept < across * ROWS_MAX ? found->kept : across * ROWS_MAX;
    unsigned down = (shown + across - 1) / across;
    for (unsigned row = 0; row < down; row++) {
        for (unsigned i = row; i < shown; i += down)
            show_word(&found->words[i], i + down < shown ? width : 0, write);
        write("\n", 1);
    }
    char text[32];
    unsigned more = found->more + found->kept - shown;
    if (more)
        write(text, snprintf(text, sizeof(text), "... and %u more\n", more));
}
